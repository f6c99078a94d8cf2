"""The pppd processes of this machine, and the PPP interfaces that they hold.

A process is identified by its owner and its executable in /proc, because any user can choose the
command line of a process.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

from dualwan import files
from dualwan.ppp.session import Pppd, Session

PROC, RUN = Path("/proc"), Path("/run")
PROGRAM = "pppd"
SHELLS = ("sh", "dash", "bash", "busybox")  # of pon(1), a script
_DELETED = " (deleted)"  # appended to the executable's path after an upgrade
_PARENT, _START_TIME = 1, 19  # fields of /proc/PID/stat after the name: proc_pid_stat(5), 4 and 22
_SIOCGIFADDR = 0x8915  # netdevice(7)


def pppds(proc: Path = PROC, owner: int = 0) -> list[Pppd]:
    """Return each pppd in our network namespace whose user is ``owner``."""
    found = (
        pppd(int(entry.name), proc, owner) for entry in os.scandir(proc) if entry.name.isdigit()
    )
    return [one for one in found if one]


def pppd(pid: int, proc: Path = PROC, owner: int = 0) -> Pppd | None:
    """Return the process ``pid`` if it is a pppd of the user ``owner``, else None."""
    words = _words(proc / str(pid))
    if not words or words[0].rsplit("/", 1)[-1] != PROGRAM:  # cheap, and rules out most processes
        return None
    folder = proc / str(pid)
    if not _is_program(folder, (PROGRAM,), owner) or not _in_our_network(folder, proc):
        return None
    parent, started = _descent(folder)
    return Pppd(pid, words, started, _service(folder), parent)


def names(proc: Path = PROC, owner: int = 0) -> frozenset[str]:
    """Return the names of the programs that ``owner`` runs in our network namespace."""
    found = set()
    for entry in os.scandir(proc):
        folder = proc / entry.name
        try:
            if entry.name.isdigit() and folder.stat().st_uid == owner:
                name = (folder / "comm").read_text(errors="replace").strip()
                found |= {name} if _in_our_network(folder, proc) else set()
        except OSError:  # it has ended
            continue
    return frozenset(found)


def count(peer: str) -> int:
    """Return how many pppds of ``peer`` there are."""
    return sum(peer in one.peers for one in pppds())


def dialling(peer: str, proc: Path = PROC, owner: int = 0) -> bool:
    """Whether a pon(1) for ``peer`` is about to become a pppd."""
    return any(
        (words := _words(proc / entry.name))[1:2]
        and words[1].rsplit("/", 1)[-1] == "pon"
        and peer in words[2:]
        and _is_program(proc / entry.name, SHELLS, owner)
        for entry in os.scandir(proc)
        if entry.name.isdigit()
    )


def sessions(run: Path = RUN, proc: Path = PROC, owner: int = 0) -> tuple[Session, ...]:
    """Return the PPP interfaces that exist, each with the pppd that has made it.

    pppd writes its process id to /run/INTERFACE.pid once it has the interface.
    """
    found = []
    try:
        names = [entry.name for entry in os.scandir(run) if entry.name.endswith(".pid")]
    except OSError:
        return ()
    for name in sorted(names):
        device = name.removesuffix(".pid")
        if not _exists(device):
            continue
        try:
            pid = int(files.read_foreign(run / name).split("\n", 1)[0])
        except (OSError, ValueError):
            continue
        if one := pppd(pid, proc, owner):
            found.append(Session(device, one, _address(device)))
    return tuple(found)


def _words(folder: Path) -> tuple[str, ...]:
    """Return the command line of a process, () if it has ended."""
    try:
        raw = (folder / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(word) for word in raw.rstrip(b"\0").split(b"\0")) if raw else ()


def _is_program(folder: Path, names: tuple[str, ...], owner: int) -> bool:
    """Whether a process belongs to ``owner`` and its executable has one of ``names``.

    Only root may see the executable of root's processes; for others the owner decides.
    """
    try:
        if folder.stat().st_uid != owner:
            return False
        program = (folder / "exe").readlink()
    except PermissionError:
        return True
    except OSError:
        return False
    return program.name.removesuffix(_DELETED) in names


def _in_our_network(folder: Path, proc: Path) -> bool:
    """Whether a process is in our network namespace; True if that cannot be seen."""
    try:
        return (folder / "ns/net").stat().st_ino == (proc / "self/ns/net").stat().st_ino
    except OSError:
        return True


def _descent(folder: Path) -> tuple[int, int]:
    """Return the parent of a process, and its start, in clock ticks since boot.

    Both are 0 if it has ended.
    """
    try:
        after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
        fields = after_name.split()
        return int(fields[_PARENT]), int(fields[_START_TIME])
    except (OSError, IndexError, ValueError):
        return 0, 0


def _service(folder: Path) -> str:
    """Return the systemd service of a process by its control group, "" for none."""
    try:
        groups = (folder / "cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    names = [line.rpartition("/")[2] for line in groups if line.startswith(("0::", "1:name="))]
    return next((name for name in names if name.endswith(".service")), "")


def _exists(device: str) -> bool:
    try:
        socket.if_nametoindex(device)
    except OSError:
        return False
    return True


def _address(device: str) -> str:
    """Return the IPv4 address of ``device``, "" for none."""
    request = struct.pack("256s", os.fsencode(device)[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFADDR, request)
        except OSError:
            return ""
    return socket.inet_ntoa(answer[20:24])
