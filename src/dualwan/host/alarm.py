"""Time limits of a body, all by the one alarm that a process has: SIGALRM, setitimer(2)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any, NoReturn

from dualwan.errors import BusyError
from dualwan.words import say

AGAIN_SECONDS = 1.0  # until the alarm is repeated


def deadline(seconds: int) -> AbstractContextManager[None]:
    """Raise BusyError, whose message has the limit, in the body after ``seconds``."""
    return alarm(seconds, BusyError(say("gave up after {seconds} s", seconds=seconds)))


@contextmanager
def alarm(seconds: float, error: BusyError) -> Iterator[None]:
    """Raise ``error`` in the body after ``seconds``.

    If the caller's own alarm is due earlier, that one is left in force; a later one is restored
    afterwards. The alarm repeats until ``error`` is raised: a signal just before a blocking system
    call does not interrupt the call, and Python runs no handler until it returns.
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
