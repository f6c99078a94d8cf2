"""netfilter over netlink: questions and answers as attributes (linux/netfilter/nfnetlink.h).

The kernel's numbers do not change from release to release, as the words of `nft list` do. An
attribute that a newer kernel adds is skipped. A length that cannot be hides where the next message
or attribute begins: the answer is refused then (EBADMSG), not read in part.

libnftables reads every rule of the machine even for `list tables`. pyroute2's nftables socket
loads four modules and decodes each table in Python: 2.8 ms (0.7.2) or 3.8 ms (0.7.7) for the
names of 3 tables, against 0.2 ms here; 8 or 14 ms for 300 tables, against 0.7 to 0.9 ms here.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from _thread import get_ident
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

NETLINK_NETFILTER = 12
NF_TABLES, CONNTRACK = 10 << 8, 1 << 8  # NFNL_SUBSYS_NFTABLES, NFNL_SUBSYS_CTNETLINK
REQUEST, ACKNOWLEDGE, DUMP = 0x1, 0x4, 0x300  # NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE: both have an errno, 0 for none
INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: something was changed while it was listed
DUMPS = 20  # attempts at a listing that is interrupted
GET_TABLE, GET_CHAIN, GET_RULE, GET_SET = 1, 4, 7, 10  # NFT_MSG_GETTABLE and so on
GET_ELEMENTS, GET_GENERATION, GET_OBJECT, GET_FLOWTABLE = 13, 16, 19, 23
NAME = 1  # of a table, or the table of a chain, rule, set, object or flowtable
GENERATION = 1  # NFTA_GEN_ID
FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}  # NFPROTO_*
HEADER = struct.Struct("=IHHII")  # nlmsghdr
GENERIC = struct.Struct("=BBH")  # nfgenmsg
ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")
LONGEST_NUMBER = 8  # bytes
TYPE, NESTED = 0x3FFF, 0x8000  # NLA_TYPE_MASK, NLA_F_NESTED
SECONDS = 5.0
BUFFER = 1 << 16  # the kernel puts 32 KiB at most into one answer to a dump


class Nfnetlink:
    """A netlink socket for a subsystem of netfilter, for one ``with`` statement.

    Each method raises OSError; PermissionError without root, FileNotFoundError for the contents
    of a table or set that does not exist.
    """

    def __init__(self, subsystem: int = NF_TABLES) -> None:
        free = _free.get(get_ident())
        self._socket = free.pop() if free else _opened()
        self._subsystem = subsystem
        self._sequence = 0
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        free = _free.get(get_ident())
        if free is None or error is not None:  # unread answers may be left in the socket
            self._socket.close()
        else:
            free.append(self._socket)

    def generation(self) -> int:
        """Return the generation of the ruleset: each transaction of any program raises it."""
        self._send(GET_GENERATION, REQUEST, socket.AF_UNSPEC, b"")
        while True:
            for kind, body in self._received():
                if kind == NF_TABLES | (GET_GENERATION - 1):  # NFT_MSG_NEWGEN
                    return number(body, GENERATION)

    def dump(self, kind: int, family: int = socket.AF_UNSPEC, filters: bytes = b"") -> list[bytes]:
        """Return the attributes of each object of ``kind``, a GET_ number; ``filters``: packed.

        A listing that a change interrupts may lack some, and is begun anew.
        """
        for _ in range(DUMPS):
            self._interrupted = False
            self._send(kind, REQUEST | DUMP, family, filters)
            found = self._listed()
            if not self._interrupted:
                return found
        raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))

    def _listed(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            for answered, body in self._received():
                if answered == DONE:
                    return found
                found.append(body)

    def order(self, kind: int, family: int, content: bytes) -> None:
        """Have the kernel change something, and wait until it is done."""
        self._send(kind, REQUEST | ACKNOWLEDGE, family, content)
        while not any(answered == ERROR for answered, _ in self._received()):
            pass

    def _send(self, kind: int, flags: int, family: int, content: bytes) -> None:
        self._sequence += 1
        length = HEADER.size + GENERIC.size + len(content)
        self._socket.send(
            HEADER.pack(length, self._subsystem | kind, flags, self._sequence, 0)
            + GENERIC.pack(family, 0, 0)
            + content
        )

    def _received(self) -> Iterator[tuple[int, bytes]]:
        """Yield type and attributes of each message of the next recv(); raises OSError."""
        for kind, flags, _, body in contents(self._socket.recv(BUFFER)):
            self._interrupted |= bool(flags & INTERRUPTED)
            if code := refusal(kind, body):
                raise OSError(code, os.strerror(code))
            yield kind, body[GENERIC.size :]


_free: dict[int, list[socket.socket]] = {}  # sockets kept for the next requests, by thread


@contextmanager
def kept_open() -> Iterator[None]:
    """Let all requests of this thread in the body share a socket.

    close(2) of a netfilter netlink socket waits until the kernel has freed what a transaction has
    deleted (nft_rcv_nl_event calls rcu_barrier): 1.6 ms, a dozen times in an event.
    """
    free = _free[get_ident()] = []
    try:
        yield
    finally:
        del _free[get_ident()]
        for one in free:
            one.close()


def _opened() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    made.settimeout(SECONDS)
    return made


def refusal(kind: int, body: bytes) -> int:
    """Return the errno in a message, 0 for none; EBADMSG if it is truncated.

    The last message of a dump may have one, too.
    """
    content = body[: _ERRNO.size]
    if kind != ERROR and not (kind == DONE and content):
        return 0
    return -int(_ERRNO.unpack(content)[0]) if len(content) == _ERRNO.size else errno.EBADMSG


def unreadable() -> OSError:
    """Return the error for an answer that cannot be read: EBADMSG."""
    return OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))


def messages(data: bytes) -> Iterator[bytes]:
    """Yield each message, with its header, of what one recv() returns; raises OSError."""
    offset, end = 0, len(data)
    while offset + HEADER.size <= end:
        length = HEADER.unpack_from(data, offset)[0]
        if not HEADER.size <= length <= end - offset:
            raise unreadable()
        yield data[offset : offset + length]
        offset += aligned(length)


def contents(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield type, flags, sequence number and body of each message, as ``messages`` does."""
    for message in messages(data):
        _, kind, flags, sequence, _ = HEADER.unpack_from(message)
        yield kind, flags, sequence, message[HEADER.size :]


