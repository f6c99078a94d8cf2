"""Packets that a device carries, as a test sees them."""

import socket
import struct
from contextlib import suppress


def echo_request(identifier):
    """Return an ICMP echo request (RFC 792)."""
    body = struct.pack("!BBHHH", 8, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", body))
    return body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]


class Sniffer:
    """What came in by one device and went out by it, as packets without a link layer."""

    def __init__(self, tap):
        self._tap = tap
        self._seen = []

    def packets(self):
        """Return the IPv4 and IPv6 packets seen so far."""
        with suppress(BlockingIOError):
            while True:
                data, (_, protocol, *_) = self._tap.recvfrom(65535)
                if protocol in (0x0800, 0x86DD):
                    self._seen.append(data)
        return self._seen

    def sources(self):
        """Return the IPv4 source addresses seen so far."""
        return {socket.inet_ntoa(packet[12:16]) for packet in self.packets() if packet[0] >> 4 == 4}

    def segments(self, flags, **ports):
        """Return the TCP headers with FLAGS and the given `sport` or `dport`."""
        found = []
        for packet in self.packets():
            v4 = packet[0] >> 4 == 4
            if packet[9 if v4 else 6] != socket.IPPROTO_TCP:
                continue
            header = packet[(packet[0] & 15) * 4 if v4 else 40 :]
            sport, dport = struct.unpack("!HH", header[:4])
            if (
                header[13] & 0x3F == flags
                and ports.items() <= {"sport": sport, "dport": dport}.items()
            ):
                found.append(header)
        return found


SYN, SYN_ACK = 0x02, 0x12


def mss(header):
    """Return the maximum segment size that a TCP header names."""
    options = header[20 : (header[12] >> 4) * 4]
    while options:
        if options[0] == 2:
            return int.from_bytes(options[2:4])
        options = options[1:] if options[0] == 1 else options[options[1] :]
    return None
