"""Servers and clients of other people, in namespaces: installed, or unpacked below build/."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from space import until

UNPACKED = Path(__file__).parents[2] / "build" / "programs"
FOLDERS = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/systemd"
# Enters a mount namespace of its own, covers folders and files with others, and becomes the
# program. For a folder that the machine does not have, an empty one covers what would hold it:
# nothing is made on the machine; but of /etc the rest stays in its place. In a chroot / may be no
# mount point; the chroot's own namespace keeps mounts there.
COVERED = """\
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, BIND, REMOUNT, RDONLY, REC, PRIVATE = 0x20000, 4096, 32, 1, 16384, 1 << 18
def mount(source, target, flags, needed=True, kind=None):
    if libc.mount(source, target, kind, flags, None) and needed:
        raise OSError(ctypes.get_errno(), f"mount {target}")
assert libc.unshare(NEWNS) == 0
mount(None, b"/", REC | PRIVATE, needed=False)
covers, argv = sys.argv[1].split(","), sys.argv[2:]
for cover in filter(None, covers):
    source, target = cover.encode().split(b"=")
    holder = target
    while not os.path.exists(holder):
        holder = os.path.dirname(holder)
    if holder != target:
        before = os.open(holder, os.O_PATH)
        names = os.listdir(holder) if holder == b"/etc" else []
        mount(b"tmpfs", holder, 0, kind=b"tmpfs")
        for name in names:
            own, old = b"%b/%b" % (holder, name), b"/proc/self/fd/%d/%b" % (before, name)
            if os.path.islink(old):
                os.symlink(os.readlink(old), own)
                continue
            os.mkdir(own) if os.path.isdir(old) else os.mknod(own)
            mount(old, own, BIND | REC)
        os.close(before)
        os.makedirs(target)
    mount(source, target, BIND | REC)
if "SYS_READ_ONLY" in os.environ:  # systemd's programs do not wait for udev then
    mount(b"/sys", b"/sys", BIND)
    mount(None, b"/sys", BIND | REMOUNT | RDONLY)
os.execv(argv[0], argv)
"""


def program(name):
    """Return the path of the program ``name`` of another package."""
    if found := shutil.which(name, path=FOLDERS):
        return found
    for folder in FOLDERS.split(":"):
        path = UNPACKED / folder.lstrip("/") / name
        if path.exists():
            return str(path)
    raise AssertionError(f"{name} is neither installed nor unpacked: make netns does it")


def environment(path, **more):
    """Return the environment of a program; an unpacked one finds its libraries there.

    An installed one finds none there: they may be those of another release.
    """
    if not Path(path).is_relative_to(UNPACKED):
        return {**os.environ, **more}
    folders = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu")
    libraries = ":".join(str(path) for one in folders for path in UNPACKED.glob(one))
    return {**os.environ, "LD_LIBRARY_PATH": libraries, **more}


def machine_id(folder):
    """Return a cover for systemd-networkd; ``folder``: of the test.

    A root file system that was never booted has an empty one. networkd 257 then refuses the default
    route of every router advertisement, and sets up its link again and again.
    """
    own = folder / "machine-id"
    own.write_text("0123456789abcdef" * 2 + "\n")
    return own, "/etc/machine-id"


@contextmanager
def running(space, *argv, covers=(), ready=None, log=None, **environ):
    """Run a program in ``space`` for as long as the context lasts; gives the process.

    covers: (path, covered path) pairs of folders or files, for this program alone. ready: a
    condition to wait for. log: file of its output.
    """
    command = list(map(str, argv))
    if covers or environ.get("SYS_READ_ONLY"):
        pairs = ",".join(f"{source}={target}" for source, target in covers)
        command = [sys.executable, "-c", COVERED, pairs, *command]
    with tempfile.TemporaryFile() as output:
        where = log.open("wb") if log else output
        process = subprocess.Popen(
            space.argv(*command),
            stdin=subprocess.DEVNULL,
            stdout=where,
            stderr=subprocess.STDOUT,
            env=environment(argv[0], **environ),
        )
        try:
            if ready is not None:
                assert until(lambda: ready() or process.poll() is not None), argv[0]
                assert process.poll() is None, log.read_text() if log else argv[0]
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:  # seen of dhcpcd 9.4.1; no subject here
                process.kill()
                process.wait()
            if log:
                where.close()