def packed(kind: int, content: str | bytes) -> bytes:
    """Return one attribute with a name, or other ``content``."""
    data = content.encode() + b"\0" if isinstance(content, str) else content
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(data), kind) + data + b"\0" * (-len(data) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """Return one attribute with attributes."""
    return packed(kind | NESTED, b"".join(parts))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each attribute in ``data``; raises OSError."""
    offset, end = 0, len(data)
    while offset + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if not ATTRIBUTE.size <= length <= end - offset:
            raise unreadable()
        yield kind & TYPE, data[offset + ATTRIBUTE.size : offset + length]
        offset += aligned(length)


def attribute(data: bytes, wanted: int) -> bytes:
    """Return the content of the first attribute of type ``wanted`` in ``data``, b"" for none.

    Raises OSError.
    """
    return next((content for kind, content in attributes(data) if kind == wanted), b"")


def number(data: bytes, wanted: int) -> int:
    """Return the first attribute of type ``wanted``, a number of netfilter's, 0 for none.

    Raises OSError, also for more bytes than a number has.
    """
    content = attribute(data, wanted)
    if len(content) > LONGEST_NUMBER:
        raise unreadable()
    return int.from_bytes(content, "big")


def only(data: bytes, wanted: Collection[int]) -> bytes:
    """Return the attributes in ``data`` of the types ``wanted``, with their headers.

    Raises OSError.
    """
    found = []
    offset, end = 0, len(data)
    while offset + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if not ATTRIBUTE.size <= length <= end - offset:
            raise unreadable()
        if kind & TYPE in wanted:
            found.append(data[offset : offset + length])
        offset += aligned(length)
    return b"".join(found)


def text(content: bytes) -> str:
    """Return a name; another program may give any bytes for one."""
    return content.rstrip(b"\0").decode("utf-8", "replace")


def aligned(length: int) -> int:
    """Return ``length`` rounded up to 4 bytes."""
    return length + 3 & ~3
