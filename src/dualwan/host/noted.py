"""Values read back from the files of /run/dualwan, checked like any input; raise ValueError.

Only root can have written those files. Still, only values that this program writes are accepted, so
that a file with other content cannot touch objects that are not ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from math import isfinite
from typing import Any

from dualwan.config import values
from dualwan.config.routed import LARGEST
from dualwan.model.resources import Address
from dualwan.model.state import Health, Look, Role
from dualwan.model.usage import Losses
from dualwan.ppp.session import NO_DEVICES

# A value of IPv4 or IPv6, of all or of a device.
_SYSCTL = re.compile(r"net/ipv[46](?:/conf/(?P<device>[^/\s]+))?/[a-z0-9_]+")
_SYSCTL_VALUE = re.compile(r"-?[0-9]{1,10}")
MAX_ELEMENT = 200  # characters
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SET = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # may end with the name of a zone
_OF_TABLES = ("ip", "ip6", "inet")  # families of ours
# An element of a set as `nft list` prints it: key, times, counts, value; without the characters
# that would end it.
_ELEMENT = re.compile(r'[0-9A-Za-z.:/_@" -]{1,400}')
_WORD = re.compile(r"[!-~]{1,200}")


def device(value: Any) -> str:
    """Return the name of a device that the kernel can have (dev_valid_name)."""
    name = text(value)
    bad = not 0 < len(name) < values.IFNAMSIZ or name in {".", ".."}
    if bad or not name.isprintable() or any(char in "/: " for char in name):
        raise ValueError(f"no device: {name!r:.60}")
    return name


def session_device(value: Any) -> str:
    """Return the device of a PPP session, or one of NO_DEVICES."""
    return str(value) if value in NO_DEVICES else device(value)


def sysctl(value: Any) -> str:
    """Return the name of a sysctl that a slice can set."""
    found = _SYSCTL.fullmatch(text(value))
    if found is None:
        raise ValueError(f"no sysctl of IPv4 or IPv6: {value!r:.60}")
    if found["device"]:
        device(found["device"])
    return found[0]


def sysctl_value(value: Any) -> str:
    """Return the value of a sysctl, a number."""
    return _matching(_SYSCTL_VALUE, value, "value of a sysctl")


def ipv4(value: Any) -> str:
    """Return an IPv4 address, as its library writes it; "" stays."""
    return str(IPv4Address(text(value))) if value else ""


def ipv4_network(value: Any) -> str:
    """Return an IPv4 network that can be routed to a way, or an address as ``ipv4`` does."""
    if "/" not in text(value):
        return ipv4(value)
    found = IPv4Network(value)
    if found.prefixlen < LARGEST:
        raise ValueError(f"no network of a way: {value!r:.60}")
    return str(found)


def routed(value: Any) -> str:
    """Return a routed address or network, its way's name, and the host it is translated to."""
    what, way, *host = text(value).split(" ")
    return " ".join((ipv4_network(what), word(way), *map(ipv4, host[:1])))


def ipv6(value: Any) -> str:
    """Return an address that an end of a tunnel can have, or "" for none."""
    return str(values.ipv6(value)) if value else ""


def prefix(value: Any) -> str:
    """Return an IPv6 prefix, or "" for none."""
    return str(IPv6Network(text(value))) if value else ""


def router(value: Any) -> str:
    """Return the link-local address of a router."""
    found = IPv6Address(text(value))
    if not found.is_link_local or found.scope_id:
        raise ValueError(f"no router: {value!r:.60}")
    return str(found)


def question(value: Any) -> str:
    """Return a prefix and the router that was asked about it, as one word."""
    about, of = text(value).split(" ")
    if not about:
        raise ValueError(f"no prefix: {value!r:.60}")
    return f"{prefix(about)} {router(of)}"


def line_address(given: Any) -> Address:
    """Return an IPv6 address on the WAN from [device, address] or with deprecated after it."""
    where, address, *rest = given
    (deprecated,) = rest or (False,)
    found = IPv6Address(text(address))
    if not values.ipv6(address) or found.is_link_local:
        raise ValueError(f"no address of the line: {address!r:.60}")
    return Address(device(where), str(found), values.flag(deprecated))


def host(value: Any) -> str:
    """Return a host name or an IPv6 address, or "" for none."""
    return values.host(value) if value else ""


def table(value: Any) -> str:
    """Return the name of an nft table."""
    return _matching(_TABLE, value, "nft table")


def nft_set(value: Any) -> str:
    """Return the name of a set or map of an nft table."""
    return _matching(_SET, value, "nft set")


def family(value: Any) -> str:
    """Return the family of an nft table of ours."""
    if text(value) not in _OF_TABLES:
        raise ValueError(f"no family of an nft table: {value!r:.60}")
    return str(value)


def nft_element(value: Any) -> str:
    """Return an element of an nft set, as `nft list` prints it."""
    return _matching(_ELEMENT, value, "element of an nft set")


def word(value: Any) -> str:
    """Return a printable word, such as a way's name, a version or a digest; "" stays."""
    return _matching(_WORD, value, "word") if value else str(value)


def element(value: Any) -> str:
    """Return an element of a set, as nft writes it."""
    if not 0 < len(text(value)) <= MAX_ELEMENT or not value.isprintable():
        raise ValueError(f"no element: {value!r:.60}")
    return str(value)


def seconds(value: Any) -> float:
    """Return a time in seconds; ValueError for none that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"no time: {value!r:.60}")
    return float(value)


def health(given: Any) -> Health:
    """Return the failover state from its four values; 0.1.0 had only three."""
    found = Health(*given)
    number(found.streak)
    seconds(found.since)
    values.flag(found.broken)
    values.flag(found.followed)
    return found


def look(given: Any) -> Look:
    """Return the last search for findings from its two values."""
    generation, at = given
    return Look(number(generation), seconds(at))


def role(given: Any) -> Role:
    """Return the role of this machine from its values."""
    active, asked, followed = given
    return Role(values.flag(active), number(asked), values.flag(followed))


def losses(given: Mapping[str, Any]) -> Losses:
    """Return the counts of lost flows and packets."""
    found = Losses(**given)
    refused = {element(one): number(count) for one, count in found.refused.items()}
    return Losses(refused, number(found.no_port), number(found.untranslated))


def number(value: Any) -> int:
    """Return a number, 0 or more."""
    return values.number(0, 1 << 64)(value)


def path(value: Any) -> str:
    """Return the path of a file; it is not looked at."""
    if not text(value) or "\0" in value:
        raise ValueError(f"no path: {value!r:.60}")
    return str(value)


def _matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    if not pattern.fullmatch(text(value)):
        raise ValueError(f"no {what}: {value!r:.60}")
    return str(value)


def text(value: Any) -> str:
    """Return a text; ValueError for any other type."""
    return values.text(value)
