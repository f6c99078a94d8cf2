"""Messages of rtnetlink and nf_tables, as the kernel sends them to everybody who listens."""

import itertools
import struct

NEW_LINK, NEW_ADDRESS, DELETE_ADDRESS, NEW_ROUTE, DELETE_ROUTE = 16, 20, 21, 24, 25
NEW_RULE, NETCONF = 32, 80
IPV4, IPV6 = 2, 10
CLOCK = itertools.count()


def netlink(kind, body, process=0):
    """Return a message with its header."""
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, process) + body


def route(kind, family, length, protocol, process=0):
    """Return a RTM_NEWROUTE or RTM_DELROUTE."""
    body = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, protocol, 0, 1, 0)
    return netlink(kind, body, process)


def told_of(kind, last, preferred, flags=0, index=2):
    """Return a RTM_NEWADDR or RTM_DELADDR of 2001:db8::``last``; ``preferred``: seconds."""
    body = struct.pack("=BBBBI", IPV6, 64, flags & 0xFF, 0, index)
    whole = bytes.fromhex("20010db8") + bytes(11) + bytes([last])
    stamps = struct.pack("=IIII", preferred, 86400, 100, next(CLOCK))  # cstamp, tstamp
    for number, value in ((1, whole), (6, stamps), (8, struct.pack("=I", flags))):
        body += struct.pack("=HH", 4 + len(value), number) + value
    return netlink(kind, body)


def nft(kind, name=b"", attributes=b""):
    """Return a message of nf_tables whose first attribute is the name of a table."""
    if name:
        length = 4 + len(name) + 1
        attributes = struct.pack("=HH", length, 1) + name + bytes(-length % 4 + 1) + attributes
    return netlink(10 << 8 | kind, struct.pack("=BBH", 1, 0, 0) + attributes)


ADDRESS = netlink(DELETE_ADDRESS, bytes(8))
FOREIGN_ROUTE = route(NEW_ROUTE, IPV4, 24, 4)
OUR_TABLE = nft(2, b"dualwan_snat")  # NFT_MSG_DELTABLE
