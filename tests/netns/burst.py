"""Frames that are sent in one go, and what arrives of them."""

import ctypes
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from flows import NUMBERS, udp
from line import SHARED

SO_SNDBUFFORCE = 32
PACKET_QDISC_BYPASS, SOL_PACKET, PACKET_OUTGOING = 20, 263, 4
RST = 0x04
BATCH = 64  # packets that a veth takes in one go without dropping


@dataclass(frozen=True)
class Seen:
    """A packet on the outside of the router; ports are an identifier for ICMP echo."""

    kind: str
    source: str
    sport: int
    target: str
    dport: int
    data: bytes


class Part(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Header(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint),
        ("iov", ctypes.POINTER(Part)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_long),
        ("sent", ctypes.c_long),
    )  # an int and padding, each


class Burst:
    """Frames that are handed to the kernel without a system call each (sendmmsg(2))."""

    def __init__(self, frames):
        self.size = len(frames)
        blob = b"".join(frames)
        self.memory = ctypes.create_string_buffer(blob, len(blob))
        self._parts, self._headers = (Part * self.size)(), (Header * self.size)()
        at = ctypes.addressof(self.memory)
        for part, header, frame in zip(self._parts, self._headers, frames, strict=True):
            part.base, part.length = at, len(frame)
            header.iov, header.iovlen = ctypes.pointer(part), 1
            at += len(frame)

    def send(self, tap):
        """Send all of it by the packet socket TAP."""
        done = 0
        while done < self.size:
            some = _libc.sendmmsg(
                tap.fileno(),
                ctypes.byref(self._headers, done * ctypes.sizeof(Header)),
                min(BATCH, self.size - done),
                0,
            )
            if some <= 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            done += some


_libc = ctypes.CDLL(None, use_errno=True)


def sender(space, device, peer):
    """Return a socket that sends frames on DEVICE, and their IPv4 header towards PEER's address."""
    tap = space.call(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 26)
    tap.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    tap.bind((device, 0))
    space.keep(tap)
    head = "".join((peer + space.mac(device)).split(":")) + "0800"
    return tap, bytes.fromhex(head)


class Watch:
    """What arrives at a device from now on."""

    def __init__(self, space, device):
        self._tap = space.tap(device, socket.SOCK_DGRAM, 1 << 27)

    def close(self):
        """See no more: what nobody reads costs time too."""
        self._tap.close()

    def seen(self):
        """Return the IPv4 packets that have arrived since the last call."""
        found = []
        with suppress(BlockingIOError):
            while True:
                packet, (_, protocol, way, *_) = self._tap.recvfrom(2048)
                if protocol == 0x0800 and way != PACKET_OUTGOING:
                    found.append(_parsed(packet))
        return found


def refusals(seen):
    """Return those of SEEN that refuse a flow: resets, and ICMP's "administratively prohibited".

    (RFC 1812 section 5.2.7.1: type 3, code 13.)
    """
    return [
        packet
        for packet in seen
        if (packet.kind == "tcp" and packet.data[33] & RST)
        or (packet.kind == "icmp" and packet.data[20:22] == b"\x03\x0d")
    ]


def _parsed(data):
    kind = next((name for name, number in NUMBERS.items() if number == data[9]), str(data[9]))
    sport, dport = struct.unpack("!HH", data[20:24])
    if kind == "icmp":
        sport = dport = struct.unpack("!H", data[24:26])[0]
    return Seen(
        kind, socket.inet_ntoa(data[12:16]), sport, socket.inet_ntoa(data[16:20]), dport, data
    )


def answer(seen):
    """Return the UDP datagram that answers SEEN."""
    return udp(seen.target, seen.dport, seen.source, seen.sport)


def unlucky(seen, ports):
    """Return the packets that must never be: a foreign source, or a port outside the set."""
    return [packet for packet in seen if packet.source != SHARED or packet.sport not in ports]
