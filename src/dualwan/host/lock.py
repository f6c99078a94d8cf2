"""The lock of the run directory: one run at a time."""

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
    """Hold the lock of ``directory``; raises BusyError when another run does for ``seconds``.

    The wait is the kernel's own (flock(2)), ended by an alarm. Whoever dies lets go of it.
    Raises HostError where the directory cannot be made.
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
    """Interrupt what is inside after ``seconds``; a deadline of the caller goes on.

    Where that comes first, it is the one that interrupts.
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
        if rest:  # less the time that was waited here
            signal.setitimer(signal.ITIMER_REAL, max(rest - (monotonic() - began), 0.001))
