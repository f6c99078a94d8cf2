"""The router's own addresses, by a raw netlink socket (rtnetlink(7)).

`check` asks for them on any machine, also where pyroute2 is not installed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface

from dualwan.model.surroundings import OwnAddress

NETLINK_ROUTE = 0
GET_ADDRESS, NEW_ADDRESS = 22, 20  # RTM_GETADDR, RTM_NEWADDR
REQUEST_DUMP = 0x1 | 0x300  # NLM_F_REQUEST, NLM_F_DUMP
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
ADDRESS, LOCAL = 1, 2  # IFA_ADDRESS, and IFA_LOCAL where the other end has that
HEADER = struct.Struct("=IHHII")  # nlmsghdr
BODY = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
ATTRIBUTE = struct.Struct("=HH")
SECONDS = 5.0


def look() -> tuple[OwnAddress, ...]:
    """Return the addresses but those of loopback and of a link; none if they cannot be read."""
    try:
        found = tuple(_dump())
    except OSError:
        return ()
    return tuple(
        one for one in found if not (one.interface.is_loopback or one.interface.is_link_local)
    )


def _dump() -> Iterator[OwnAddress]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as asking:
        asking.settimeout(SECONDS)
        asking.send(
            HEADER.pack(HEADER.size + BODY.size, GET_ADDRESS, REQUEST_DUMP, 1, 0)
            + BODY.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        )
        while True:
            data = asking.recv(1 << 16)
            while len(data) >= HEADER.size:
                length, kind, *_ = HEADER.unpack_from(data)
                if kind == DONE:
                    return
                if kind == ERROR:
                    raise OSError("addresses cannot be listed")
                if kind == NEW_ADDRESS:
                    yield from _address(data[HEADER.size : length])
                data = data[_aligned(length) :]


def _address(message: bytes) -> Iterator[OwnAddress]:
    """Yield the address in a message, unless its device is gone."""
    _, prefix_length, _, _, index = BODY.unpack_from(message)
    found, rest = {}, message[BODY.size :]
    while len(rest) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(rest)
        found[kind] = rest[ATTRIBUTE.size : length]
        rest = rest[_aligned(length) :]
    try:
        device = socket.if_indextoname(index)
    except OSError:
        return
    own = ip_address(found.get(LOCAL) or found[ADDRESS])
    other = ip_address(found.get(ADDRESS) or found[LOCAL])
    yield OwnAddress(
        device, ip_interface(f"{own}/{prefix_length}"), None if other == own else other
    )


def _aligned(length: int) -> int:
    """Return ``length`` rounded up to 4 bytes, 4 at least, so that a length of 0 ends the loop."""
    return max(length + 3 & ~3, 4)
