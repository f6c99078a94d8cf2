"""Packets that the policy forbids, from all sides, for as long as it takes.

All come from one address a family, so that whatever of them is let in can be counted: by a
table on the router behind the firewall's chains, and at the LAN's device. A few that are
allowed, from another address, show that the counters count.
"""

import socket
import threading
import time
from contextlib import suppress

from burst import SO_SNDBUFFORCE, Burst
from line import CLIENT, OTHER_PPPOE, PPPOE, ROUTER, SHARED
from packets import FLAGS, Packet

BAD, BAD6, GOOD = "198.51.100.77", "2001:db8:a::77", "198.51.100.78"
BAD_PORTS = (1, 21, 23, 111, 135, 139, 445, 631, 3306, 5432, 8081, 51820, 65535)
WAN6, LAN6 = "2001:db8:2::2", "2001:db8:1::10"
COUNTERS = f"""\
table inet rain {{
    counter bad {{ }}
    counter good {{ }}
    chain input {{
        type filter hook input priority 200; policy accept;
        ip saddr {BAD} counter name bad
        ip6 saddr {BAD6} counter name bad
        ip saddr {GOOD} counter name good
    }}
    chain forward {{
        type filter hook forward priority 200; policy accept;
        ip saddr {BAD} counter name bad
        ip6 saddr {BAD6} counter name bad
    }}
}}
"""
ARRIVED = f"""\
table netdev rain {{
    counter bad {{ }}
    chain ingress {{
        type filter hook ingress device eth0 priority 0;
        ip saddr {BAD} counter name bad
        ip6 saddr {BAD6} counter name bad
    }}
}}
"""
FLAGS_SENT = (FLAGS["syn"], FLAGS["ack"], 0, 0x3F, 0x29, FLAGS["syn"] | FLAGS["ack"])


def forbidden(source, targets):
    """Yield what no rule allows from SOURCE to TARGETS."""
    for at, target in enumerate(targets):
        for port in BAD_PORTS:
            sport = 20000 + at * 100 + port % 97
            yield Packet(source, target, "udp", sport, port).build()
            for flags in FLAGS_SENT:
                yield Packet(source, target, "tcp", sport, port, flags).build()
        yield Packet(source, target, "ipip").build()
        yield Packet(source, target, "gre").build()
        yield Packet(source, target, "udp", 1, 2, offset=9).build(b"y" * 64)
        if ":" not in target:
            yield Packet(source, target, "icmp", kind="redirect").build()
            yield Packet(source, target, "icmp", kind="timestamp").build()


class Rain:
    """Falls on the router's WANs from begin to end; `with Rain(line) as rain: …`."""

    def __init__(self, line):
        self.line, self.sent = line, 0
        line.router.nft(COUNTERS)
        line.lan.nft(ARRIVED)
        pppoe = [
            *forbidden(BAD, [PPPOE, OTHER_PPPOE, ROUTER, CLIENT, SHARED]),
            *(Packet(GOOD, address, "tcp", 30000, 443).build() for address in (PPPOE, OTHER_PPPOE)),
        ]
        self._bursts = [
            self._burst("ppp", "ppp0", pppoe),
            self._burst("mape", "mape0", [*forbidden(BAD, [SHARED, PPPOE, ROUTER, CLIENT])]),
            self._burst("wan", "wan0", [*forbidden(BAD6, [WAN6, LAN6, "2001:db8:1::1"])]),
            self._burst("wan", "wan0", [*forbidden(BAD, [PPPOE, CLIENT])]),
            self._burst("ppp", "ppp0", [*forbidden(BAD6, [WAN6, LAN6, "2001:db8:1::1"])]),
        ]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fall)

    def _burst(self, device, far, packets):
        space = self.line.internet
        tap = space.packet_socket(device)
        tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
        tap.setblocking(True)
        head = bytes.fromhex((self.line.router.mac(far) + space.mac(device)).replace(":", ""))
        return tap, Burst(
            [
                head + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet
                for packet in packets
            ]
        )

    def _fall(self):
        while not self._over.is_set():
            for tap, burst in self._bursts:
                with suppress(OSError):  # the other end is down
                    burst.send(tap)
                    self.sent += burst.size
            time.sleep(0.001)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def let_in(self, name="bad"):
        """Return how many packets were let in so far, by the router and by the LAN."""
        return (
            self._count(self.line.router, "inet", name),
            self._count(self.line.lan, "netdev", "bad"),
        )

    @staticmethod
    def _count(space, family, name):
        text = space.run("nft", "list", "counter", family, "rain", name)
        return int(text.split("packets ")[1].split()[0])
