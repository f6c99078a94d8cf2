"""First packets of many flows, made by hand: each is sent once, whatever becomes of it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from guest.addresses import SINK_NETWORK
from guest.namespace import Namespace

NUMBERS = {"icmp": socket.IPPROTO_ICMP, "tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_SYN = 0x02
# What follows the ports, and where the checksum is to be. A datagram without one, which may be,
# gets no refusal from netfilter.
_AFTER_PORTS = {
    "tcp": (struct.pack(">IIBBHHH", 1, 0, 0x50, _SYN, 65000, 0, 0), 16),
    "udp": (struct.pack(">HH", 10, 0) + b"??", 6),
}


@dataclass(frozen=True)
class Flow:
    """A flow of KIND ("tcp", "udp" or "icmp", whose echo id is the source port)."""

    kind: str
    source: str
    source_port: int
    destination: str
    destination_port: int = 443

    def packet(self) -> bytes:
        """Its first packet: a SYN, a datagram or an echo request."""
        number = NUMBERS[self.kind]
        ends = socket.inet_aton(self.source) + socket.inet_aton(self.destination)
        ports = struct.pack(">HH", self.source_port, self.destination_port)
        if self.kind == "icmp":
            body = echo_request(self.source_port)
        else:
            rest, at = _AFTER_PORTS[self.kind]
            body = ports + rest
            pseudo = ends + struct.pack(">HH", number, len(body))
            body = body[:at] + struct.pack(">H", _checksum(pseudo + body)) + body[at + 2 :]
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, number, 0)
        return head + ends + body


def echo_request(number: int) -> bytes:
    """An ICMP echo request with this id (RFC 792)."""
    head = struct.pack(">BBHHH", 8, 0, 0, number, 1)
    return head[:2] + struct.pack(">H", _checksum(head)) + head[4:]


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)


def send(space: Namespace, flows: Iterable[Flow]) -> None:
    """Send the first packet of each of `flows` from `space`."""
    with space.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for flow in flows:
            raw.sendto(flow.packet(), (flow.destination, 0))


def strangers(source: str) -> Iterator[Flow]:
    """UDP flows of `source`, each to a destination of its own; the internet never answers."""
    network = SINK_NETWORK.rpartition(".")[0]
    for number in count():
        yield Flow("udp", source, 2000 + number, f"{network}.{129 + number % 64}", 1024 + number)


def mixed(flows: Iterable[Flow], others: Iterator[Flow]) -> Iterator[Flow]:
    """`flows`, with none to three of `others` after each."""
    for number, flow in enumerate(flows):
        yield flow
        for _ in range(number % 4):
            yield next(others)
