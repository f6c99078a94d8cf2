"""What grows with the configuration, and with what others have on the machine: `make bench-scale`.

Each scene is a router of its own in network namespaces, all up at once, and each measurement has
its turn on each of them, round by round. What is shown is the processor's time, in user and
system mode, of an event that finds nothing to do, of `--dry-run` and `status`, with the peak of
their memory; and what a packet and a new flow cost in the kernel (path_side.py). A ratio is the
median of those to the plain scene in the same round.

    scale.py [--runs N] [--page]
        N rounds (default 9); --page: table and plot also go into docs/performance.md
"""

import argparse
import os
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
from bars import MEGABYTE, WEIGH
from path_side import Side
from scale_scenes import PLAIN, SCENES
from space import sweep

EVENT, DRY_RUN, STATUS = "ppp-up, nothing to do", "--dry-run", "status"
PACKET, FORWARDED, FLOW = "packet, LAN to MAP-E", "packet to a forward", "new flow to a forward"
OUTWARD = "new flow, LAN to MAP-E"
COMMANDS = {
    EVENT: ("event", "ppp-up"),
    DRY_RUN: ("--dry-run", "--slice", "firewall", "--slice", "snat", "--slice", "pbr"),
    STATUS: ("status",),
}
PACKETS = (PACKET, FORWARDED, FLOW, OUTWARD)
PLOT = "scale.svg"


class Scene:
    """A router with one of the scenes."""

    def __init__(self, folder, name):
        scene = SCENES[name]

        def setup(line):
            scene.before(line)
            line.apply()
            scene.after(line)

        self.side = Side(folder, name, setup, scene.text)
        self.side.begin()

    def run(self, what):
        """Run a command; return seconds of the processor, and the peak of memory in bytes."""
        line = self.side.line
        argv = [sys.executable, "-I", "-c", WEIGH, *line.command(*COMMANDS[what])[2:]]
        environment = line.environment(PPP_IFACE="ppp0")

        def start():  # in the namespace's own thread, whose namespace the child inherits
            said, theirs = os.pipe()
            quiet = os.open(os.devnull, os.O_WRONLY)
            process = os.posix_spawn(
                argv[0],
                argv,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                    (os.POSIX_SPAWN_DUP2, quiet, 2),
                    (os.POSIX_SPAWN_CLOSE, said),
                ],
            )
            os.close(theirs)
            os.close(quiet)
            with os.fdopen(said) as text:
                words = text.read().split()
            _, _, used = os.wait4(process, 0)
            return used.ru_utime + used.ru_stime, int(words[-1]) * 1024

        return line.router.call(start)

    def cost(self, what, turn):
        """Return the microseconds of a packet."""
        if what in {FLOW, OUTWARD}:
            path = "PPPoE to a forward" if what == FLOW else "LAN to MAP-E"
            return self.side.new(path, turn)
        path = "LAN to MAP-E" if what == PACKET else "PPPoE to a forward"
        return self.side.established(path, "64 bytes")


class Bench:
    """All scenes, and what was measured, by what and scene."""

    def __init__(self, folder):
        self.found, self.peaks = defaultdict(list), defaultdict(list)
        self.scenes = {}
        try:
            for number, name in enumerate(SCENES):
                self.scenes[name] = Scene(folder / str(number), name)
        except BaseException:
            self.close()
            raise

    def close(self):
        """Remove the namespaces."""
        for scene in self.scenes.values():
            scene.side.line.close()

    def round(self, turn):
        """Measure everything once."""
        for what in COMMANDS:
            for name, scene in self.scenes.items():
                seconds, peak = scene.run(what)
                self.found[what, name].append(seconds)
                self.peaks[what, name].append(peak)
        for what in PACKETS:
            for name, scene in self.scenes.items():
                self.found[what, name].append(scene.cost(what, turn))

    def ratio(self, what, name):
        """Return how many times the plain scene's this costs."""
        pairs = zip(self.found[what, name], self.found[what, PLAIN], strict=True)
        return median(mine / plain for mine, plain in pairs)

    def table(self):
        """Return a table in Markdown."""
        lines = [
            f"| scene | {' | '.join((*COMMANDS, *PACKETS))} |",
            "|---|" + "---:|" * (len(COMMANDS) + len(PACKETS)),
        ]
        for name in SCENES:
            cells = [
                f"{1e3 * median(self.found[what, name]):.0f} ms, {self.ratio(what, name):.2f}, "
                f"{median(self.peaks[what, name]) / MEGABYTE:.0f} MB"
                for what in COMMANDS
            ]
            cells += [
                f"{median(self.found[what, name]):.2f} µs, {self.ratio(what, name):.2f}"
                for what in PACKETS
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def plot(self):
        """Return a plot of the ratios, as SVG."""
        shown = (EVENT, DRY_RUN, STATUS, PACKET, FLOW)
        groups = {name: {what: self.ratio(what, name) for what in shown} for name in SCENES}
        return page.bars("Growth", "times the plain scene's", groups)


def main():
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description="what grows with forwards, and with others' things"
    )
    parser.add_argument("--runs", type=int, default=9, metavar="N")
    parser.add_argument("--page", action="store_true")
    options, load = parser.parse_args(), os.getloadavg()
    if os.geteuid() != 0:
        raise SystemExit("scale.py makes network namespaces and needs root: sudo make bench-scale")
    sweep()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            for turn in range(options.runs + 1):
                bench.round(turn)
                if turn == 0:  # the first fills caches
                    bench.found.clear()
        finally:
            bench.close()
    text = f"{page.machine(load)} Medians of {options.runs} rounds.\n\n{bench.table()}"
    print(text)
    if options.page:
        page.write("make bench-scale", text)
        (page.DOCS / PLOT).write_text(bench.plot())
    return 0


if __name__ == "__main__":
    sys.exit(main())
