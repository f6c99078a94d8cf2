"""PPP sessions by pon(1) and poff(1), and the pppd of a peer."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import program


def pppd_of(peer: str, proc: Path = Path("/proc")) -> list[int]:
    """Return the process ids of each `pppd call PEER`."""
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # the process has ended
        if words[0].rsplit(b"/", 1)[-1] == b"pppd" and (b"call", peer.encode()) in pairwise(words):
            found.append(int(entry.name))
    return found


def dial(peer: str) -> bool:
    """Run `pon PEER` unless its pppd runs; return whether it was started. Raises HostError."""
    if pppd_of(peer):
        return False
    if not Path("/etc/ppp/peers", peer).exists():
        raise HostError(f"cannot dial: there is no /etc/ppp/peers/{peer} (pppoe.peer)")
    code, said = program.run(["pon", peer])
    if code != 0:
        raise HostError(f"pon {peer} failed with code {code}: {said or 'no reason given'}")
    return True


def hang_up(peer: str, seconds: float) -> bool:
    """Run `poff PEER` if its pppd runs, and wait up to ``seconds`` until that has ended.

    Return whether it ran. Raises HostError if poff fails, or pppd does not end.
    """
    running = [handle for pid in pppd_of(peer) if (handle := _handle(pid)) is not None]
    if not running:
        return False
    try:
        code, said = program.run(["poff", peer])
        if code != 0:
            raise HostError(f"poff {peer} failed with code {code}: {said or 'no reason given'}")
        if not _ended(running, seconds):
            raise HostError(f"pppd of {peer} did not end within {seconds:.0f} s")
    finally:
        for handle in running:
            os.close(handle)
    return True


def _ended(handles: Iterable[int], seconds: float) -> bool:
    """Whether all processes of the pidfds ``handles`` end within ``seconds``."""
    until = time.monotonic() + seconds
    return all(
        select.select([handle], [], [], max(0.0, until - time.monotonic()))[0] for handle in handles
    )


def _handle(pid: int) -> int | None:
    """Return a pidfd, readable once the process has ended (pidfd_open(2)); None if it has."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
