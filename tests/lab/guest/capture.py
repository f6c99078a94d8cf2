"""Captures packets on a link of any namespace; the kernel buffers them until they are read."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from guest.namespace import Namespace

_ETH_P_ALL = 0x0003
_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE = 33
_BUFFER = 32 << 20


@dataclass(frozen=True)
class Packet:
    """An IPv4 packet as it passed; for ICMP echo both `port`s are the echo id.

    icmp_type: None for another protocol. fragment: whether it is a part of a packet.
    """

    outgoing: bool
    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    tcp_flags: int
    mss: int | None
    icmp_type: int | None
    fragment: bool
    size: int


class Capture:
    """Sees every IPv4 packet on one interface from `with` on."""

    def __init__(self, space: Namespace, interface: str) -> None:
        """Nothing is captured before `with`."""
        self._space, self._interface = space, interface

    def __enter__(self) -> Self:
        # Without the link's own header, so that ppp0, tunnels and Ethernet read alike; and bound
        # before it gets a protocol, or it would capture on every device until then.
        self._socket = self._space.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind((self._interface, _ETH_P_ALL))
        self._socket.setblocking(False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def packets(self) -> list[Packet]:
        """What passed since the last call."""
        found: list[Packet] = []
        while True:
            try:
                data, address = self._socket.recvfrom(65536)
            except BlockingIOError:
                return found
            if address[1] == _ETH_P_IP and len(data) >= 20:
                found.append(_parse(data, outgoing=address[2] == socket.PACKET_OUTGOING))

    def gather(
        self, wanted: Callable[[Packet], bool], count: int, limit: float = 10
    ) -> list[Packet]:
        """Return COUNT packets that are WANTED, and those between; fewer after LIMIT seconds."""
        found: list[Packet] = []
        deadline = time.monotonic() + limit
        while True:
            found += filter(wanted, self.packets())
            left = deadline - time.monotonic()
            if len(found) >= count or left <= 0:
                return found
            select.select([self._socket], [], [], left)


def _parse(data: bytes, *, outgoing: bool) -> Packet:
    header = (data[0] & 0xF) * 4
    rest = data[header:]
    protocol = data[9]
    source_port = destination_port = flags = 0
    mss = icmp_type = None
    offset = struct.unpack(">H", data[6:8])[0] & 0x3FFF  # not 0: a fragment
    if offset & 0x1FFF:
        protocol = -protocol  # the ports are in another fragment
    if protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP) and len(rest) >= 4:
        source_port, destination_port = struct.unpack(">HH", rest[:4])
    if protocol == socket.IPPROTO_TCP and len(rest) >= 20:
        flags = rest[13]
        mss = _mss(rest[20 : (rest[12] >> 4) * 4])
    if protocol == socket.IPPROTO_ICMP and rest:
        icmp_type = rest[0]
    if icmp_type in (0, 8) and len(rest) >= 6:
        source_port = destination_port = struct.unpack(">H", rest[4:6])[0]
    return Packet(
        outgoing=outgoing,
        protocol=abs(protocol),
        source=socket.inet_ntoa(data[12:16]),
        source_port=source_port,
        destination=socket.inet_ntoa(data[16:20]),
        destination_port=destination_port,
        tcp_flags=flags,
        mss=mss,
        icmp_type=icmp_type,
        fragment=bool(offset),
        size=len(data),
    )


def _mss(options: bytes) -> int | None:
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
            continue
        if len(options) < 2 or options[1] < 2:
            return None
        if options[0] == 2:
            return int.from_bytes(options[2:4], "big")
        options = options[options[1] :]
    return None
