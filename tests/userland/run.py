#!/usr/bin/python3
"""Run a command in this checkout with the userland of a Debian release: its Python, nft and ip.

The kernel is this machine's. The root file system is built by mmdebstrap from the machine's own
mirror, kept in the lab's cache, and only ever mounted read-only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "lab"))
import image  # noqa: E402 - the mirror and the cache are the lab's

# Bash stays as the first process of its namespace, and reaps.
INSIDE = """\
set -eu
root=$1 checkout=$2; shift 2
# No mount may spread to the machine. In a chroot / is no mount point that could be named, but who
# enters its own namespace once more stands at the top of it.
nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$checkout" "$root/mnt"
mount -o remount,bind,ro "$root/mnt"
chroot "$root" python3 -m compileall -q /mnt/src
code=0
chroot "$root" sh -c 'cd /mnt && exec "$@"' sh "$@" || code=$?
exit $code
"""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - of the chroot, and gone with it
    "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",  # noqa: S108 - the same
    # Thousands of processes are started, and the checkout is read-only.
    "PYTHONPYCACHEPREFIX": "/tmp/bytecode",  # noqa: S108 - the same
}
HANDED_ON = ("CI", "TERM")


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("suite", choices=(*image.recipe.SUITES, image.recipe.NEXT))
    parser.add_argument("packages", help="what the command needs, in one word")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    # Ended from outside, all that runs inside ends as well, and its mounts with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with _root(arguments.suite, sorted(arguments.packages.split())) as root:
            return _run(root, arguments.command)
    except KeyboardInterrupt:
        return 130
    except image.LabError as error:
        print(f"userland: {error}", file=sys.stderr)
        return 1


def _run(root: Path, command: list[str]) -> int:
    """Run ``command`` in namespaces of its own for mounts and processes."""
    environment = ENVIRONMENT | {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    # Where unshare is killed, it takes its first process with it, and that one all others.
    inside = [
        "unshare",
        "--mount",
        "--propagation",
        "unchanged",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-c",
        INSIDE,
        "userland",
        str(root),
        str(CHECKOUT),
        *command,
    ]
    return subprocess.call(inside, env=environment)


@contextmanager
def _root(suite: str, packages: list[str]) -> Iterator[Path]:
    """Hand out the root file system of ``suite`` with ``packages``; build it if need be."""
    cache = image.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    root = cache / f"userland-{suite}-{key}"
    with (cache / f"userland-{suite}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)  # nobody removes what is in use
        if not root.is_dir():
            fcntl.flock(handle, fcntl.LOCK_EX)
        if not root.is_dir():
            print(f"building the userland of {suite} (once; it is kept) ...", flush=True)
            _build(suite, packages, root)
            for old in set(cache.glob(f"userland-{suite}-*")) - {root}:
                shutil.rmtree(old)
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield root


def _build(suite: str, packages: list[str], root: Path) -> None:
    """Build elsewhere and rename at the end: a broken build leaves nothing to be used."""
    if os.geteuid() != 0:
        raise image.LabError("building the root file system needs root")
    work = Path(tempfile.mkdtemp(prefix=f".userland-{suite}-", dir=root.parent))
    work.chmod(0o755)
    try:
        image.bootstrap(
            suite,
            work / "root",
            work / "build.log",
            ["--variant=minbase", f"--include={','.join(packages)}"],
        )
        (work / "root").rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
