"""A router with one of the rule sets, and bursts of packets that cross it. See path.py."""

import time
from dataclasses import dataclass, replace

from burst import Burst, sender
from flows import HOSTS
from line import PPPOE
from natlab import NatLine, config, link_address
from packets import IPV4_HEADER, IPV6_HEADER, UDP_HEADER, Packet, read
from path_rules import FORWARD, NONE, PORT, SERVER
from space import until

IPV4, IPV6 = bytes.fromhex("0800"), bytes.fromhex("86dd")
NEXT, NEXT6 = "10.255.255.2", "fe80::2"  # the other ends of ppp0 and wan0
HOST6 = "2001:db8:1::10"
STEADY = 48  # established flows
NEW = 2000  # flows a burst; of 10 hosts, so that none is near the bound of a device
# Sizes on the wire with Ethernet's header and checksum, and the IMIX that is 7 : 4 : 1.
FRAMES = {"64 bytes": (64,), "IMIX": (64, 594, 64, 64, 594, 64, 64, 594, 64, 1518, 594, 64)}
ETHERNET = 18
TIMES = 60  # packets of a flow in a burst
# The far ends of the router's devices: namespace and device.
ENDS = {
    "lan0": ("lan", "eth0"),
    "mape0": ("internet", "mape"),
    "ppp0": ("internet", "ppp"),
    "wan0": ("internet", "wan"),
}
END = """\
table netdev end {{
    counter dropped {{}}
    chain end_{device} {{
        type filter hook ingress device {device} priority 0
        counter name dropped drop
    }}
}}
"""


@dataclass(frozen=True)
class Path:
    """A way across the router: in by ``came``, out by ``left``; who is at the far end."""

    came: str
    left: str
    far: str
    inward: bool = False

    def first(self, number, protocol, target):
        """Return the first packet of flow NUMBER; TARGET: the address that strangers ask."""
        far = self.far.format(number >> 8 & 255, number & 255)
        if self.inward:
            return Packet(far, target, protocol, 20000 + number % 40000, PORT)
        host = HOST6 if ":" in far else HOSTS[number % len(HOSTS)]
        return Packet(host, far, protocol, 20000 + number % 40000, 443)


PATHS = {
    "LAN to MAP-E": Path("lan0", "mape0", "11.18.{}.{}"),
    "LAN to PPPoE": Path("lan0", "ppp0", "11.19.{}.{}"),
    "PPPoE to a forward": Path("ppp0", "lan0", "11.19.{}.{}", inward=True),
    "LAN to IPv6": Path("lan0", "wan0", "2001:db8:f::{:x}:{:x}"),
}
ANSWERS = {
    "MAP-E to LAN": "LAN to MAP-E",
    "PPPoE to LAN": "LAN to PPPoE",
    "IPv6 to LAN": "LAN to IPv6",
}


