"""Limits of the time that a body may take, by the one alarm of a process: SIGALRM, setitimer(2)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any, NoReturn

from dualwan.errors import BusyError
from dualwan.words import say

AGAIN_SECONDS = 1.0  # until an alarm that was not heard rings again


def deadline(seconds: int) -> AbstractContextManager[None]:
    """Raise BusyError, which tells the limit, in the body after ``seconds``."""
    return alarm(seconds, BusyError(say("gave up after {seconds} s", seconds=seconds)))


@contextmanager
def alarm(seconds: float, error: BusyError) -> Iterator[None]:
    """Raise ``error`` in the body after ``seconds``.

    An earlier alarm of the caller takes its place; a later one is restored afterwards. It rings
    again until it is heard: one that comes just before the system call that it is to end does not
    end that, for Python raises nothing until the call returns.
    """
    rest, again = signal.getitimer(signal.ITIMER_REAL)
    if 0 < rest <= seconds:
        yield
        return

    def ring(_signal: int, _frame: Any) -> NoReturn:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    began = monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if rest:  # less the time spent here
            signal.setitimer(signal.ITIMER_REAL, max(rest - (monotonic() - began), 0.001), again)
