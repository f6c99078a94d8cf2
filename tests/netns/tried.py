"""dualwan-hook with a trial whose timer the test is: systemd knows no network namespaces.

Run as a program it is the command, as tunnelled is; what would be armed is written to a file.
"""

import json
import os
import re
import sys
from pathlib import Path

import tunnelled
from tunnelled import SYSCTLS, Tunnelled

from dualwan import cli
from dualwan.host import store, way_back
from dualwan.model.state import RunState

STAMP = re.compile(r"by dualwan-hook, [0-9a-f]{16}")
PASSING = re.compile(r" expires \w+| packets \d+ bytes \d+|(?:valid|preferred)_lft \w+| tentative")
NOTHING = json.loads(json.dumps(store.encode(RunState())))
COUNTS = ("generation", "findings", "looked", "losses", "owes-inbound-flows")
COUNTS += ("softwires", "ces", "routed")  # whose flows may live
FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")


class Tried(Tunnelled):
    """A router on which configurations are tried."""

    def command(self, *argv):
        """See Line."""
        return self.router.argv(sys.executable, "-B", __file__, *argv)

    def armed(self):
        """Return the seconds after which the timer would act, None if it is not armed."""
        path = self.state / "armed"
        return int(path.read_text()) if path.exists() else None

    def go_back(self):
        """Do what the timer does."""
        done = self.hook("try", "--revert")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dump(self):
        """Return what the kernel and the run directory hold, in a form that can be compared."""
        router = self.router
        addresses = (PASSING.sub("", router.run("ip", "-d", "address")) + "\n").splitlines()
        return {
            "addresses": [re.sub(r"^\d+: |@if\d+", "", line) for line in addresses],
            "routes": sorted(router.run("ip", "-d", "route", "show", "table", "all").splitlines()),
            "routes6": sorted(
                re.sub(r"expires \d+sec", "", line)
                for line in router.run("ip", "-6", "route", "show", "table", "all").splitlines()
            ),
            "rules": router.run("ip", "-d", "rule").splitlines(),
            "ruleset": ruleset(router),
            "sysctls": router.run(
                "sysctl", "-e", *(name.replace("/", ".") for name in (*SYSCTLS, *FORWARDING))
            ),
            "run": self._run_files(),
            "last good": self._text("lib/last-good.json"),
        }

    def _text(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def _run_files(self):
        """Return the run state, and the tables on record."""
        found = {}
        for path in self.run_directory.rglob("*.json") if self.run_directory.exists() else ():
            data = json.loads(path.read_text())
            if path.name == "state.json":
                found["state"] = {
                    key: value
                    for key, value in data.items()
                    if key not in COUNTS and value != NOTHING[key]
                }
            elif path.parent.name == "tables":
                found[path.name] = data["blocks"]
        return {name: data for name, data in found.items() if data}


def ruleset(router):
    """Return the ruleset by table and block; without handles, counters and stamps.

    The order of sets, of chains and of elements says nothing; that of rules does.
    """
    found, table, block = {}, "", ""
    text = STAMP.sub("by dualwan-hook", router.run("nft", "-s", "list", "ruleset"))
    for line in re.sub(r",\s+", ", ", text).splitlines():
        if line.startswith("table "):
            table = line
        elif line.startswith("\t") and not line.startswith("\t\t") and line != "\t}":
            block = f"{table}{line}"
            found[block] = []
        elif "elements = {" in line:
            items = PASSING.sub("", line).split("{", 1)[1].rstrip(" }").split(", ")
            found[block] += ["elements", *sorted(item.strip() for item in items)]
        elif block:
            found[block].append(re.sub(r'oif(?: "\w+"| \d+)', "oif", line.strip()))
    return found


def _arm(seconds):
    path = Path(os.environ["DUALWAN_STATE"], "armed")
    path.parent.mkdir(exist_ok=True)
    path.write_text(str(seconds))


def _disarm():
    Path(os.environ["DUALWAN_STATE"], "armed").unlink(missing_ok=True)


if __name__ == "__main__":
    way_back.arm, way_back.disarm = _arm, _disarm
    tunnelled.stand_in()
    sys.exit(cli.main())
