"""The router's own addresses, by a raw netlink socket (rtnetlink(7)).

`check` asks for them on any machine, also where pyroute2 is not installed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface

from dualwan.host.nfnetlink import DUMPS, HEADER, INTERRUPTED, attributes, contents
from dualwan.model.surroundings import OwnAddress

NETLINK_ROUTE = 0
GET_ADDRESS, NEW_ADDRESS = 22, 20  # RTM_GETADDR, RTM_NEWADDR
REQUEST_DUMP = 0x1 | 0x300  # NLM_F_REQUEST, NLM_F_DUMP
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
ADDRESS, LOCAL = 1, 2  # IFA_ADDRESS, and IFA_LOCAL where the other end has that
PROTOCOL, KERNEL_RA = 11, b"\2"  # IFA_PROTO and IFAPROT_KERNEL_RA, since Linux 5.18
BODY = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
SECONDS = 5.0


def look() -> tuple[OwnAddress, ...]:
    """Return all addresses but loopback and link-local ones; none if they cannot be read."""
    try:
        found = _dump()
    except (OSError, LookupError, ValueError, struct.error):
        return ()
    return tuple(
        one for one in found if not (one.interface.is_loopback or one.interface.is_link_local)
    )


def _dump() -> list[OwnAddress]:
    """Return all addresses; a listing that a change interrupts may lack some, and is begun anew."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as asking:
        asking.settimeout(SECONDS)
        for _ in range(DUMPS):
            asking.send(
                HEADER.pack(HEADER.size + BODY.size, GET_ADDRESS, REQUEST_DUMP, 1, 0)
                + BODY.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
            )
            found, interrupted = _listed(asking)
            if not interrupted:
                return found
    raise OSError("addresses cannot be listed")


def _listed(asking: socket.socket) -> tuple[list[OwnAddress], int]:
    """Return the addresses of one listing, and not 0 if a change has interrupted it."""
    found: list[OwnAddress] = []
    interrupted = 0
    while True:
        for kind, flags, _, body in contents(asking.recv(1 << 16)):
            interrupted |= flags & INTERRUPTED
            if kind == DONE:
                return found, interrupted
            if kind == ERROR:
                raise OSError("addresses cannot be listed")
            if kind == NEW_ADDRESS:
                found += _address(body)


def _address(message: bytes) -> Iterator[OwnAddress]:
    """Yield the address in a message, unless its device is gone.

    Raises OSError, LookupError, ValueError, struct.error for a malformed message.
    """
    _, prefix_length, _, _, index = BODY.unpack_from(message)
    found = dict(attributes(message[BODY.size :]))
    try:
        device = socket.if_indextoname(index)
    except OSError:
        return
    own = ip_address(found.get(LOCAL) or found[ADDRESS])
    other = ip_address(found.get(ADDRESS) or found[LOCAL])
    yield OwnAddress(
        device,
        ip_interface(f"{own}/{prefix_length}"),
        None if other == own else other,
        found.get(PROTOCOL) == KERNEL_RA,
    )
