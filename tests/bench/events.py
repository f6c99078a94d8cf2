"""How long each event takes, from process start to kernel state and to exit: `make bench`.

Everything happens in network namespaces of its own. Our hooks run as ifupdown and pppd run
them, from byte-compiled modules as a package installs them; beside them runs baseline.sh,
which issues as many iptables and ip commands, of the same kinds, as the shell scripts that
this project replaces. Both run on the same machine in turn, event by event. The tunnel is
left out on both sides, for a kernel without ip6_tunnel; on a router it is a few netlink
messages more, and five ip commands there.

"State" is when the kernel sent its last message about nft, rules, routes or sysctls before
the process ended: what comes after it, verifying and logging, changes nothing.

Then each event is held against its bar. The clock's times are ratios of pairs of one round, since a
machine that others share is slower at one time than at another; the processor's are shown too.

    events.py [--runs N]      N runs of each, 15 or more (default 15); needs root and iptables
"""

import argparse
import compileall
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "netns")]

import bars
from bars import BARE
from line import OTHER_PPPOE, PPPOE
from side import Side, Took
from space import sweep

COMMAND = (
    "import sys; sys.path.insert(0, {src!r}); sys.argv = ['dualwan-hook', *{words!r}];"
    "from dualwan.cli import run; run()"
)
PYTHON = "/usr/bin/python3"  # what the hooks name in their first line
LEAST_RUNS = 15
LAUNCH = (
    "import sys; sys.path.insert(0, {src!r}); sys.argv = [{name!r}];"
    "from dualwan import paths; paths.CONFIG, paths.RUN_DIR, paths.STATE_DIR = {folders!r};"
    "exec(compile(open({hook!r}).read(), {name!r}, 'exec'))"
)
# A hook whose time is taken apart: each mark is a word and the seconds since it was started.
APART = """\
import time
started = float(__import__("os").environ["BENCH_STARTED"])
marks = [("interpreter", time.monotonic())]
import sys, os
sys.path.insert(0, {src!r})
from dualwan import hook
import dualwan.config, dualwan.host.kernel, dualwan.handle, pathlib, nftables
import dualwan.reconcile
marks.append(("imports", time.monotonic()))
from dualwan.host.kernel import KernelHost
from dualwan.nft.table import NftTable
spent = dict.fromkeys(["observe", "nft", "rules, routes, flows", "verify"], 0.0)
depth = []
def timed(owner, name, word):
    inner = getattr(owner, name)
    def outer(*arguments, **options):
        label = word(*arguments) if callable(word) else word
        depth.append(label)
        began = time.monotonic()
        try:
            return inner(*arguments, **options)
        finally:
            depth.pop()
            if not depth:
                spent[label] += time.monotonic() - began
    setattr(owner, name, outer)
timed(KernelHost, "observe", "observe")
timed(KernelHost, "apply", lambda _host, step: "nft" if isinstance(step.resource, NftTable)
      else "rules, routes, flows")
timed(dualwan.reconcile, "_verify", "verify")
import dualwan.log
marks.append(("import of the log", time.monotonic()))
hook.hook("ppp-up", "ppp0", dict(os.environ))
marks.append(("hook", time.monotonic()))
times = dict(zip([word for word, _ in marks],
                 [at - before for (_, at), before in
                  zip(marks, [started, *(at for _, at in marks)])]))
rest = times.pop("hook") - sum(spent.values())
print({{**times, **spent, "configuration, planning, notes": rest}})
"""


