"""Names of all nft tables, straight from the kernel (linux/netfilter/nf_tables.h).

Each event of PPPoE asks for them. libnftables reads every rule of the machine to answer `list
tables`, which takes tens of milliseconds. pyroute2's nftables socket loads four modules for it
and decodes each table in Python: with 3 tables 2.8 ms (0.7.2) or 3.8 ms (0.7.7) where this
takes 0.2 ms, with 300 tables 8 or 14 ms where this takes 0.7 to 0.9 ms.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
GET_TABLE = 10 << 8 | 1  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE
REQUEST_DUMP = 0x1 | 0x300  # NLM_F_REQUEST, NLM_F_DUMP
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
NAME = 1  # NFTA_TABLE_NAME
HEADER = struct.Struct("=IHHII")  # nlmsghdr
GENERIC = struct.Struct("=BBH")  # nfgenmsg
ATTRIBUTE = struct.Struct("=HH")
SECONDS = 5.0


def names() -> frozenset[str]:
    """Return all of them, of whatever family; raises OSError, PermissionError without the right."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asking:
        asking.settimeout(SECONDS)
        asking.send(
            HEADER.pack(HEADER.size + GENERIC.size, GET_TABLE, REQUEST_DUMP, 1, 0)
            + GENERIC.pack(socket.AF_UNSPEC, 0, 0)
        )
        found: set[str] = set()
        while True:
            for kind, body in _messages(asking.recv(1 << 16)):
                if kind == DONE:
                    return frozenset(found)
                if kind == ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    raise OSError(code, "nft tables cannot be listed")
                found.update(_names(body[GENERIC.size :]))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split what recv() gave into messages, whole ones only: type, and what follows the header."""
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : length]
        data = data[_aligned(length) :]


def _names(data: bytes) -> Iterator[str]:
    """Find the names among the attributes of one table."""
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if kind == NAME:
            yield data[ATTRIBUTE.size : length].rstrip(b"\0").decode("utf-8", "replace")
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    """Return where the next one begins; a length of 0 must not mean here."""
    return max(length + 3 & ~3, 4)
