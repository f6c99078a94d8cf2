"""IPv4 and IPv6 packets made and read by hand, each with a tag that survives translation.

The tag is the identification of IPv4 and the flow label of IPv6: routers leave both alone,
and an ICMP error quotes them, so that every packet that is seen can be told from all others.
"""

import socket
import struct
from dataclasses import dataclass, replace

FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32}
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipip": 4, "gre": 47, "esp": 50}
FRAGMENT6 = 44
TCP, UDP, ICMP = (NUMBERS[name] for name in ("tcp", "udp", "icmp"))
# Type and code (RFC 792, 4443, 4861, 2710, 3810).
TYPES = {
    "icmp": {
        "echo-reply": (0, 0),
        "net-unreachable": (3, 0),
        "unreachable": (3, 1),
        "port-unreachable": (3, 3),
        "needs-frag": (3, 4),
        "prohibited": (3, 13),
        "redirect": (5, 1),
        "echo-request": (8, 0),
        "router-advert": (9, 0),
        "time-exceeded": (11, 0),
        "parameter-problem": (12, 0),
        "timestamp": (13, 0),
    },
    "icmpv6": {
        "unreachable": (1, 3),
        "port-unreachable": (1, 4),
        "prohibited": (1, 1),
        "packet-too-big": (2, 0),
        "time-exceeded": (3, 0),
        "parameter-problem": (4, 0),
        "echo-request": (128, 0),
        "echo-reply": (129, 0),
        "mld-query": (130, 0),
        "mld-report": (131, 0),
        "router-solicit": (133, 0),
        "router-advert": (134, 0),
        "neighbor-solicit": (135, 0),
        "neighbor-advert": (136, 0),
        "redirect": (137, 0),
        "router-renumbering": (138, 0),
        "node-information": (139, 0),
        "mld2-report": (143, 0),
    },
}
ERRORS = {"icmp": {3, 11, 12}, "icmpv6": {1, 2, 3, 4}}
QUOTED = 8  # bytes before the packet that an ICMP error is about
IPV4_HEADER, IPV6_HEADER, TCP_HEADER, UDP_HEADER = 20, 40, 20, 8
MSS = 1460


def checksum(data):
    """Return the Internet checksum of DATA (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def packed(address):
    """Return an IPv4 or IPv6 ADDRESS as bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def unpacked(data):
    """Return the address of 4 or 16 bytes as text."""
    return socket.inet_ntop(
        socket.AF_INET if len(data) == len(packed("192.0.2.1")) else socket.AF_INET6,
        data,
    )