class Bench:
    """All runs of all events, on both sides."""

    def __init__(self, folder):
        self.src = folder / "src"
        shutil.copytree(
            ROOT / "src" / "dualwan",
            self.src / "dualwan",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        compileall.compile_dir(self.src, quiet=2)
        self.ours, self.shell = Side(folder / "ours"), Side(folder / "shell")
        self.times = defaultdict(list)
        self.parts = defaultdict(list)
        self.peaks = {}

    def close(self):
        """Remove the namespaces."""
        self.ours.close()
        self.shell.close()

    def hook(self, row, kind, **environ):
        """Time one of our hooks."""
        self.times[row].append(self.ours.time(self.launch(kind), **environ))

    def launch(self, kind):
        """Return the command line of a hook; ``kind``: ifupdown, PPP (up) or ppp (down)."""
        name = {
            "PPP": "/etc/ppp/ip-up.d/00dualwan-hook",
            "ppp": "/etc/ppp/ip-down.d/00dualwan-hook",
        }.get(kind, "/x")
        hook = ROOT / "hooks" / ("ppp" if kind in ("PPP", "ppp") else "ifupdown")
        line = self.ours.line
        folders = tuple(map(str, (line.config, line.run_directory, line.state)))
        launch = LAUNCH.format(src=str(self.src), name=name, hook=str(hook), folders=folders)
        return [PYTHON, "-I", "-c", launch]

    def weigh(self):
        """Note the peak of memory of each event that does something."""
        line = self.ours.line
        for row, kind, environ in (
            ("before ifup", "ifupdown", {"PHASE": "pre-up", "IFACE": "wan0"}),
            ("ifup", "ifupdown", {"PHASE": "post-up", "IFACE": "wan0"}),
            ("ppp-up, new address", "PPP", {"PPP_IFACE": "ppp0"}),
            ("ppp-up again, nothing to do", "PPP", {"PPP_IFACE": "ppp0"}),
            ("ifdown", "ifupdown", {"PHASE": "pre-down", "IFACE": "wan0"}),
            ("after ifdown", "ifupdown", {"PHASE": "post-down", "IFACE": "wan0"}),
        ):
            if row == "ppp-up, new address":
                self.ours.connect(OTHER_PPPOE)
            if row == "after ifdown":
                self.ours.connect("")
                line.router.run("ip", "link", "set", "wan0", "down")
            argv = [PYTHON, "-I", "-c", bars.WEIGH, *self.launch(kind)]
            self.ours.time(argv, **environ)
            self.peaks[row] = int(self.ours.said.split()[-1]) * 1024
        line.router.run("ip", "link", "set", "wan0", "up")

    def ifupdown(self, row, phase):
        """Time the hook of ifup or ifdown in PHASE."""
        self.hook(row, "ifupdown", PHASE=phase, IFACE="wan0")

    def baseline(self, row, *events):
        """Time the shell's EVENTS."""
        found = [
            self.shell.time([str(HERE.with_name("baseline.sh")), event, "mape0", "ppp0", PPPOE])
            for event in events
        ]
        ends, cpus = (sum(one[at] for one in found) for at in (1, 2))
        self.times[row].append(Took(None, ends, cpus))

    def apart(self):
        """Take one ppp-up apart."""
        text = APART.format(src=str(self.src))
        to_exit = self.ours.time([PYTHON, "-I", "-c", text], PPP_IFACE="ppp0").end
        parts = eval(self.ours.said, {"__builtins__": {}})  # noqa: S307 - our own numbers
        for word, seconds in {**parts, "exit": to_exit - sum(parts.values())}.items():
            self.parts[word].append(seconds)

    def round(self):
        """Let a router live through each event once, on both sides in turn."""
        self.ifupdown("before ifup", "pre-up")
        self.ifupdown("ifup", "post-up")
        self.baseline("shell ifup", "mape-start")
        self.ifupdown("ifup again (second stanza)", "post-up")
        for side in (self.ours, self.shell):
            side.connect(PPPOE)
        self.hook("ppp-up, first address", "PPP", PPP_IFACE="ppp0")
        self.baseline("shell ppp-up", "pppoe-start")
        self.hook("ppp-up again, nothing to do", "PPP", PPP_IFACE="ppp0")
        self.ours.connect(OTHER_PPPOE)
        self.hook("ppp-up, new address", "PPP", PPP_IFACE="ppp0")
        self.ours.connect(PPPOE)
        self.apart()
        self.ours.connect("")
        self.hook("ppp-down", "ppp", PPP_IFACE="ppp0")
        self.ifupdown("ifdown", "pre-down")
        self.ours.line.router.run("ip", "link", "set", "wan0", "down")
        self.ifupdown("after ifdown", "post-down")
        self.ours.line.router.run("ip", "link", "set", "wan0", "up")
        self.baseline("shell ifdown", "pppoe-stop", "mape-stop")
        for side in (self.ours, self.shell):
            side.connect("")
            if found := side.line.leftovers():
                raise SystemExit(f"left behind: {found}")
        self.ifupdown_of_others()

    def ifupdown_of_others(self):
        """Time what every other interface pays, beside an interpreter that does nothing."""
        self.hook("not ours", "ifupdown", PHASE="post-up", IFACE="eth9")
        self.times[BARE].append(self.ours.time([PYTHON, "-I", "-c", "pass"]))
        self.commands()

    def commands(self):
        """Time the commands that answer a person."""
        config = str(self.ours.line.config)
        for row, *words in (
            ("mape", "mape", "2400:4050:5c71:af00::"),
            ("check", "check", config),
            ("--version", "--version"),
            ("--help", "--help"),
        ):
            launch = COMMAND.format(src=str(self.src), words=words)
            self.times[row].append(self.ours.time([PYTHON, "-I", "-c", launch]))

    def milliseconds(self, row, at):
        """Return the median of ROW to state (0) or to exit (1)."""
        found = [times[at] for times in self.times[row] if times[at] is not None]
        return median(found) * 1000 if found else None

    # --- showing ----------------------------------------------------------------------------

    def report(self):
        """Print tables in Markdown."""
        print("| event | state | exit | shell scripts | ratio |\n|---|---:|---:|---:|---:|")
        for row, shell in (
            ("before ifup", ""),
            ("ifup", "shell ifup"),
            ("ifup again (second stanza)", ""),
            ("ppp-up, first address", "shell ppp-up"),
            ("ppp-up, new address", "shell ppp-up"),
            ("ppp-up again, nothing to do", ""),
            ("ppp-down", ""),
            ("ifdown", "shell ifdown"),
            ("after ifdown", ""),
        ):
            state, to_exit = self.milliseconds(row, 0), self.milliseconds(row, 1)
            cells = [f"{state:.0f} ms" if state else "-", f"{to_exit:.0f} ms", "", ""]
            if shell:
                both = to_exit + sum(
                    self.milliseconds(more, 1)
                    for more in {"ifup": ["before ifup"], "ifdown": ["after ifdown"]}.get(row, [])
                )
                time_of_shell = self.milliseconds(shell, 1)
                cells[2:] = [f"{time_of_shell:.0f} ms", f"{time_of_shell / both:.1f}"]
            print(f"| {row} | {' | '.join(cells)} |")
        bare = self.milliseconds(BARE, 1)
        idle = self.milliseconds("not ours", 1)
        print(
            f"| not ours | - | {idle:.1f} ms | `python3 -I -c pass`: {bare:.1f} ms "
            f"| {idle - bare:+.1f} ms |"
        )
        print(
            f"\nMedians of {len(self.times['ifup'])} runs. A ratio is the shell's time by "
            "ours to exit, for ifup and ifdown\nof both hooks together. "
            "The shell's start from nothing; for a new address they were not run at all.\n"
        )
        print(bars.table(self.times, self.peaks))
        print("| a ppp-up with a new address | ms |\n|---|---:|")
        for word, found in self.parts.items():
            print(f"| {word} | {median(found) * 1000:.1f} |")
        print(f"| together | {sum(median(found) for found in self.parts.values()) * 1000:.1f} |")


def main():
    """Measure and report."""
    parser = argparse.ArgumentParser(description="time each event beside shell scripts")
    parser.add_argument("--runs", type=int, default=LEAST_RUNS, metavar="N")
    runs = parser.parse_args().runs
    if os.geteuid() != 0:
        raise SystemExit("events.py makes network namespaces and needs root: sudo make bench")
    if not shutil.which("iptables"):
        raise SystemExit("events.py compares with iptables, which is not installed")
    sweep()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            for number in range(runs + 1):
                if sys.stderr.isatty():
                    print(f"\rrun {number} of {runs}", end="", file=sys.stderr, flush=True)
                bench.round()
                if number == 0:  # the first fills caches
                    bench.times.clear()
                    bench.parts.clear()
                    bench.weigh()
        finally:
            bench.close()
    print(file=sys.stderr)
    bench.report()


if __name__ == "__main__":
    main()
