"""One time limit for a whole exchange, however slowly its bytes come."""

from __future__ import annotations

import time

from dualwan.errors import RemoteError


class Deadline:
    """The end of an exchange, ``seconds`` from now for all of its steps together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, at most ``most``; raises RemoteError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise RemoteError(f"no answer within {self._seconds:g} s")
        return left if most is None else min(left, most)
