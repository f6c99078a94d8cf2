"""A bare Debian in a chroot, in which the package is installed, upgraded and removed."""

import os
import shutil
import subprocess
from pathlib import Path

import image  # of the lab: how it finds this machine's own Debian mirror
import released  # of the lab: how it builds a release

from dualwan import __version__

ROOT = Path(__file__).parents[2]
DEB = ROOT / f"dist/dualwan-hook_{__version__}-1_all.deb"
HOOK_FOLDERS = (
    *(f"/etc/network/if-{phase}.d" for phase in ("pre-up", "up", "down", "post-down")),
    "/etc/ppp/ip-up.d",
    "/etc/ppp/ip-down.d",
)
# What dpkg, and the programs of others, write as they go; and where this test keeps its own.
NOT_COMPARED = ("/proc", "/sys", "/dev", "/var/lib/dpkg", "/var/cache", "/var/log", "/opt/test")
# deb-systemd-helper's notes about units; a purge has to remove its files, the folders may stay.
UNIT_NOTES = "/var/lib/systemd/deb-systemd-helper-"
RECORDER = """#!/bin/sh
echo "$@" >> /opt/test/called
exec /usr/bin/dualwan-hook "$@"
"""


def depends(deb):
    """Return the names of the packages that ``deb`` depends on."""
    found = subprocess.run(
        ["dpkg-deb", "--field", deb, "Depends"], check=True, capture_output=True, text=True
    ).stdout
    return [item.split()[0].split(":")[0] for item in found.split(",")]


class Machine:
    """A bare Debian with all that this package and the released one depend on."""

    def __init__(self, suite, root):
        self.root = root
        names = sorted({*depends(DEB), *depends(released.ensure())})
        options = [f"--aptopt={line}" for line in image.apt_options()]
        subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--mode=root",
                "--variant=minbase",
                '--aptopt=APT::Install-Recommends "false"',
                *options,
                f"--include={','.join(names)}",
                suite,
                root,
                f"deb {image.mirror()} {suite} main",
            ],
            check=True,
        )
        (root / "opt/test").mkdir()
        self.write("/opt/test/dualwan-hook", RECORDER, mode=0o755)

    def write(self, path, text, mode=0o644):
        """Make a file there."""
        file = self.root / path[1:]
        file.write_text(text)
        file.chmod(mode)

    def run(self, *argv, **environment):
        """Run a program there: exit code and what it said, on both outputs.

        Without /proc, so that it finds neither processes nor settings of this machine.
        """
        done = subprocess.run(
            ["unshare", "--net", "--pid", "--fork", "chroot", self.root, *argv],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            env={
                "PATH": "/opt/test:/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                **environment,
            },
        )
        return done.returncode, done.stdout

    def install(self, deb):
        """Install or upgrade, as apt would once the package is here; what dpkg said."""
        shutil.copy(deb, self.root / "opt/test/dualwan-hook.deb")
        code, said = self.run("dpkg", "--install", "/opt/test/dualwan-hook.deb")
        assert code == 0, said
        return said

    def dpkg(self, action):
        """Remove or purge as apt does, which would reset PATH; what dpkg said."""
        code, said = self.run("dpkg", f"--{action}", "dualwan-hook")
        assert code == 0, said
        return said

    def files(self):
        """Every path but those that this test does not compare."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            here = "/" + os.path.relpath(folder, self.root).removeprefix(".")
            folders[:] = [name for name in folders if os.path.join(here, name) not in NOT_COMPARED]  # noqa: PTH118 - of a walk, by text
            found |= {os.path.join(here, name) for name in (*folders, *names)}  # noqa: PTH118 - of a walk, by text
        return {
            path
            for path in found
            if not (path.startswith(UNIT_NOTES) and (self.root / path[1:]).is_dir())
        }

    def hooks_end_well(self):
        """Whether ifup, ifdown and pppd get through their hooks, as run-parts runs them."""
        return all(
            self.run(
                "run-parts",
                "--exit-on-error",
                folder,
                IFACE="enp1s0",
                PPP_IFACE="ppp0",
                PHASE=Path(folder).name.removeprefix("if-").removesuffix(".d"),
            )[0]
            == 0
            for folder in HOOK_FOLDERS
        )

    def calls_of_maintainer_scripts(self):
        """The command lines since the last time this was asked."""
        record = self.root / "opt/test/called"
        calls = record.read_text().splitlines() if record.exists() else []
        record.unlink(missing_ok=True)
        return calls
