"""The hooks of the package as ifupdown runs them on a line's router, whole or broken."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PHASES = {
    "pre-up": "if-pre-up.d",
    "up": "if-up.d",
    "down": "if-down.d",
    "post-down": "if-post-down.d",
}
# With the source of this checkout, and the folders of the test.
IMPORTABLE = """\
#!{python} -B
import sys
sys.path.insert(0, {source!r})
from dualwan import paths
paths.CONFIG, paths.RUN_DIR, paths.STATE_DIR = {folders!r}  # not taken from the environment
"""
# As while Python, or a package that ours needs, is upgraded.
UNIMPORTABLE = "#!{python} -I\n"
# libnftables within the hook, as in a kernel without nft's modules, or as it meets a bug.
REFUSING = """
from dualwan.host.nft import Nft
Nft._run = lambda *_: (1, "", "Error: Could not process rule: Operation not supported")
"""
ABORTING = """
from dualwan.host.nft import Nft
Nft._run = lambda *_: os.abort()
"""
NFTS = {
    "well": "exec nft",
    "refusing": "echo 'Error: Could not process rule: Operation not supported' >&2; exit 1; nft",
    "aborting": "kill -ABRT $$; nft",
}


class Hooked:
    """Hooks of ifupdown in a folder of the line's, and the program that closes beside them."""

    def __init__(self, line):
        self.line, self.folder = line, line.folder / "hooks"
        self.folder.mkdir()
        for phase in PHASES.values():
            (self.folder / phase).mkdir()
        (self.folder / "closed.nft").write_text((ROOT / "packaging/closed.nft").read_text())
        text = (ROOT / "hooks/close").read_text()
        for old, new in (
            ("/etc/dualwan/dualwan.toml", line.config),
            ("/var/lib/dualwan/last-good.json", line.state / "last-good.json"),
            ("/usr/sbin/nft", self.folder / "nft"),
        ):
            assert f'"{old}"' in text
            text = text.replace(f'"{old}"', f'"{new}"')
        self._write("close", text)
        self.use_nft("well")
        self.install()

    def _write(self, name, text):
        """Write a program; one that runs keeps its own."""
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(self.folder / name)

    def use_nft(self, how):
        """Put one of NFTS in the place of the nft that the program that closes runs."""
        self._write("nft", f'#!/bin/sh\n{NFTS[how]} "$@"\n')

    def install(self, prologue=IMPORTABLE, more=""):
        """Write the hooks, with ``prologue`` and what is wrong with them."""
        text = self.text("ifupdown", prologue, more)
        for phase in PHASES.values():
            self._write(f"{phase}/00dualwan-hook", text)

    def text(self, name, prologue=IMPORTABLE, more=""):
        """Return the hook ``name``."""
        folders = (str(self.line.config), str(self.line.run_directory), str(self.line.state))
        head = prologue.format(python=sys.executable, source=str(ROOT / "src"), folders=folders)
        own = (ROOT / "hooks" / name).read_text()
        place = '"/usr/libexec/dualwan-hook/close"'
        assert place in own
        return head + more + own.replace(place, f'"{self.folder / "close"}"')

    def keep(self):
        """Keep the configuration as one that was applied."""
        done = self.line.python(
            "import sys, os, pathlib\n"
            "os.environ['DUALWAN_STATE'] = sys.argv[1]\n"
            "from dualwan.config import load\n"
            "from dualwan.host import last_good\n"
            "last_good.save(last_good.encode(load(pathlib.Path(sys.argv[2]))))\n",
            str(self.line.state),
            str(self.line.config),
        )
        assert done.returncode == 0, done.stderr

    def start(self, phase, interface="wan0"):
        """Start the hook of ``phase`` in a process group of its own; return the process."""
        return subprocess.Popen(
            self.line.router.argv(self.folder / PHASES[phase] / "00dualwan-hook"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "IFACE": interface},
            start_new_session=True,
        )

    def run(self, phase, interface="wan0"):
        """Run the hook of ``phase``; return its exit code and what it said."""
        with self.start(phase, interface) as process:
            said = process.communicate()[1]
        return process.returncode, said
