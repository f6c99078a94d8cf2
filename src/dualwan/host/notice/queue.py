"""/run/dualwan/hooks: what the owner's scripts know, the queued changes, and failed runs.

known.json is written by the run that queues a change; pending.json by that run, and removed by the
runner; failed.json by the runner. The lock is held for these writes only, never while a script
runs.
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
LOCK_SECONDS = 5.0  # a holder writes two small files only


class Waiting(NamedTuple):
    """The queued changes, and the folder of the scripts to run for them."""

    pending: Pending
    folder: str


class Failure(NamedTuple):
    """The failure of a script's last run. folder: of the script; of: the notice."""

    folder: str
    script: str
    reason: str
    of: str


def directory() -> Path:
    """Return the folder of these files."""
    return run_files.directory() / FOLDER


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of these files; raises BusyError, HostError."""
    with lock.locked(directory(), LOCK_SECONDS):
        yield


def known() -> Router:
    """Return the router as the scripts know it, or will once the queue is empty."""
    try:
        return stored.decode_router(run_files.read(KNOWN))
    except BROKEN:
        return Router()


def waiting() -> Waiting | None:
    """Return the queued changes, None for none."""
    try:
        data = run_files.read(PENDING)
        return Waiting(stored.decode(data["pending"]), str(data["folder"]))
    except BROKEN:
        return None


def note(look: Callable[[Router], Router], slices: Sequence[str], reason: str, folder: str) -> bool:
    """Queue the differences from what the scripts know; return whether there are any.

    ``look``: see Owner. It is called under the lock, so that the last of two runs to queue has also
    observed last. Raises DualwanError.
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
    """Remove the queued changes and return them; the caller holds the lock.

    They are removed before a script runs, so that a script that kills the runner is not run again
    and again. Raises HostError.
    """
    found = waiting()
    run_files.remove(PENDING)
    return found


def forget() -> None:
    """Remove all these files, after the last script was removed. Raises DualwanError."""
    with locked():
        for name in (PENDING, FAILED, KNOWN):
            run_files.remove(name)


def failures() -> tuple[Failure, ...]:
    """Return the scripts whose last run has failed."""
    try:
        return tuple(Failure(*map(str, one)) for one in run_files.read(FAILED))
    except BROKEN:
        return ()


def are_failures_hidden() -> bool:
    """Whether only root may see if a script has failed."""
    try:
        run_files.read(FAILED)
    except PermissionError:
        return True
    except BROKEN:
        return False
    return False


def save_failures(found: Sequence[Failure]) -> None:
    """Keep the failures; raises HostError."""
    run_files.write(FAILED, [list(one) for one in found])
