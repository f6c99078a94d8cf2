"""The locks of the run directory: one held for a run, and one for as long as a watcher lives."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from dualwan.errors import BusyError, HostError

RUN, WATCH = "lock", "watch"  # names of the files
WATCH_SECONDS = 2.0  # for a watcher that is about to end, and for those that ask whether one runs


@contextmanager
def locked(directory: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of ``directory``; raises BusyError if another run holds it for ``seconds``.

    Raises HostError if the directory cannot be created.
    """
    busy = f"another run of dualwan-hook has been at work for {seconds:.0f} s"
    with _held(directory / RUN, 0o644, seconds, busy):
        yield


@contextmanager
def watching(directory: Path) -> Iterator[None]:
    """Hold the lock of the one watcher; raises BusyError if there is another watcher.

    Raises HostError if the directory cannot be created.
    """
    with _held(directory / WATCH, 0o600, WATCH_SECONDS, "another dualwan-hook watch runs already"):
        yield


def is_watched(directory: Path) -> bool:
    """Whether a watcher holds its lock; False also without the permission to ask."""
    try:
        handle = os.open(directory / WATCH, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def _held(path: Path, mode: int, seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock of the file ``path``; raises BusyError, ``busy``, after ``seconds``.

    flock(2) waits, and an alarm ends the wait. The kernel releases the lock of a process that
    dies. Raises HostError if the directory cannot be created.
    """
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    except OSError as error:
        raise HostError(f"{path.parent}: {error.strerror} (changing anything needs root)") from None
    try:
        with _alarm(seconds, busy):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _alarm(seconds: float, busy: str) -> Iterator[None]:
    """Raise BusyError, ``busy``, in the body after ``seconds``.

    An earlier alarm of the caller takes its place; a later one is restored afterwards.
    """
    rest, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < rest <= seconds:
        yield
        return

    def ring(_signal: int, _frame: Any) -> NoReturn:
        raise BusyError(busy)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    began = monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if rest:  # less the time spent here
            signal.setitimer(signal.ITIMER_REAL, max(rest - (monotonic() - began), 0.001))
