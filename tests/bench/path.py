"""What a packet and a new flow cost a router, through the whole rule set: `make bench-path`.

Side by side, each on a router of its own in network namespaces: the rules of this project (all
slices), plain masquerade, what mape.sh and pppoe.sh load, the chains of OpenWrt's firewall with
the SNAT rules of its map.sh, and no rules at all. Tunnel and PPP session are veth: what is
measured is what the rules cost, beside routing and conntrack, without encapsulation.

A burst of packets is handed to the kernel by sendmmsg(2) on a packet socket at the far side of
a veth; the kernel takes each through the router to the other far side, which drops it, within
that call. So the thread's own CPU time is what it costs, on one core.

Rule sets have their turn in another order in each round; a percentage is the median of those of
the rounds, each of two neighbours in time.

    path.py [--runs N] [--page]
        N rounds (default 25); --page: tables and plots also go into docs/performance.md
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

import page
from path_rules import MASQUERADE, OURS, RULES
from path_side import FRAMES, PATHS, Side
from space import sweep

PLOTS = {"64 bytes": "path-established.svg", "new": "path-new.svg"}


class Bench:
    """All rule sets, side by side."""

    def __init__(self, folder):
        self.sides = {}
        self.times = defaultdict(lambda: defaultdict(list))  # by what, by rule set
        self._dice = random.Random(1)  # noqa: S311 - the same each time
        try:
            for number, (name, setup) in enumerate(RULES.items()):
                self.sides[name] = Side(folder / str(number), name, setup)
                self.sides[name].begin()
        except BaseException:
            self.close()
            raise

    def close(self):
        """Remove the namespaces."""
        for side in self.sides.values():
            side.line.close()

    def in_turn(self):
        """Return the rule sets in another order each time."""
        names = list(self.sides)
        self._dice.shuffle(names)
        return names

    def established(self):
        """Time packets of established flows."""
        for kind in self.sides[OURS].kinds():
            for name in self.in_turn():
                self.times[kind][name].append(self.sides[name].established(*kind))

    def new(self, turn):
        """Time new flows."""
        for path in PATHS:
            for name in self.in_turn():
                self.times[path, "new"][name].append(self.sides[name].new(path, turn))
        for side in self.sides.values():
            side.forget()

    def percent(self, kind, name):
        """Return how many percent NAME costs more than masquerade."""
        pairs = zip(self.times[kind][name], self.times[kind][MASQUERADE], strict=True)
        return 100 * (median(mine / base for mine, base in pairs) - 1)

    def table(self, size):
        """Return a table in Markdown of SIZE, "new" for new flows."""
        unit = "flow" if size == "new" else "packet"
        rows = [path for path, kind in self.times if kind == size]
        lines = [
            f"| {'new flows' if size == 'new' else size}; thousands a second, µs a {unit} | "
            + " | ".join(RULES)
            + " |",
            "|---|" + "---:|" * len(RULES),
        ]
        for path in rows:
            cells = []
            for name in RULES:
                cost = median(self.times[path, size][name])
                than = "" if name == MASQUERADE else f", {self.percent((path, size), name):+.1f} %"
                cells.append(f"{1e3 / cost:.0f}, {cost:.2f}{than}")
            lines.append(f"| {path} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def report(self, rounds, load):
        """Return all tables."""
        tables = "\n\n".join(self.table(size) for size in (*FRAMES, "new"))
        return f"{page.machine(load)} Medians of {rounds} rounds.\n\n{tables}"

    def plot(self, size):
        """Return a plot of SIZE, as SVG."""
        groups = {
            path: {name: median(self.times[path, size][name]) for name in RULES}
            for path, kind in self.times
            if kind == size
        }
        what = "New flows" if size == "new" else f"Packets of established flows, {size}"
        return page.bars(what, f"µs a {'flow' if size == 'new' else 'packet'}, one core", groups)


def main():
    """Measure and report."""
    parser = argparse.ArgumentParser(description="what packets cost through whole rule sets")
    parser.add_argument("--runs", type=int, default=25, metavar="N")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    rounds, load = options.runs, os.getloadavg()
    if os.geteuid() != 0:
        raise SystemExit("path.py makes network namespaces and needs root: sudo make bench-path")
    if not shutil.which("iptables"):
        raise SystemExit("path.py compares with iptables, which is not installed")
    sweep()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            for turn in range(rounds + 1):
                bench.established()
                if turn == 0:  # the first fills caches
                    bench.times.clear()
            for turn in range(rounds + 1):
                bench.new(turn)
                if turn == 0:
                    for path in PATHS:
                        bench.times[path, "new"].clear()
        finally:
            bench.close()
    text = bench.report(rounds, load)
    print(text)
    if options.page:
        page.write("make bench-path", text)
        for size, name in PLOTS.items():
            (page.DOCS / name).write_text(bench.plot(size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
