"""Messages of rtnetlink as the kernel sends them, read as far as this program needs. Pure.

With the words of pyroute2's message classes, whose objects can stand in for these. Those decode
every attribute of a message in Python, 0.1 to 1 ms for a device, and take 13 ms to load; here an
attribute is decoded when it is asked for, and an event that changes nothing loads none of pyroute2.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

from dualwan.host.nfnetlink import aligned, attributes, text, unreadable

LINK, ADDRESS, ROUTE, RULE = 16, 20, 24, 32  # RTM_NEWLINK and so on, linux/rtnetlink.h
IFINFO = struct.Struct("=BxHiII")  # ifinfomsg
IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg
RTMSG = struct.Struct("=BBBBBBBBI")  # rtmsg, and fib_rule_hdr
IFF_UP = 0x1  # linux/if.h
IFA_F_DEPRECATED = 0x20  # linux/if_addr.h
_HOP = struct.Struct("=HBBi")  # rtnexthop
_FIELDS = {
    LINK: (IFINFO, ("family", "ifi_type", "index", "flags", "change")),
    ADDRESS: (IFADDR, ("family", "prefixlen", "flags", "scope", "index")),
    ROUTE: (
        RTMSG,
        ("family", "dst_len", "src_len", "tos", "table", "proto", "scope", "type", "flags"),
    ),
    RULE: (
        RTMSG,
        ("family", "dst_len", "src_len", "tos", "table", "res1", "res2", "action", "flags"),
    ),
}
_FAMILIES = {4: AF_INET, 16: AF_INET6}  # by the length of an address


class Attributes:
    """Packed attributes; each is decoded on demand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._found: dict[int, bytes] | None = None

    def get_attr(self, name: str) -> Any:
        """Return the attribute ``name``, None if it is missing.

        Raises ValueError if it is malformed, and OSError (EBADMSG) if its length, or that of
        another attribute, is impossible.
        """
        number, decode = ATTRIBUTES[name]
        if self._found is None:  # of several with the same number the first counts
            self._found = dict(reversed([*attributes(self._data)]))
        content = self._found.get(number)
        return None if content is None else decode(content)


class Message(Attributes):
    """A message about a link, address, route or rule; ``kind``: its RTM_NEW number.

    Its fields are those of its header, by name. Raises OSError (EBADMSG) if that is cut off.
    """

    def __init__(self, kind: int, body: bytes) -> None:
        head, self._names = _FIELDS[kind]
        if len(body) < head.size:
            raise unreadable()
        super().__init__(body[head.size :])
        self.kind = kind
        self._values = head.unpack_from(body)

    def __getitem__(self, name: str) -> int:
        return int(self._values[self._names.index(name)])


class Hop(Attributes):
    """A next hop of a route with several; the field "oif" is the index of its device."""

    def __init__(self, oif: int, data: bytes) -> None:
        super().__init__(data)
        self._oif = oif

    def __getitem__(self, name: str) -> int:
        return {"oif": self._oif}[name]


def hops(route: Message) -> list[tuple[int, str]]:
    """Return the next hops of a route: the index of the device, and the gateway or "".

    The kernel makes one route of several by the same device that differ in the gateway alone, as
    where two routers advertise themselves to networkd or NetworkManager.
    """
    several = route.get_attr("RTA_MULTIPATH") or ()
    found = [(hop["oif"], hop.get_attr("RTA_GATEWAY") or "") for hop in several]
    if index := route.get_attr("RTA_OIF"):
        found.insert(0, (index, route.get_attr("RTA_GATEWAY") or ""))
    return found


def is_known(kind: int) -> bool:
    """Whether a Message can be of ``kind``."""
    return kind in _FIELDS


def _number(data: bytes) -> int:
    """Return an unsigned number in the byte order of the machine, of 8 or 32 bits."""
    if len(data) not in {1, 4}:
        raise ValueError(f"no number: {data.hex()}")
    return int.from_bytes(data, sys.byteorder)


def _address(data: bytes) -> str:
    if len(data) not in _FAMILIES:
        raise ValueError(f"no address: {data.hex()}")
    return inet_ntop(_FAMILIES[len(data)], data)


def _numbers(names: tuple[str, ...], form: struct.Struct) -> Callable[[bytes], dict[str, int]]:
    """Return the decoder of a struct that begins with ``names``."""

    def decode(data: bytes) -> dict[str, int]:
        if len(data) < form.size:
            raise ValueError(f"cut off: {data.hex()}")
        return dict(zip(names, form.unpack_from(data), strict=True))

    return decode


def _hops(data: bytes) -> list[Hop]:
    found, offset, end = [], 0, len(data)
    while offset + _HOP.size <= end:
        length, _, _, oif = _HOP.unpack_from(data, offset)
        if not _HOP.size <= length <= end - offset:
            raise unreadable()
        found.append(Hop(oif, data[offset + _HOP.size : offset + length]))
        offset += aligned(length)
    return found


_COUNTS = ("rx_packets", "tx_packets")  # the first two of rtnl_link_stats and its 64 bits
# Number and decoder, by pyroute2's names: linux/if_link.h, if_addr.h, rtnetlink.h, fib_rules.h,
# if_tunnel.h.
ATTRIBUTES: Mapping[str, tuple[int, Callable[[bytes], Any]]] = {
    "IFLA_IFNAME": (3, text),
    "IFLA_MTU": (4, _number),
    "IFLA_STATS": (7, _numbers(_COUNTS, struct.Struct("=II"))),
    "IFLA_LINKINFO": (18, Attributes),
    "IFLA_IFALIAS": (20, text),
    "IFLA_STATS64": (23, _numbers(_COUNTS, struct.Struct("=QQ"))),
    "IFLA_INFO_KIND": (1, text),
    "IFLA_INFO_DATA": (2, Attributes),
    "IFLA_IP6TNL_LINK": (1, _number),
    "IFLA_IP6TNL_LOCAL": (2, _address),
    "IFLA_IP6TNL_REMOTE": (3, _address),
    "IFLA_IP6TNL_FLAGS": (8, _number),
    "IFA_ADDRESS": (1, _address),
    "IFA_LOCAL": (2, _address),
    "IFA_CACHEINFO": (6, _numbers(("ifa_preferred", "ifa_valid"), struct.Struct("=II"))),
    "IFA_FLAGS": (8, _number),
    "RTA_DST": (1, _address),
    "RTA_OIF": (4, _number),
    "RTA_GATEWAY": (5, _address),
    "RTA_PRIORITY": (6, _number),
    "RTA_MULTIPATH": (9, _hops),
    "RTA_TABLE": (15, _number),
    "FRA_SRC": (2, _address),
    "FRA_PRIORITY": (6, _number),
    "FRA_FWMARK": (10, _number),
    "FRA_SUPPRESS_PREFIXLEN": (14, _number),
    "FRA_TABLE": (15, _number),
    "FRA_FWMASK": (16, _number),
    "FRA_PROTOCOL": (21, _number),
}
