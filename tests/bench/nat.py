"""What the ports of a port set are worth, and what a flow costs: `make bench-nat`.

Side by side, each on a router of its own in network namespaces: plain masquerade (which no
MAP-E line could use, as a measure of cost), this project, the 63 pairs of a mark and a SNAT
range that mape.sh makes, and one SNAT rule per range and protocol in sequence, as OpenWrt's
map.sh makes them.

Kept is how many of 1008 flows to one destination arrive: one packet each, no second try,
none to three unrelated flows between two. Costs are what the kernel spends on a packet in
the sender's thread (all the way through the router; the far end drops it on arrival), by
rounds in which each variant has its turn in another order. What is shown are medians of
what was seen within a round. Frequency and caches of a machine move them by some percent:
"masquerade again" is a second one, to show how much.

Packets of established flows take a tunnel over IPv6 (encapsulated.py), as every packet of
such a line does, and besides a bare veth in its place.

    nat.py [--runs N]         N rounds (default 25); needs root and iptables
    exit status: 1 if this project loses one of the 1008 flows, else 0
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "netns")]
os.environ["PYTHONPATH"] = str(ROOT / "src")

from encapsulated import TunnelLine
from nat_capacity import PORTS, kept_with_mappings
from nat_cost import NEW_FLOWS, Side, first_packets
from space import sweep
from variants import MASQUERADE, OURS, SEQUENCE, SHELL, UNMAPPED, VARIANTS

STEADY_ROUNDS = 4  # of established packets, for each of new flows: their differences are small
WAYS, BARE_WAYS = ("out", "in"), ("out by a veth", "in by a veth")
THIRD, PERCENT = 1 / 3, 3.0  # the bars: of the shell's added cost; of an established packet


class Bench:
    """All variants, side by side."""

    def __init__(self, folder):
        self.sides, self.tunnels, self.kept = {}, {}, {}
        self.times = defaultdict(lambda: defaultdict(list))  # by what, by variant
        self._dice = random.Random(1)  # noqa: S311 - the same each time
        try:
            for number, (name, setup) in enumerate(VARIANTS.items()):
                self.sides[name] = Side(folder / str(number), setup)
                self.tunnels[name] = Side(folder / f"{number}t", setup, TunnelLine)
        except BaseException:
            self.close()
            raise

    def close(self):
        """Remove the namespaces."""
        for side in (*self.sides.values(), *self.tunnels.values()):
            side.line.close()

    def capacity(self):
        """See what each variant keeps; masquerade has every port there is."""
        for name in (OURS, UNMAPPED, SHELL, SEQUENCE):
            self.kept[name] = self.sides[name].capacity()
        self.mapped = {}
        for name in (OURS, UNMAPPED):
            self.mapped[name] = kept_with_mappings(self.sides[name].line)

    def begin(self):
        """Begin the established flows."""
        for side in (*self.sides.values(), *self.tunnels.values()):
            side.begin()

    def in_turn(self, sides):
        """Yield the variants in another order each time."""
        names = list(sides)
        self._dice.shuffle(names)
        for name in names:
            yield name, sides[name]

    def established(self):
        """Time a packet of an established flow, each way."""
        for sides, ways in ((self.tunnels, WAYS), (self.sides, BARE_WAYS)):
            for name, side in self.in_turn(sides):
                for way, found in zip(ways, side.established(), strict=True):
                    self.times[way][name].append(found)

    def new(self, turn):
        """Time new flows of each kind."""
        for what, (make, per) in NEW_FLOWS.items():
            packets = first_packets(make, per, turn)
            for name, side in self.in_turn(self.sides):
                self.times[what][name].append(side.new(packets))
        for side in self.sides.values():
            side.line.forget()

    # --- showing -------------------------------------------------------------------------------

    def added(self, what, name):
        """Return the microseconds that NAME adds to masquerade's."""
        return median(
            mine - base
            for mine, base in zip(self.times[what][name], self.times[what][MASQUERADE], strict=True)
        )

    def percent(self, way, name):
        """Return how many percent more than masquerade's an established packet costs."""
        return 100 * (
            median(
                mine / base
                for mine, base in zip(
                    self.times[way][name], self.times[way][MASQUERADE], strict=True
                )
            )
            - 1
        )

    def report(self):
        """Print tables in Markdown, and how the bars are met."""
        print(
            f"| of {PORTS} flows | TCP kept | first lost | UDP kept | first lost |\n"
            "|---|---:|---:|---:|---:|"
        )
        for name, found in self.kept.items():
            cells = " | ".join(f"{count} | {lost or '-'}" for count, lost in found.values())
            print(f"| {name} | {cells} |")
        for name, (count, _) in self.mapped.items():
            print(f"\nWith 200 endpoints that have a port already, UDP, {name}: {count}.", end="")
        heads = [f"{kind}, {where}" for where, kind in NEW_FLOWS]
        print(f"\n\n| µs for a new flow | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
        for name in VARIANTS:
            cells = [
                f"{median(self.times[what][name]):.1f}"
                if name == MASQUERADE
                else f"{self.added(what, name):+.1f}"
                for what in NEW_FLOWS
            ]
            print(f"| {name} | {' | '.join(cells)} |")
        ways = (*WAYS, *BARE_WAYS)
        print(
            f"\n| µs for an established packet | {' | '.join(ways)} |\n|---|{'---:|' * len(ways)}"
        )
        for name in VARIANTS:
            cells = [
                f"{median(self.times[way][name]):.2f}"
                if name == MASQUERADE
                else f"{self.percent(way, name):+.1f} %"
                for way in ways
            ]
            print(f"| {name} | {' | '.join(cells)} |")
        print(
            f"\nThe tunnel is {self.tunnels[OURS].line.kind}.",
            f"Medians of {len(self.times[WAYS[0]][OURS])} rounds for established packets, "
            f"{len(self.times[next(iter(NEW_FLOWS))][OURS])} for new flows.\n",
        )
        self._bars()

    def _bars(self):
        for what in NEW_FLOWS:
            ratio = self.added(what, OURS) / self.added(what, SHELL)
            print(
                f"new flow, {what[1]}, {what[0]}: {ratio:.2f} of what mape.sh adds, "
                f"{'within' if ratio <= THIRD else 'beyond'} a third"
            )
        for way in WAYS:
            found = self.percent(way, OURS)
            print(
                f"established packet, {way}: {found:+.1f} %, "
                f"{'within' if found <= PERCENT else 'beyond'} {PERCENT:.0f} %"
            )
        print(f"flows: {'all' if self.complete() else 'NOT ALL'} of {PORTS} kept")

    def complete(self):
        """Return whether this project kept all flows."""
        return all(count == PORTS for count, _ in [*self.kept[OURS].values(), self.mapped[OURS]])


def main():
    """Measure and report."""
    parser = argparse.ArgumentParser(description="what ports and flows cost, side by side")
    parser.add_argument("--runs", type=int, default=25, metavar="N")
    rounds = parser.parse_args().runs
    if os.geteuid() != 0:
        raise SystemExit("nat.py makes network namespaces and needs root: sudo make bench-nat")
    if not shutil.which("iptables-nft-restore"):
        raise SystemExit("nat.py compares with iptables, which is not installed")
    sweep()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            bench.capacity()
            bench.begin()
            for turn in range(rounds * STEADY_ROUNDS + 1):
                bench.established()
                if turn == 0:  # the first fills caches
                    bench.times.clear()
            for turn in range(rounds + 1):
                if sys.stderr.isatty():
                    print(f"\rround {turn} of {rounds}", end="", file=sys.stderr, flush=True)
                bench.new(turn)
                if turn == 0:
                    for what in NEW_FLOWS:
                        bench.times[what].clear()
        finally:
            bench.close()
    print(file=sys.stderr)
    bench.report()
    return 0 if bench.complete() else 1


if __name__ == "__main__":
    sys.exit(main())
