"""A limit for a whole exchange, however slowly its bytes come."""

from __future__ import annotations

import time

from dualwan.errors import RemoteError


class Deadline:
    """Ends SECONDS from now, for every step of an exchange together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds left, MOST at most; raises RemoteError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise RemoteError(f"no answer within {self._seconds:g} s")
        return left if most is None else min(left, most)
