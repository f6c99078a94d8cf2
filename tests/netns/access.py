"""The provider's end of a line, in the namespace of the internet: router, relay, concentrator.

Each part answers as a real one does, or not, as a test wants it.
"""

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from line import CONFIG as USUAL
from packets import checksum, packed, unpacked

BR, CE = "2001:db8:ffff::9", "2001:db8:0:100:c0:2:1200:100"  # as 192.0.2.18 and PSID 1 make it
CONFIG = USUAL.replace("2001:db8:0:100:99:f000:0:100", CE)
PREFIX, ON_WAN = "2001:db8:0:100::/64", "2001:db8:0:100::5"
RELAY_V4 = "192.0.2.1"  # of the border relay, as the sender of an ICMP error
OUTER = 40
SOLICITED, DISCOVERY, PADI, PADO = 133, 0x8863, 0x09, 0x07
HOST_UNIQ, AC_NAME = 0x0103, 0x0102


@dataclass
class Provider:
    """What answers, and what it lets pass.

    largest: bytes of an IPv6 packet that passes; what is larger is lost without a word. ports:
    None for all, else the relay keeps packets with other ports. ce: of the customer as the
    relay knows it. returns: whether it sends back what is for this customer.
    """

    advertises: bool = True
    offers: bool = True
    relays: bool = True
    returns: bool = True
    largest: int = 1500
    ports: frozenset | None = None
    ce: str = CE
    concentrator: str = "bas-tokyo-1"
    seen: list = field(default_factory=list)


class Access:
    """The provider at work, until close()."""

    def __init__(self, line, provider):
        self.line, self.provider = line, provider
        space, router = line.internet, line.router
        space.ip(f"""
            address add {BR}/128 dev lo nodad
            route add {PREFIX} dev wan
        """)
        space.sysctl("net/ipv6/conf/mape/disable_ipv6", "1")  # a tunnel has no neighbours
        gateway = _link_local(space, "wan")
        router.ip(f"""
            address add {ON_WAN}/64 dev wan0 nodad
            address add {CE}/128 dev wan0 nodad preferred_lft 0
            route add ::/0 via {gateway} dev wan0
        """)
        self._frames = space.packet_socket("wan")
        self._inner = space.open_socket(socket.AF_INET6, socket.SOCK_RAW, 4)
        self._icmp = space.open_socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self._icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self._index = space.call(socket.if_nametoindex, "wan")
        self._mac = bytes.fromhex(space.mac("wan").replace(":", ""))
        self._inner.bind((BR, 0))
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        """End it."""
        self._end.close()
        self._thread.join()
        self._ended.close()

    def ask_for(self, address):
        """Let the kernel of the provider look for ADDRESS on the line: packets for it wait."""
        caller = self.line.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
        caller.sendto(b"for a customer", (address, 9))

    def _serve(self):
        handlers = {self._frames: self._frame, self._inner: self._relay}
        while True:
            ready, _, _ = select.select([*handlers, self._ended], [], [])
            if self._ended in ready:
                return
            for one in ready:
                with suppress(OSError):  # the link is down
                    handlers[one]()

    def _frame(self):
        frame = self._frames.recv(2048)
        kind = int.from_bytes(frame[12:14])
        if kind == 0x86DD and frame[20] == 58 and frame[54] == SOLICITED:
            if self.provider.advertises:
                self._icmp.sendto(_advertisement(), ("ff02::1", 0, 0, self._index))
        elif kind == DISCOVERY and frame[15] == PADI and self.provider.offers:
            self._frames.send(self._offer(frame))

    def _offer(self, frame):
        tags, echoed = frame[20:], b""
        while len(tags) >= 4:
            name, size = struct.unpack("!HH", tags[:4])
            if name == HOST_UNIQ:
                echoed = tags[: 4 + size]
            tags = tags[4 + size :]
        name = self.provider.concentrator.encode()
        body = struct.pack("!HH", AC_NAME, len(name)) + name + echoed
        head = struct.pack("!HBBHH", DISCOVERY, 0x11, PADO, 0, len(body))
        return frame[6:12] + self._mac + head + body

    def _relay(self):
        """Do as a border relay that sends a subscriber's own packets back to him."""
        packet, (source, *_) = self._inner.recvfrom(2048)
        self.provider.seen.append(packet)
        provider, port = self.provider, int.from_bytes(packet[22:24])
        if not provider.relays or OUTER + len(packet) > provider.largest:
            return
        if source != provider.ce or (provider.ports is not None and port not in provider.ports):
            return
        if packet[8] == 1:
            self._back(_time_exceeded(packet))
        elif provider.returns:
            header = packet[:8] + bytes([packet[8] - 1]) + packet[9:10] + bytes(2) + packet[12:20]
            self._back(
                header[:10] + struct.pack("!H", checksum(header)) + header[12:] + packet[20:]
            )

    def _back(self, packet):
        self._inner.sendto(packet, (self.provider.ce, 0))


def _link_local(space, device):
    for line in space.run("ip", "-6", "-o", "address", "show", "dev", device).splitlines():
        if "fe80:" in line:
            return line.split()[3].partition("/")[0]
    raise AssertionError(f"{device} has no link-local address")


def _advertisement():
    """Return an advertisement of PREFIX (RFC 4861 section 4.2), for 1800 s."""
    head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 2592000, 604800, 0)
    return head + option + packed(PREFIX.partition("/")[0])


def _time_exceeded(packet):
    """Return the relay's ICMP error about PACKET (RFC 792)."""
    body = struct.pack("!BBHI", 11, 0, 0, 0) + packet[:28]
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0)
    head += packed(RELAY_V4) + packed(unpacked(packet[12:16]))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
