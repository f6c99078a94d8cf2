"""Many flows at once for the tests of the translation: packets made by hand, sent in one go.

The line is line.Line; here its default route has a gateway whose link layer address is
known, so that a destination costs nothing but its flow, and the LAN has more hosts.
"""

import ctypes
import random
import socket
import struct
import time
from contextlib import closing, suppress
from dataclasses import dataclass

from line import CONFIG, SHARED, Line
from sniffer import SYN
from space import SO_RCVBUFFORCE

OCN, V6PLUS = (1, 6, 6), (52, 8, 4)  # psid, psid-length, psid-offset
HOSTS = [f"192.168.1.{number}" for number in range(10, 20)]
TARGET = "203.0.113.200"  # nobody answers there, nor at elsewhere()
GATEWAY = "10.255.255.1"
SO_SNDBUFFORCE = 32
PACKET_QDISC_BYPASS, SOL_PACKET, PACKET_OUTGOING = 20, 263, 4
RST = 0x04
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1}
TICKS = 0.05  # seconds, more than a few ticks at 100 Hz
BATCH = 64  # packets that a veth takes in one go without dropping


def config(psid, length, offset, mape="", more=""):
    """Return a configuration with the port set and more lines in [mape] and at the end."""
    return (
        CONFIG.replace(
            "psid = 1\npsid-length = 6\n",
            f"psid = {psid}\npsid-length = {length}\npsid-offset = {offset}\n{mape}\n",
        )
        + more
    )


def elsewhere(number):
    """Return the internet's address NUMBER, of those that are for benchmarks (RFC 2544)."""
    return f"198.18.{number >> 8 & 255}.{number & 255}"


def checksum(data):
    """Return the Internet checksum of DATA (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4(number, source, target, payload):
    """Return an IPv4 packet of protocol NUMBER."""
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        0,
        0x4000,
        64,
        number,
        0,
        socket.inet_aton(source),
        socket.inet_aton(target),
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def _with_sum(number, source, target, payload, at):
    pseudo = (
        socket.inet_aton(source)
        + socket.inet_aton(target)
        + struct.pack("!BBH", 0, number, len(payload))
    )
    total = checksum(pseudo + payload) or 0xFFFF
    return payload[:at] + struct.pack("!H", total) + payload[at + 2 :]


def udp(source, sport, target, dport, payload=b"x" * 18):
    """Return a UDP datagram."""
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ipv4(17, source, target, _with_sum(17, source, target, body, 6))


def tcp(source, sport, target, dport, sequence=1):
    """Return a TCP segment that opens a connection."""
    body = struct.pack("!HHIIBBHHH", sport, dport, sequence, 0, 0x50, SYN, 65000, 0, 0)
    return ipv4(6, source, target, _with_sum(6, source, target, body, 16))


def echo(source, identifier, target):
    """Return an ICMP echo request."""
    body = struct.pack("!BBHHH", 8, 0, 0, identifier, 1) + b"y" * 16
    return ipv4(1, source, target, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def flow(kind, source, port, target=TARGET, dport=443):
    """Return the first packet of a flow of KIND."""
    if kind == "icmp":
        return echo(source, port, target)
    return {"tcp": tcp, "udp": udp}[kind](source, port, target, dport)


def strangers():
    """Yield UDP packets of one host, each to a destination of its own."""
    at = 0
    while True:
        at += 1
        yield udp(HOSTS[0], 1024 + at % 60000, f"100.64.{at >> 8 & 255}.{at & 255}", 53000)


def mixed(packets, others, seed=1):
    """Yield PACKETS with none to three of OTHERS after each."""
    dice = random.Random(seed)  # noqa: S311 - the same each time
    for packet in packets:
        yield packet
        for _ in range(dice.randint(0, 3)):
            yield next(others)


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


class NatLine(Line):
    """A line for many flows. far: the device at which all arrives outside."""

    far = "mape"

    def __init__(self, folder, shape=OCN, mape="", more="", text=""):
        self.shape = shape
        super().__init__(folder, text or config(*shape, mape=mape, more=more))

    def _build(self):
        super()._build()
        outside = self.internet.mac("mape")
        self.lan.ip("".join(f"address add {host}/24 dev eth0\n" for host in HOSTS[1:]))
        self.router.ip(
            f"""
            route replace default via {GATEWAY} dev mape0 onlink
            neigh replace {GATEWAY} lladdr {outside} dev mape0 nud permanent
        """
            + "".join(
                f"neigh replace {host} lladdr {self.lan.mac('eth0')} dev lan0 nud permanent\n"
                for host in HOSTS
            )
        )
        self.internet.ip(
            f"neigh replace {SHARED} lladdr {self.router.mac('mape0')} dev mape nud permanent\n"
        )
        self._inside = sender(self.lan, "eth0", self.router.mac("lan0"))
        self._outside = sender(self.internet, "mape", self.router.mac("mape0"))

    def burst(self, packets, *, outside=False):
        """Return PACKETS as a Burst, of a LAN host or from the internet."""
        head = (self._outside if outside else self._inside)[1]
        return Burst([head + packet for packet in packets])

    def send(self, packets, *, outside=False):
        """Send PACKETS, or a Burst, from the LAN or from the internet."""
        made = packets if isinstance(packets, Burst) else self.burst([*packets], outside=outside)
        made.send((self._outside if outside else self._inside)[0])

    def watch(self, space=None, device="mape"):
        """Return a Watch on what arrives outside, or at DEVICE of SPACE."""
        return Watch(space or self.internet, device)

    def passed(self, packets):
        """Send PACKETS from the LAN; return what arrives outside."""
        with closing(self.watch()) as watch:
            self.send(packets)
            return watch.seen()

    def forget(self):
        """Make conntrack forget every flow.

        A flow that began within two ticks of the kernel's clock counts as alive even when it
        is gone (net/netfilter/nf_conncount.c); no test is about those.
        """
        time.sleep(TICKS)
        self.router.run("conntrack", "-F")

    def all_ports(self):
        """Return the ports of the configuration's port set."""
        return [port for low, high in self.ports().ranges() for port in range(low, high + 1)]

    def counter(self, name):
        """Return the packets of a counter of the table."""
        return int(
            self.router.run("nft", "list", "counter", "ip", "dualwan_snat", name)
            .split("packets ")[1]
            .split()[0]
        )

    def elements(self, name, kind="set"):
        """Return what is in a set or map of the table, as text."""
        text = self.router.run("nft", "list", kind, "ip", "dualwan_snat", name)
        return text.split("elements = {")[1].split("}")[0] if "elements = {" in text else ""

    def flows(self):
        """Return how many elements the sets of flows have."""
        return {
            kind: len([item for item in self.elements(f"{kind}_flows").split(",") if item.strip()])
            for kind in NUMBERS
        }


class Watch:
    """What arrives at a device from now on."""

    def __init__(self, space, device):
        self._tap = space.call(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 27)
        self._tap.bind((device, 3))
        self._tap.setblocking(False)
        space.keep(self._tap)

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
