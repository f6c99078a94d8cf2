"""Measures how long nobody answers while something happens."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType
from typing import Self

from guest.traffic import NoAnswerError
from guest.waiting import TimedOutError

_PAUSE = 0.1  # seconds after each answer, and after each question without one


class Outage:
    """Asks again and again from `with` on, each question in a thread; any answer counts."""

    def __init__(self, *questions: Callable[[], object]) -> None:
        """A question raises NoAnswerError where nobody answers it."""
        self._over = threading.Event()
        self.answers: list[tuple[float, float]] = []
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in questions]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, question: Callable[[], object]) -> None:
        while not self._over.wait(_PAUSE):
            asked = time.monotonic()
            try:
                question()
            except NoAnswerError:
                continue
            self.answers.append((time.monotonic(), asked))

    def wait_for_answer(self, limit: float) -> None:
        """Wait for an answer to a question that is asked after this call."""
        now = time.monotonic()
        while not any(asked >= now for _, asked in self.answers[-len(self._threads) :]):
            if time.monotonic() > now + limit:
                raise TimedOutError(f"an answer: not within {limit:.0f} s")
            time.sleep(_PAUSE)

    def longest(self, since: float) -> float:
        """Return the longest time without an answer, which may have begun before ``since``."""
        times = sorted(answered for answered, _ in self.answers)
        first = max(0, bisect_left(times, since) - 1)
        return max(later - earlier for earlier, later in pairwise(times[first:]))
