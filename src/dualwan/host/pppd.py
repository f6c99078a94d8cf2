"""Dial and hang up PPPoE by pon and poff, and find the pppd of a peer."""

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
    """Return the process ids of every pppd that was called for ``peer``."""
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if words[0].rsplit(b"/", 1)[-1] == b"pppd" and (b"call", peer.encode()) in pairwise(words):
            found.append(int(entry.name))
    return found


def dial(peer: str) -> bool:
    """Run `pon` for ``peer`` unless a pppd of it runs; return whether it was started."""
    if pppd_of(peer):
        return False
    if not Path("/etc/ppp/peers", peer).exists():
        raise HostError(f"cannot dial: there is no /etc/ppp/peers/{peer} (pppoe.peer)")
    code, said = program.run(["pon", peer])
    if code != 0:
        raise HostError(f"pon {peer} failed with code {code}: {said or 'no reason given'}")
    return True


def hang_up(peer: str, seconds: float) -> bool:
    """Run `poff` for ``peer`` if a pppd of it runs, and wait up to ``seconds`` for its end.

    Returns whether one ran; raises HostError where it goes on running.
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
    """Wait up to ``seconds`` for all processes of ``handles``; return whether they ended."""
    until = time.monotonic() + seconds
    return all(
        select.select([handle], [], [], max(0.0, until - time.monotonic()))[0] for handle in handles
    )


def _handle(pid: int) -> int | None:
    """Return a pidfd, which becomes readable when the process ends (pidfd_open(2))."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
