"""The lock of the run directory, held for one run."""

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


@contextmanager
def locked(directory: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of ``directory``; raises BusyError if another run holds it for ``seconds``.

    flock(2) waits, and an alarm ends the wait. The kernel releases the lock of a process that
    dies. Raises HostError if the directory cannot be created.
    """
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HostError(f"{directory}: {error.strerror} (changing anything needs root)") from None
    try:
        with _alarm(seconds):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise BusyError in the body after ``seconds``.

    An earlier alarm of the caller takes its place; a later one is restored afterwards.
    """
    rest, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < rest <= seconds:
        yield
        return

    def ring(_signal: int, _frame: Any) -> NoReturn:
        raise BusyError(f"another run of dualwan-hook has been at work for {seconds:.0f} s")

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
