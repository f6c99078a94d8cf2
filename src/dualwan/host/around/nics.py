"""The interfaces of this machine: rtnetlink lists them, udev and sysfs describe the hardware."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET
from typing import Any

from dualwan.host import prefix
from dualwan.host.rtnl import IPRoute, dump, refused, understood
from dualwan.model.setup import Nic

_LOOPBACK, _LOWER_UP = 0x8, 0x10000  # linux/if.h
# Kinds that can be neither WAN nor LAN: tunnels, sessions, ends of containers.
_NO_CANDIDATES = ("ip6tnl", "ipip", "sit", "gre", "gretap", "ip6gre", "vti", "ppp", "dummy", "ifb")
_TYPES = (1,)  # ARPHRD_ETHER
_SCOPE_UNIVERSE = 0


@understood("interfaces")
def look(manager: Callable[[str], str]) -> tuple[Nic, ...]:
    """Return each interface that may be WAN or LAN, by name; raises KernelError.

    ``manager`` returns the program that manages a device.
    """
    with refused("interfaces"), IPRoute() as ipr:
        found = [
            (int(link["index"]), link)
            for link in dump("interfaces", ipr.get_links)
            if _is_candidate(link)
        ]
        addresses = _addresses(ipr)
        made = [
            Nic(
                link.get_attr("IFLA_IFNAME"),
                _kind(link),
                carrier=bool(link["flags"] & _LOWER_UP),
                addresses=tuple(addresses.get(index, ())),
                prefixes=prefix.prefixes(ipr, link.get_attr("IFLA_IFNAME")),
                hears=prefix.has_default(ipr, index),
            )
            for index, link in found
        ]
    return tuple(
        sorted(one._replace(manager=manager(one.name), **_of_udev(one.name)) for one in made)
    )


def _is_candidate(link: Any) -> bool:
    return (
        link["ifi_type"] in _TYPES
        and not link["flags"] & _LOOPBACK
        and _kind(link) not in _NO_CANDIDATES
    )


def _kind(link: Any) -> str:
    """Return the kind of a device without hardware: bridge, vlan, veth and so on."""
    info = link.get_attr("IFLA_LINKINFO")
    return str((info.get_attr("IFLA_INFO_KIND") if info else "") or "")


def _addresses(ipr: Any) -> dict[int, list[str]]:
    """Return the global IPv4 addresses with their length, by the index of the interface."""
    found: dict[int, list[str]] = {}
    for message in dump("addresses", lambda: ipr.get_addr(family=AF_INET)):
        if message["scope"] == _SCOPE_UNIVERSE:
            local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            found.setdefault(message["index"], []).append(f"{local}/{message['prefixlen']}")
    return found


def _of_udev(name: str) -> dict[str, Any]:
    """Return driver and speed, and the kind "wireless", as far as udev and sysfs know them."""
    import pyudev  # noqa: PLC0415 - tens of milliseconds; only here

    found: dict[str, Any] = {}
    with suppress(pyudev.DeviceNotFoundError, OSError, ValueError):
        device = pyudev.Devices.from_name(pyudev.Context(), "net", name)
        parent = device.parent
        driver = device.properties.get("ID_NET_DRIVER")
        found["driver"] = str(driver or (parent is not None and parent.driver) or "")
        if device.device_type == "wlan":
            found["kind"] = "wireless"
        with suppress(KeyError, OSError, ValueError):  # a link that is down has no speed
            found["speed"] = max(0, int(device.attributes.asint("speed")))
    return found
