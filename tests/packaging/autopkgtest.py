#!/usr/bin/python3
"""Build the source package as Debian does, unit tests and all, and run its debian/tests.

In a chroot made for it, with a namespace of its own for mounts; root. There the scenario is
skipped, for it wants a machine of its own: `autopkgtest DSC -- qemu IMAGE` runs it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab"))
import image  # noqa: E402 - how it finds this machine's own Debian mirror

SOME_SKIPPED = 2  # autopkgtest(1)
INSIDE = """\
set -eu
root=$1 dsc=$2 output=$3
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
exec autopkgtest --apt-update --output-dir "$output" "$dsc" -- chroot "$root"
"""


def main() -> int:
    """Make the chroot, and run it all there; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=(*image.recipe.SUITES, image.recipe.NEXT))
    parser.add_argument("dsc", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dualwan-autopkgtest-") as folder:
        root, output = Path(folder, "root"), Path(folder, "output")
        _make(arguments.suite, root)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", INSIDE, "sh", root, arguments.dsc, output],
            check=False,
        )
        summary = output / "summary"
        passed = summary.read_text().splitlines() if summary.is_file() else []
    well = done.returncode in (0, SOME_SKIPPED) and any(
        line.split()[:2] == ["namespace", "PASS"] for line in passed
    )
    print("\n".join(["== summary", *passed]))
    return 0 if well else 1


def _make(suite: str, root: Path) -> None:
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt"),
            "--include=build-essential,fakeroot,debhelper",
            *(f"--aptopt={line}" for line in image.apt_options()),
            *(suite, root, f"deb {image.mirror()} {suite} main"),
        ],
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