@dataclass(frozen=True)
class Packet:
    """One packet. protocol: a name of NUMBERS; kind: of ICMP; for echo, sport is its identifier.

    offset: where a fragment begins, in units of 8 bytes; more: whether others follow it.
    quote: the packet, as bytes, that an ICMP error is about.
    """

    source: str
    target: str
    protocol: str
    sport: int = 0
    dport: int = 0
    flags: int = FLAGS["syn"]
    kind: str = ""
    tag: int = 1
    hop: int = 64
    payload: bytes = b"x" * 24
    quote: bytes = b""
    offset: int = 0
    more: bool = False
    mss: int = MSS

    @property
    def v6(self):
        """Whether it is of IPv6."""
        return ":" in self.source

    def body(self):
        """Return what follows the IP header of a whole packet, with its checksum."""
        if self.protocol == "tcp":
            options = struct.pack("!BBH", 2, 4, self.mss) if self.flags & FLAGS["syn"] else b""
            ack = 2 if self.flags & FLAGS["ack"] else 0
            text = (
                struct.pack(
                    "!HHIIBBHHH",
                    self.sport,
                    self.dport,
                    1,
                    ack,
                    (TCP_HEADER + len(options)) << 2,
                    self.flags,
                    65000,
                    0,
                    0,
                )
                + options
            )
            return self._summed(text, 16)
        if self.protocol == "udp":
            text = struct.pack("!HHHH", self.sport, self.dport, UDP_HEADER + len(self.payload), 0)
            return self._summed(text + self.payload, 6)
        if self.protocol in TYPES:
            text = struct.pack("!BBH", *TYPES[self.protocol][self.kind], 0) + self._message()
            return self._summed(text, 2)
        return self.payload

    def _message(self):
        if self.quote:
            return struct.pack("!HH", 0, 1300) + self.quote
        if self.kind.startswith("echo"):
            return struct.pack("!HH", self.sport, 1) + self.payload
        return bytes(4) + packed(self.source if self.v6 else "0.0.0.0")  # noqa: S104 - no address

    def _summed(self, text, at):
        pseudo = (
            b""
            if self.protocol == "icmp"
            else (
                packed(self.source)
                + packed(self.target)
                + struct.pack("!II", len(text), NUMBERS[self.protocol])
            )
        )
        return text[:at] + struct.pack("!H", checksum(pseudo + text)) + text[at + 2 :]

    def build(self, body=None):
        """Return the packet as bytes; BODY instead of its own for a fragment."""
        body = self.body() if body is None else body
        number = NUMBERS[self.protocol]
        if self.v6:
            if self.offset or self.more:
                body = (
                    struct.pack("!BBHI", number, 0, self.offset << 3 | self.more, self.tag) + body
                )
                number = FRAGMENT6
            return (
                struct.pack("!IHBB", 6 << 28 | self.tag, len(body), number, self.hop)
                + packed(self.source)
                + packed(self.target)
                + body
            )
        where = self.offset | self.more << 13 if self.offset or self.more else 0x4000
        head = (
            struct.pack(
                "!BBHHHBBH", 0x45, 0, IPV4_HEADER + len(body), self.tag, where, self.hop, number, 0
            )
            + packed(self.source)
            + packed(self.target)
        )
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def fragments(self):
        """Return the packet as bytes, in two fragments."""
        body, cut = self.body(), 24
        first = replace(self, more=True)
        return [first.build(body[:cut]), replace(self, offset=cut // 8).build(body[cut:])]


def read(data):
    """Return DATA as a Packet, as far as it can be read; None for what is neither IP."""
    version = data[0] >> 4
    if version == 4:
        start, number, tag = (data[0] & 15) * 4, data[9], int.from_bytes(data[4:6])
        where = int.from_bytes(data[6:8])
        source, target, hop, offset = data[12:16], data[16:20], data[8], where & 0x1FFF
    elif version == 6:
        start, number, tag = IPV6_HEADER, data[6], int.from_bytes(data[:4]) & 0xFFFFF
        source, target, hop, offset = data[8:24], data[24:40], data[7], 0
        if number == FRAGMENT6:
            number, offset = data[40], int.from_bytes(data[42:44]) >> 3
            start += 8
    else:
        return None
    name = next((name for name, value in NUMBERS.items() if value == number), str(number))
    found = Packet(
        unpacked(source), unpacked(target), name, tag=tag, hop=hop, offset=offset, flags=0
    )
    rest = data[start:]
    if offset or len(rest) < UDP_HEADER:
        return found
    return _inner(found, rest)


def _inner(found, rest):
    if found.protocol in TYPES:
        kind = next(
            (kind for kind, value in TYPES[found.protocol].items() if value == (rest[0], rest[1])),
            f"{rest[0]}/{rest[1]}",
        )
        if rest[0] in ERRORS[found.protocol]:
            return replace(found, kind=kind, quote=rest[QUOTED:])
        number = int.from_bytes(rest[4:6])
        return replace(found, kind=kind, sport=number, dport=number)
    if found.protocol in ("tcp", "udp"):
        sport, dport = struct.unpack("!HH", rest[:4])
        found = replace(found, sport=sport, dport=dport)
    if found.protocol == "tcp" and len(rest) >= TCP_HEADER:
        return replace(found, flags=rest[13], mss=_mss(rest))
    return found


def _mss(header):
    """Return the maximum segment size that a TCP header names, 0 for none."""
    options = header[TCP_HEADER : (header[12] >> 4) * 4]
    while options:
        if options[0] == 2:
            return int.from_bytes(options[2:4])
        options = options[1:] if options[0] == 1 else options[max(options[1], 2) :]
    return 0