class Side:
    """A router with the rules that SETUP loads."""

    def __init__(self, folder, name, setup, text=""):
        folder.mkdir()
        self.line = NatLine(folder, text=text or config(1, 6, 6, more=FORWARD))
        self._connect()
        setup(self.line)
        self.name = name
        self._asked = SERVER if name == NONE else PPPOE
        self._taps = {
            device: sender(self._space(device), far, self.line.router.mac(device))
            for device, (_, far) in ENDS.items()
        }
        self._bursts = {}

    def _space(self, device):
        return getattr(self.line, ENDS[device][0])

    def _connect(self):
        """Give each way a next hop whose link address is known."""
        line = self.line
        line.router.ip(f"""
            route add 11.19.0.0/16 via {NEXT} dev ppp0 onlink
            neigh replace {NEXT} lladdr {line.internet.mac("ppp")} dev ppp0 nud permanent
            route add default via {NEXT6} dev wan0 onlink
            neigh replace {NEXT6} lladdr {line.internet.mac("wan")} dev wan0 nud permanent
            neigh replace {HOST6} lladdr {line.lan.mac("eth0")} dev lan0 nud permanent
        """)

    def _burst(self, device, packets):
        """Return PACKETS as a Burst that comes in by DEVICE of the router."""
        head = self._taps[device][1]
        frames = []
        for packet in packets:
            data = packet.build()
            source = head[6:12] if packet.v6 or device != "lan0" else link_address(data)
            frames.append(head[:6] + source + (IPV6 if packet.v6 else IPV4) + data)
        return Burst(frames)

    def _send(self, device, burst):
        """Send BURST into DEVICE; return the microseconds of this thread for a packet."""
        began = time.thread_time()
        burst.send(self._taps[device][0])
        return (time.thread_time() - began) / burst.size * 1e6

    def begin(self):
        """Begin the established flows; from now on the far ends drop everything."""
        for name, path in PATHS.items():
            firsts = [path.first(number, "udp", self._asked) for number in range(STEADY)]
            answers = self._ask(name, path, firsts)
            self._send(path.left, self._burst(path.left, answers))
            self._prepare(name, path.came, firsts)
            for back, there in ANSWERS.items():
                if there == name:
                    self._prepare(back, path.left, answers)
        for device, (_, far) in ENDS.items():
            self._space(device).nft(END.format(device=far).replace("end {", f"end_{far} {{"))
        for name, size in self._bursts:
            wanted = self._arrived() + STEADY * TIMES
            self.established(name, size)
            if not until(lambda wanted=wanted: self._arrived() >= wanted, 2.0):
                lost = wanted - self._arrived()
                raise SystemExit(f"{self.name}, {name}, {size}: {lost} packets were lost")

    def _ask(self, name, path, firsts):
        """Send the FIRSTS of flows; return the answers to what arrives."""
        space, far = self._space(path.left), ENDS[path.left][1]
        sniffer = space.packet_socket(far)
        self._send(path.came, self._burst(path.came, firsts))
        seen = []
        try:
            while True:
                packet = read(sniffer.recv(2048)[14:])
                if packet and packet.protocol == "udp" and packet.dport == firsts[0].dport:
                    seen.append(packet)
        except BlockingIOError:
            pass
        sniffer.close()
        if len(seen) != len(firsts):
            raise SystemExit(f"{self.name}, {name}: {len(seen)} of {len(firsts)} flows began")
        return [Packet(one.target, one.source, "udp", one.dport, one.sport) for one in seen]

    def _prepare(self, name, device, packets):
        for size, frames in FRAMES.items():
            sized = [
                _sized(packet, frames[(at + turn) % len(frames)])
                for turn in range(TIMES)
                for at, packet in enumerate(packets)
            ]
            self._bursts[name, size] = device, self._burst(device, sized)

    def established(self, name, size):
        """Return the microseconds that a packet of an established flow costs."""
        return self._send(*self._bursts[name, size])

    def kinds(self):
        """Return what `established` measures: names and sizes."""
        return list(self._bursts)

    def new(self, name, turn):
        """Return the microseconds that the first packet of a flow costs, a SYN."""
        path = PATHS[name]
        numbers = range(turn * NEW, (turn + 1) * NEW)
        packets = [path.first(number, "tcp", self._asked) for number in numbers]
        burst = self._burst(path.came, packets)
        return self._send(path.came, burst)

    def forget(self):
        """Forget all flows; the bounds of the LAN's devices begin anew."""
        self.line.forget()
        if "dualwan_firewall" in self.line.tables():
            self.line.router.run("nft", "flush", "set", "inet", "dualwan_firewall", "lan_devices")

    def _arrived(self):
        """Return how many packets the far ends have got."""
        texts = [self.line.lan.run("nft", "list", "counters")]
        texts.append(self.line.internet.run("nft", "list", "counters"))
        return sum(int(part.split()[0]) for text in texts for part in text.split("packets ")[1:])


def _sized(packet, frame):
    """Return PACKET in a FRAME of so many bytes, or the smallest that holds it."""
    headers = (IPV6_HEADER if packet.v6 else IPV4_HEADER) + UDP_HEADER
    return replace(packet, payload=b"x" * max(0, frame - ETHERNET - headers))
