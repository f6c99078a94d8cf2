"""What a netlink message is about: whether possibly ours, and which process caused it. Pure.

The groups and types are those of linux/rtnetlink.h and linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from dualwan.frozen import NamedTuple
from dualwan.host.nfnetlink import GENERIC, HEADER, NAME, attributes
from dualwan.model.resources import RTPROT_DUALWAN

# RTNLGRP_: LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV4_NETCONF,
# IPV6_NETCONF
ROUTE_GROUPS = (1, 5, 7, 8, 9, 11, 24, 25)
NFT_GROUPS = (7,)  # NFNLGRP_NFTABLES
NEW_ADDRESS, DELETE_ADDRESS, NEW_ROUTE, DELETE_ROUTE = 20, 21, 24, 25  # RTM_
IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 6, 8
ROUTE = struct.Struct("=BBBBBBBB")  # rtmsg: family, dst_len, src_len, tos, table, protocol, ...
NEW_GENERATION = 15  # NFT_MSG_NEWGEN, the last message of a transaction
PROCESS_ID, PROCESS_NAME = 2, 3  # NFTA_GEN_
PREFIX = b"dualwan_"  # of the names of our tables


class News(NamedTuple):
    """The meaning of one message.

    ours: it may be about an object of ours. urgent: about one of our nft tables, which keep the
    router closed. process, name: of the program that caused it, 0 and "" if unknown.
    """

    ours: bool
    urgent: bool = False
    process: int = 0
    name: str = ""


def of_route(message: bytes) -> News:
    """Return the meaning of an rtnetlink message, which begins with its header.

    Of routes only default routes, and those with our protocol number, count as ours, as other
    routes do not affect our objects. The kernel itself has the process id 0. A truncated message
    counts as ours.
    """
    if len(message) < HEADER.size + ROUTE.size:
        return News(ours=True)
    _, kind, _, _, process = HEADER.unpack_from(message)
    if kind in (NEW_ROUTE, DELETE_ROUTE):
        _, length, _, _, _, protocol, *_ = ROUTE.unpack_from(message, HEADER.size)
        return News(length == 0 or protocol == RTPROT_DUALWAN, process=process)
    return News(ours=True, process=process)


class Repeats:
    """The last message about each address, to recognize a repetition.

    Each router advertisement renews the addresses of its prefixes, and the kernel announces them
    again, in a home every few minutes, with the same flags and preferred lifetime. Time that passes
    is not announced: an address that expires is deleted, which is news.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[object, ...], tuple[object, ...]] = {}

    def one(self, message: bytes) -> bool:
        """Return whether ``message`` repeats the last message about the same address.

        Raises OSError if its attributes cannot be read.
        """
        if len(message) < HEADER.size + IFADDR.size:
            return False
        kind = HEADER.unpack_from(message)[1]
        if kind not in (NEW_ADDRESS, DELETE_ADDRESS):
            return False
        family, length, flags, scope, index = IFADDR.unpack_from(message, HEADER.size)
        found = dict(attributes(message[HEADER.size + IFADDR.size :]))
        address = family, length, index, found.get(IFA_ADDRESS), found.get(IFA_LOCAL)
        if kind == DELETE_ADDRESS:
            self._last.pop(address, None)
            return False
        preferred = found.get(IFA_CACHEINFO, b"")[:4]
        told = flags, scope, found.get(IFA_FLAGS), preferred
        before, self._last[address] = self._last.get(address), told
        return before == told

    def forget(self) -> None:
        """Treat the next message about each address as news."""
        self._last.clear()


def of_nft(message: bytes) -> News:
    """Return the meaning of a message of nf_tables, which begins with its header.

    The first attribute of each is the name of the table; the last message of a transaction has the
    process that made it. A truncated message counts as ours. Raises OSError if its attributes
    cannot be read.
    """
    if len(message) < HEADER.size + GENERIC.size:
        return News(ours=True, urgent=True)
    kind = HEADER.unpack_from(message)[1] & 0xFF
    found = dict(attributes(message[HEADER.size + GENERIC.size :]))
    if kind == NEW_GENERATION:
        name = found.get(PROCESS_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
        return News(False, False, int.from_bytes(found.get(PROCESS_ID, b""), "big"), name)
    ours = found.get(NAME, b"").startswith(PREFIX)
    return News(ours, ours)


@contextmanager
def ignoring_overrun() -> Iterator[None]:
    """Ignore ENOBUFS (lost messages): the caller reads the kernel's state anyway."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
