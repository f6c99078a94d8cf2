"""First packets of many flows, made by hand: each is sent once, whatever becomes of it."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from guest.addresses import LAN, SINK_NETWORK
from guest.namespace import Namespace
from guest.packets import Packet

_IPV4 = bytes.fromhex("0800")  # the type of a frame that holds it
NUMBERS = {"icmp": socket.IPPROTO_ICMP, "tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


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
        packet = Packet(
            self.source,
            self.destination,
            self.kind,
            self.source_port,
            self.destination_port,
            kind="echo-request",
            payload=b"??",
        )
        data: bytes = packet.build()
        return data


def echo_request(number: int) -> bytes:
    """Return an ICMP echo request with this id, without the IP header (RFC 792)."""
    message: bytes = Packet("", "", "icmp", number, kind="echo-request").body()
    return message


def send(space: Namespace, flows: Iterable[Flow]) -> None:
    """Send the first packet of each of `flows` from `space`; each host has a link address."""
    router = bytes.fromhex(Path(f"/sys/class/net/{LAN}/address").read_text().replace(":", ""))
    with space.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("lan", 0))
        for flow in flows:
            host = b"\2\0" + socket.inet_aton(flow.source)
            raw.send(router + host + _IPV4 + flow.packet())


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
