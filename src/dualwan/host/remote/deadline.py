"""One time limit for all steps of an exchange."""

from __future__ import annotations

import time

from dualwan.errors import RemoteError
from dualwan.words import say


class Deadline:
    """A deadline ``seconds`` from now, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, ``most`` at most; raises RemoteError if none are."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise RemoteError(say("no answer within {seconds:g} s", seconds=self._seconds))
        return left if most is None else min(left, most)
