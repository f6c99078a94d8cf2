"""Other programs: pon, poff and conntrack, always by argument list, never through a shell."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from dualwan.errors import HostError, KernelError

PROGRAM_LIMIT = 10.0  # seconds; none of these has anything to wait for


def _run(argv: Sequence[str]) -> tuple[int, str]:
    """Exit code and what the program said on stderr, within PROGRAM_LIMIT seconds."""
    # pon leaves pppd behind, so its output must not be a pipe that pppd would hold open.
    done = _complete(argv, subprocess.DEVNULL)
    return done.returncode, done.stderr.strip()


def _complete(argv: Sequence[str], output: int) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - an argument list of checked values
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
            text=True, timeout=PROGRAM_LIMIT, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
    except FileNotFoundError:
        raise HostError(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"{argv[0]} did not end within {PROGRAM_LIMIT:.0f} s") from None


def flows_from(address: str) -> list[str]:
    """The conntrack entries, a line each, whose source is translated to an IPv4 ADDRESS."""
    done = _complete(["conntrack", "-L", "-f", "ipv4", "--reply-dst", address], subprocess.PIPE)
    if done.returncode != 0:
        raise KernelError(f"listing flows of {address}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def forget_flows(address: str) -> None:
    """Delete the conntrack entries that name an IPv4 ADDRESS on either side of a translation."""
    for way in ("--orig-src", "--orig-dst", "--reply-dst"):
        code, said = _run(["conntrack", "-D", "-f", "ipv4", way, address])
        if code != 0 and "0 flow entries" not in said:
            raise KernelError(f"forgetting flows of {address}: {said}")


def pppd_of(peer: str, proc: Path = Path("/proc")) -> list[int]:
    """Process ids of every pppd that was called for PEER."""
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if (words[0].rsplit(b"/", 1)[-1] == b"pppd"
                and (b"call", peer.encode()) in pairwise(words)):
            found.append(int(entry.name))
    return found


def dial(peer: str) -> bool:
    """Run `pon PEER` unless a pppd of it runs; whether it was started."""
    if pppd_of(peer):
        return False
    if not Path("/etc/ppp/peers", peer).exists():
        raise HostError(f"cannot dial: there is no /etc/ppp/peers/{peer} (pppoe.peer)")
    code, said = _run(["pon", peer])
    if code != 0:
        raise HostError(f"pon {peer} failed with code {code}: {said or 'no reason given'}")
    return True


def hang_up(peer: str, seconds: float) -> bool:
    """Run `poff PEER` if a pppd of it runs, and wait until it ended, SECONDS at most."""
    running = [(pid, handle) for pid in pppd_of(peer) if (handle := _handle(pid)) is not None]
    if not running:
        return False
    code, said = _run(["poff", peer])
    ended = select.poll()
    for _, handle in running:
        ended.register(handle, select.POLLIN)
    open_handles = {handle for _, handle in running}
    while open_handles:
        ready = ended.poll(seconds * 1000)
        if not ready:
            break
        for handle, _ in ready:
            ended.unregister(handle)
            open_handles.discard(handle)
    for _, handle in running:
        os.close(handle)
    if code != 0:
        raise HostError(f"poff {peer} failed with code {code}: {said or 'no reason given'}")
    if open_handles:
        raise HostError(f"pppd of {peer} did not end within {seconds:.0f} s")
    return True


def _handle(pid: int) -> int | None:
    """A pidfd, which becomes readable when the process ends (pidfd_open(2))."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
