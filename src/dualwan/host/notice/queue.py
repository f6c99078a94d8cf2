"""/run/dualwan/hooks: what the owner's scripts know, what waits for them, and what has failed.

known.json is written by the run that notes a change, pending.json by it and by the runner, which
removes it; failed.json by the runner. The lock is held for that alone, never while a script runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dualwan.host import lock, run_files
from dualwan.host.run_files import BROKEN
from dualwan.notice import stored
from dualwan.notice.pending import Pending, noted
from dualwan.notice.router import Router

FOLDER = "hooks"
KNOWN, PENDING, FAILED = run_files.SCRIPTS_KNOW, f"{FOLDER}/pending.json", f"{FOLDER}/failed.json"
LOCK_SECONDS = 5.0  # those who hold it write two small files


class Waiting(NamedTuple):
    """What waits, and the folder of the scripts that are to be told."""

    pending: Pending
    folder: str


class Failure(NamedTuple):
    """The last run of a script has failed. folder: of the script; of: the notice."""

    folder: str
    script: str
    reason: str
    of: str


def directory() -> Path:
    """Return the folder of these files."""
    return run_files.directory() / FOLDER


@contextmanager
def locked() -> Iterator[None]:
    """Keep others from these files; raises BusyError, HostError."""
    with lock.locked(directory(), LOCK_SECONDS):
        yield


def known() -> Router:
    """Return the router as the scripts know it, or will once they have run."""
    try:
        return stored.decode_router(run_files.read(KNOWN))
    except BROKEN:
        return Router()


def waiting() -> Waiting | None:
    """Return what waits, None for nothing."""
    try:
        data = run_files.read(PENDING)
        return Waiting(stored.decode(data["pending"]), str(data["folder"]))
    except BROKEN:
        return None


def note(look: Callable[[Router], Router], slices: Sequence[str], reason: str, folder: str) -> bool:
    """Note what differs from what the scripts know; return whether that is anything.

    ``look``: see Owner. It is called under the lock, so that of two runs the one that notes last
    has looked last. Raises DualwanError.
    """
    with locked():
        before, last = known(), waiting()
        now = look(before)
        pending = last.pending if last else Pending()
        fresh = noted(pending, before, now, slices, reason)
        if fresh is pending:
            return False
        run_files.write(PENDING, {"pending": stored.encode(fresh), "folder": folder})
        run_files.write(KNOWN, stored.encode_router(now))
        return True


def take() -> Waiting | None:
    """Return what waits, which does not wait any more; the caller holds the lock.

    It is removed before a script is run: one that takes the runner with it is not run again and
    again. Raises HostError.
    """
    found = waiting()
    run_files.remove(PENDING)
    return found


def forget() -> None:
    """Forget all, because there are no scripts any more. Raises DualwanError."""
    with locked():
        for name in (PENDING, FAILED, KNOWN):
            run_files.remove(name)


def failures() -> tuple[Failure, ...]:
    """Return the scripts whose last run has failed."""
    try:
        return tuple(Failure(*map(str, one)) for one in run_files.read(FAILED))
    except BROKEN:
        return ()


def save_failures(found: Sequence[Failure]) -> None:
    """Keep the failures; raises HostError."""
    run_files.write(FAILED, [list(one) for one in found])
