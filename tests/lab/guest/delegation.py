"""The DHCPv6 server of a line that delegates its prefix (RFC 8415), and its route to the customer.

Needs the standard library only. `delegation.py INTERFACE PREFIX/LENGTH` serves until it is ended.
It answers only clients with a DUID-LL, as NTT's lines do; it keeps no leases, and answers that each
prefix that is no longer its own has expired.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv6Network

SOLICIT, ADVERTISE, REPLY = 1, 2, 7
ANSWERED = (SOLICIT, 3, 5, 6)  # and Request, Renew, Rebind; a Release needs no answer here
CLIENT_ID, SERVER_ID, IA_PD, IA_PREFIX = 1, 2, 25, 26
DUID_LL = b"\0\3\0\1"
OWN_DUID = DUID_LL + b"\2\0\0\0\0\1"
RENEW_SECONDS, REBIND_SECONDS, LIFETIME_SECONDS = 10, 20, 3600
ALL_SERVERS = "ff02::1:2"


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the options of a message (section 21.1)."""
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        yield code, data[4 : 4 + length]
        data = data[4 + length :]


def option(code: int, data: bytes) -> bytes:
    """Return one option."""
    return struct.pack("!HH", code, len(data)) + data


def _prefix(prefix: IPv6Network, lifetime: int) -> bytes:
    fields = struct.pack("!IIB", lifetime, lifetime, prefix.prefixlen)
    return option(IA_PREFIX, fields + prefix.network_address.packed)


def _delegated(asked: bytes, prefix: IPv6Network) -> bytes:
    """Return the IA_PD in answer to ``asked``: our prefix, and lifetime 0 for others in it."""
    body = (
        asked[:4]
        + struct.pack("!II", RENEW_SECONDS, REBIND_SECONDS)
        + _prefix(prefix, LIFETIME_SECONDS)
    )
    for code, value in options(asked[12:]):
        if code == IA_PREFIX:
            named = IPv6Network((value[9:25], value[8]), strict=False)
            if named.prefixlen and named != prefix:
                body += _prefix(named, 0)
    return option(IA_PD, body)


def answer(message: bytes, prefix: IPv6Network) -> bytes:
    """Return the answer to a client's message, empty for none."""
    given = dict(options(message[4:]))
    client = given.get(CLIENT_ID, b"")
    if not client.startswith(DUID_LL) or message[0] not in ANSWERED or IA_PD not in given:
        return b""
    kind = ADVERTISE if message[0] == SOLICIT else REPLY
    identities = option(CLIENT_ID, client) + option(SERVER_ID, OWN_DUID)
    return bytes([kind]) + message[1:4] + identities + _delegated(given[IA_PD], prefix)


def serve(interface: str, prefix: IPv6Network) -> None:
    """Answer clients, and route the prefix to the one that has it."""
    index = socket.if_nametoindex(interface)
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    group = socket.inet_pton(socket.AF_INET6, ALL_SERVERS) + struct.pack("@I", index)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    server.bind(("::", 547))
    while True:
        message, sender = server.recvfrom(4096)
        if reply := answer(message, prefix):
            if reply[0] == REPLY:
                near = sender[0].partition("%")[0]
                route = f"-6 route replace {prefix} via {near} dev {interface}"
                subprocess.run(["ip", *route.split()], check=True)
            server.sendto(reply, sender)


if __name__ == "__main__":
    serve(sys.argv[1], IPv6Network(sys.argv[2]))
