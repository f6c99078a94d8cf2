"""A line with every zone of the policy matrix, whose ends are moved by hand.

The ends say nothing by themselves: what they send is made in packets.py, and what arrives is
seen at their devices. On the router raw sockets see what its rules have let in.
"""

import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass

from line import CLIENT, PPPOE, ROUTER, SERVERS, SHARED, Line
from packets import NUMBERS, read
from space import SO_RCVBUFFORCE

SETTLED = 0.15  # seconds without a packet after which all that get through have arrived
PACKET_OUTGOING, IPPROTO_RAW = 4, 255
IPV6_FLOWINFO, FLOW_LABEL = 11, 0xFFFFF  # linux/in6.h: a socket option and its message
HOST = "192.168.1.20"  # a server in the LAN
DMZ = "10.0.1.2"  # one in the DMZ
CE, RELAY, FAR6 = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9", "2001:db8:a::1"
# Of a block that the configuration may route to PPPoE: the router's, a host's that has one itself,
# and those that the server and the DMZ's host have one to one.
BLOCK, ON_DMZ = "203.0.113.128/29", "203.0.113.129"
PUBLIC, OF_SERVER, OF_DMZ = "203.0.113.130", "203.0.113.131", "203.0.113.132"
WAN4 = "203.0.113.250"  # an address that the WAN may have, of a modem say


@dataclass(frozen=True)
class Zone:
    """Where packets come from: a device of SPACE, its far end on the router, addresses of both.

    Addresses are IPv4 and IPv6, "" for none.
    """

    space: str
    device: str
    far: str
    own: tuple[str, str]
    router: tuple[str, str]
    more: tuple[str, ...] = ()
    others: tuple[str, str] = ("", "")


ZONES = {
    "lan": Zone("lan", "eth0", "lan0", (CLIENT, "2001:db8:1::10"), (ROUTER, "2001:db8:1::1")),
    "server": Zone("lan", "eth0", "lan0", (HOST, "2001:db8:1::20"), (ROUTER, "2001:db8:1::1")),
    "mape": Zone(
        "internet", "mape", "mape0", (SERVERS[0], ""), (SHARED, ""), others=(SERVERS[6], "")
    ),
    "pppoe": Zone(
        "internet",
        "ppp",
        "ppp0",
        (SERVERS[1], "2001:db8:3::1"),
        (PPPOE, "2001:db8:3::2"),
        ("2001:db8:3:1::66",),
        (SERVERS[7], "2001:db8:3::77"),
    ),
    "wan6": Zone(
        "internet",
        "wan",
        "wan0",
        (SERVERS[2], FAR6),
        (WAN4, "2001:db8:2::2"),
        ("2001:db8:2::1",),
        ("", "2001:db8:a::77"),
    ),
    "link6": Zone("internet", "wan", "wan0", ("", "fe80::1"), ("", "fe80::2")),
    "relay": Zone("internet", "wan", "wan0", ("", RELAY), ("", CE)),
    "guest": Zone(
        "internet", "guest", "guest0", ("10.0.0.2", "2001:db8:5::2"), ("10.0.0.1", "2001:db8:5::1")
    ),
    "dmz": Zone("internet", "dmz", "dmz0", (DMZ, "2001:db8:6::2"), ("10.0.1.1", "2001:db8:6::1")),
    "public": Zone("internet", "dmz", "dmz0", (PUBLIC, ""), (ON_DMZ, "")),
    "far": Zone("internet", "ppp", "ppp0", (SERVERS[3], ""), (PPPOE, "")),
    # An address of the router's in name only: of hosts that have one of it by translation.
    "block": Zone("internet", "ppp", "ppp0", ("", ""), (OF_SERVER, "")),
    "block-dmz": Zone("internet", "ppp", "ppp0", ("", ""), (OF_DMZ, "")),
}
DEVICES = {(zone.space, zone.device): zone.far for zone in ZONES.values()}
# The ends say nothing by themselves, but who they are on their link.
MUTE = """\
table inet mute {
    chain output {
        type filter hook output priority 0; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
}
"""


class Witness:
    """Sees the packets of one protocol that the rules of ``space`` have let in.

    The kernel hands a packet to raw sockets once the input hook is through with it. They give
    the header of IPv4; of IPv6 they tell the flow label, which is the tag of ours.
    """

    def __init__(self, space, family, number):
        self._raw = space.open_socket(family, socket.SOCK_RAW, number, timeout=0)
        self._raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        self._tags = set()
        if family == socket.AF_INET6:
            self._raw.setsockopt(socket.IPPROTO_IPV6, IPV6_FLOWINFO, 1)

    def tags(self):
        """Return the tags of all packets seen so far."""
        with suppress(BlockingIOError):
            while True:
                head, told, *_ = self._raw.recvmsg(20, 64)
                if self._raw.family == socket.AF_INET:
                    self._tags.add(struct.unpack_from("!H", head, 4)[0])
                self._tags |= {
                    int.from_bytes(data, "big") & FLOW_LABEL
                    for _, kind, data in told
                    if kind == IPV6_FLOWINFO
                }
        return self._tags


