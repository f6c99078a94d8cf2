"""What a packet costs a router with one of the variants, in microseconds of this machine."""

import time

from burst import answer
from flows import HOSTS, elsewhere, tcp, udp
from nat_capacity import kept
from natlab import OCN, NatLine

NEW, PER = 6000, 20  # flows a burst, and flows a destination where it is not one
STEADY, REPEAT = 64, 60  # established flows, and packets of each in a burst
FAR = """\
table netdev far {{
    counter dropped {{}}
    chain end {{
        type filter hook ingress device {} priority 0
        counter name dropped drop
    }}
}}
"""


class Side:
    """A router with one of the variants; its far ends drop what arrives, once it has begun."""

    def __init__(self, folder, setup, kind=NatLine):
        folder.mkdir()
        self.line = kind(folder, shape=OCN)
        setup(self.line)

    def capacity(self):
        """Return what is kept of TCP and of UDP."""
        return {kind: kept(self.line, kind) for kind in ("tcp", "udp")}

    def begin(self):
        """Begin the established flows; from now on the far ends drop everything."""
        line = self.line
        packets = [udp(HOSTS[0], 40000 + at, elsewhere(at % 8), 443) for at in range(STEADY)]
        seen = line.passed(packets)
        for space, device in ((line.lan, "eth0"), (line.internet, line.far)):
            space.nft(FAR.format(device))
        self._out = line.burst(packets * REPEAT)
        self._in = line.burst([answer(packet) for packet in seen] * REPEAT, outside=True)
        self.established()
        for space in (line.lan, line.internet):
            if f"packets {STEADY * REPEAT} " not in space.run("nft", "list", "counters"):
                raise SystemExit("established flows were lost")

    def established(self):
        """Return microseconds a packet out and in."""
        return (self._timed(self._out), self._timed(self._in, outside=True))

    def new(self, packets):
        """Return microseconds for each of PACKETS, all of which begin a flow."""
        return self._timed(self.line.burst(packets))

    def _timed(self, burst, **options):
        began = time.thread_time()
        self.line.send(burst, **options)
        return (time.thread_time() - began) / burst.size * 1e6


def first_packets(make, per, turn):
    """Return NEW first packets by MAKE, PER to a destination; each TURN has its own."""
    return [
        make(
            HOSTS[at % 4], 1024 + (at + turn * NEW) % 60000, elsewhere(turn * NEW + at // per), 443
        )
        for at in range(NEW)
    ]


NEW_FLOWS = {("a destination each", kind): (make, 1) for kind, make in (("TCP", tcp), ("UDP", udp))}
NEW_FLOWS |= {
    ("20 a destination", kind): (make, PER) for kind, make in (("TCP", tcp), ("UDP", udp))
}
