"""ifupdown and its relatives, as their packages have them, on the router of a line.

They run in a mount namespace with an /etc/network, a /run and a /var/tmp of their own: the
machine need not have any of them, and its own is not touched.
"""

import os
import subprocess
import sys
from pathlib import Path

from space import own_mounts

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / "build"
FOLDERS = ("if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d")
# A folder that can be written: what is in it are links to what was there.
INSIDE = """\
set -eu
side=$1 network=$2; shift 2
cover() {
    mkdir -p "$side/$1"
    mount --rbind "/$1" "$side/$1"
    mount -t tmpfs tmpfs "/$1"
    for entry in "$side/$1"/*; do ln -s "$entry" "/$1/"; done
}
cover etc
rm -f /etc/network
ln -s "$network" /etc/network
mkdir -p "$side/run/network" "$side/state"
mount --bind "$side/run" /run
mount --bind "$side/state" /var/tmp
mount -t sysfs sysfs /sys
mkdir -p "$side/bin"
ln -sf /bin/true "$side/bin/modprobe"  # the machine's kernel gets no modules
PATH=$side/bin:$PATH
exec "$@"
"""
# The hook as it is, with the source of this checkout, and a record of the events that it handles.
PROLOGUE = """\
#!{python} -B
import os, sys
sys.path.insert(0, {source!r})
from dualwan import handle, paths
paths.CONFIG, paths.RUN_DIR, paths.STATE_DIR = {folders!r}  # not taken from the environment
def noted(config, host, event, only=None, doing=handle.handle_event):
    with open({record!r}, "a") as file:
        print(event.value, file=file)
    return doing(config, host, event, only)
handle.handle_event = noted
"""


def is_installed(package):
    """Whether dpkg has it installed, as packaging/unpack asks; its files outlive a removal."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    done = subprocess.run(query, check=False, capture_output=True, text=True)
    return done.stdout == "installed"


class Ifup:
    """A router whose network is run by ``package``, and what its hooks have done."""

    def __init__(self, line, package, stanzas):
        self.line, self.package = line, package
        self.record = line.folder / "events"
        self.phases = line.folder / "phases"
        self.network = line.folder / "network"
        for folder in FOLDERS:
            (self.network / folder).mkdir(parents=True)
            self._write(f"{folder}/00dualwan-hook", self.hook("ifupdown"), 0o755)
            noting = f'#!/bin/sh\necho "{folder} $PHASE $IFACE" >> {self.phases}\n'
            self._write(f"{folder}/zz-phases", noting, 0o755)
        self._write("interfaces", stanzas)
        # Where the package is installed it is not unpacked, but the checkout may have been shared
        # with a machine of another release, whose programs do not run here.
        self.root = Path("/") if is_installed(package) else UNPACKED / package
        for config in (self.root / "etc/network").rglob("*.conf"):
            name = config.relative_to(self.root / "etc/network")
            (self.network / name).parent.mkdir(exist_ok=True)
            self._write(name, config.read_text())

    def hook(self, name):
        """Return the text of the hook ``name``."""
        made = PROLOGUE.format(
            python=sys.executable,
            source=str(ROOT / "src"),
            folders=tuple(map(str, (self.line.config, self.line.run_directory, self.line.state))),
            record=str(self.record),
        )
        return made + (ROOT / "hooks" / name).read_text()

    def _write(self, name, text, mode=0o644):
        file = self.network / name
        file.write_text(text)
        file.chmod(mode)

    def run(self, *argv, **environ):
        """Run a program on the router; return the events that were handled meanwhile."""
        before = len(self.events())
        done = self.attempt(*argv, **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.events()[before:]

    def attempt(self, *argv, **environ):
        """Run a program on the router; return the finished process."""
        return subprocess.run(
            self.line.router.argv(
                *(*own_mounts(INSIDE), "sh"),
                *(self.line.folder / "side", self.network),
                *argv,
            ),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": self._libraries(), **environ},
        )

    def command(self, name, *arguments):
        """Run ifup, ifdown or ifreload of the package; return the events."""
        return self.run(*self.argv(name, *arguments))

    def argv(self, name, *arguments):
        """Return the command line of ifup, ifdown or ifreload of the package."""
        # Each program goes by the name that it is called by, and a package may have another one
        # for it, with links of update-alternatives: so there is a link of our own.
        called = self.line.folder / name
        called.unlink(missing_ok=True)
        if self.package == "ifupdown2":
            called.symlink_to(self.root / "usr/share/ifupdown2/ifupdown2")
            return ["/usr/bin/python3", called, *arguments]
        places = (self.root / place for place in ("sbin", "usr/sbin"))
        called.symlink_to(
            next(
                path
                for place in places
                for path in (place / name, place / f"{name}-ng")
                if path.exists()
            )
        )
        more = (
            ("-E", self.root / "usr/libexec/ifupdown-ng") if self.package == "ifupdown-ng" else ()
        )
        return [called, *more, *arguments]

    def _libraries(self):
        return ":".join(map(str, self.root.glob("usr/lib/*-linux-gnu")))

    def events(self):
        """Return the events that were handled until now."""
        return self.record.read_text().split() if self.record.exists() else []

    def phases_of(self, interface):
        """Return folder and PHASE of each run of the hooks for ``interface``."""
        rows = (row.split(" ") for row in self.phases.read_text().splitlines())
        return [(folder, phase) for folder, phase, name in rows if name == interface]