class Field(Line):
    """A line whose ends are moved by hand."""

    def _build(self):
        super()._build()
        for name in ("guest", "dmz"):
            self.router.ip(f"link add {name}0 type veth peer name {name}")
            self.router.run("ip", "link", "set", name, "netns", self.internet.name)
        self.lan.ip(f"""
            address add {HOST}/24 dev eth0
            address add 2001:db8:1::20/64 dev eth0 nodad
        """)
        self.internet.ip(f"""
            link set guest up
            address add 10.0.0.2/24 dev guest
            address add {FAR6}/128 dev wan nodad
            address add 2001:db8:2::1/64 dev wan nodad
            address add fe80::1/64 dev wan nodad
            address add {RELAY}/128 dev wan nodad
            address add 2001:db8:3::1/64 dev ppp nodad
            address add 2001:db8:5::2/64 dev guest nodad
            link set dmz up
            address add {DMZ}/24 dev dmz
            route add {BLOCK} dev ppp
            address add 2001:db8:6::2/64 dev dmz nodad
        """)
        self.router.ip(f"""
            link set guest0 up
            address add 10.0.0.1/24 dev guest0
            address add 2001:db8:5::1/64 dev guest0 nodad
            link set dmz0 up
            address add 10.0.1.1/24 dev dmz0
            address add {ON_DMZ}/29 dev dmz0
            address add 2001:db8:6::1/64 dev dmz0 nodad
            address add {WAN4}/32 dev wan0
            address add 2001:db8:2::2/64 dev wan0 nodad
            address add fe80::2/64 dev wan0 nodad
            address add {CE}/128 dev wan0 nodad
            address add 2001:db8:3::2/64 dev ppp0 nodad
            route add 2001:db8:3:1::/64 dev ppp0
            route add {SERVERS[1]} dev ppp0
            route add {SERVERS[2]} dev wan0
            route add default via 2001:db8:2::1 dev wan0
        """)
        self._introduce()
        self.lan.nft(MUTE)
        self.internet.nft(MUTE)
        self._witnesses = [
            Witness(self.router, family, number)
            for name, number in NUMBERS.items()
            for family, foreign in ((socket.AF_INET, "icmpv6"), (socket.AF_INET6, "icmp"))
            if name != foreign
        ]
        self._taps = {
            key: self._tap(getattr(self, key[0]), key[1], far) for key, far in DEVICES.items()
        }

    def _introduce(self):
        """Tell the router who is where: nobody answers, and PPPoE has no such question."""
        self.router.ip(
            "".join(
                f"neigh replace {address} lladdr {getattr(self, zone.space).mac(zone.device)} "
                f"dev {zone.far}\n"
                for zone in ZONES.values()
                for address in (*zone.own, *zone.more)
                if address
            )
        )

    def _tap(self, space, device, far):
        """Return a socket on DEVICE, and the addresses of frames to FAR on the router."""
        return space.packet_socket(device), bytes.fromhex(
            (self.router.mac(far) + space.mac(device)).replace(":", "")
        )

    # --- sending and seeing ------------------------------------------------------------------

    def inject(self, zone, packet, data=None):
        """Send PACKET (DATA, if its bytes are given) from ZONE to the router, or by it."""
        data = data or packet.build()
        if zone == "router":
            return self._send_from_router(packet, data)
        key = ZONES[zone].space, ZONES[zone].device
        tap, head = self._taps[key]
        if packet.target.startswith("ff"):
            head = b"\x33\x33" + socket.inet_pton(socket.AF_INET6, packet.target)[12:] + head[6:]
        tap.send(head + (b"\x86\xdd" if packet.v6 else b"\x08\x00") + data)
        return None

    def _send_from_router(self, packet, data):
        family = socket.AF_INET6 if packet.v6 else socket.AF_INET
        raw = self.router.call(socket.socket, family, socket.SOCK_RAW, IPPROTO_RAW)
        link = packet.target.startswith(("fe80", "ff02"))
        scope = self.router.call(socket.if_nametoindex, "wan0") if link else 0
        with raw, suppress(PermissionError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if not packet.v6:
                raw.bind((packet.source, 0))
            raw.sendto(data, (packet.target, 0, 0, scope)[: 4 if packet.v6 else 2])

    def seen(self):
        """Return what has arrived since the last call: packets by (space, device)."""
        found = {key: [] for key in self._taps}
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < SETTLED:
            time.sleep(SETTLED / 10)
            for key, (tap, _) in self._taps.items():
                if packets := _arrived(tap):
                    found[key] += packets
                    quiet_since = time.monotonic()
        return found

    def witnessed(self):
        """Return the tags of what the router's own rules have let in so far."""
        return {tag for witness in self._witnesses for tag in witness.tags()}


def _arrived(tap):
    """Return the packets that wait at a socket for frames, less those that went out there."""
    found = []
    with suppress(BlockingIOError):
        while True:
            frame, (_, protocol, way, *_) = tap.recvfrom(65535)
            if way != PACKET_OUTGOING and protocol in (0x0800, 0x86DD):
                found.append(read(frame[14:]))
    return found
