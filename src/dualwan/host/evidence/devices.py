"""Devices with carrier, addresses and counters, by rtnetlink."""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET, AF_INET6
from typing import Any

from dualwan.host.rtnl import dump, understood
from dualwan.host.rtnl_message import IFF_UP
from dualwan.model.evidence import Device, DeviceAddress

_IFF_LOWER_UP = 0x10000
_IFA_F_DADFAILED, _IFA_F_TENTATIVE = 0x08, 0x40


@understood("links and addresses")
def look(ipr: Any, names: Iterable[str]) -> dict[str, Device]:
    """Return those devices in ``names`` that exist; raises KernelError."""
    wanted, found, by_index = set(names), {}, {}
    for message in dump("links", ipr.get_links):
        name = message.get_attr("IFLA_IFNAME")
        if name in wanted:
            by_index[message["index"]] = name
            found[name] = _device(message)
    addresses: dict[str, list[DeviceAddress]] = {name: [] for name in found}
    for message in (
        *dump("addresses", lambda: ipr.get_addr(family=AF_INET)),
        *dump("addresses", lambda: ipr.get_addr(family=AF_INET6)),
    ):
        if name := by_index.get(message["index"]):
            addresses[name].append(_address(message))
    return {
        name: Device(one.up, one.carrier, tuple(addresses[name]), one.sent, one.received)
        for name, one in found.items()
    }


def _device(message: Any) -> Device:
    counted = message.get_attr("IFLA_STATS64") or message.get_attr("IFLA_STATS") or {}
    return Device(
        up=bool(message["flags"] & IFF_UP),
        carrier=bool(message["flags"] & _IFF_LOWER_UP),
        sent=int(counted.get("tx_packets", 0)),
        received=int(counted.get("rx_packets", 0)),
    )


def _address(message: Any) -> DeviceAddress:
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    unusable = ""
    if message["family"] == AF_INET6:
        if flags & _IFA_F_DADFAILED:
            unusable = "dadfailed"
        elif flags & _IFA_F_TENTATIVE:
            unusable = "tentative"
    return DeviceAddress(str(local), int(message["prefixlen"]), unusable)
