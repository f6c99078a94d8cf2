"""Pauses before mending a change that another program makes again and again. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FREE = 5  # times that a change is mended at once
CALM_SECONDS = 10.0  # after a mending; the same change, made later than this, counts as a new one
LONGEST_SECONDS = 64.0  # a pause
OPEN_SECONDS = 1.0  # the same while the firewall is gone


def longest_pause(*, is_open: bool, in_vain: bool) -> float | None:
    """Return the longest pause before a change is mended again, None to give up.

    ``is_open``: the firewall is gone, which is never given up. ``in_vain``: mending failed again
    and again.
    """
    if is_open:
        return LONGEST_SECONDS if in_vain else OPEN_SECONDS
    return None if in_vain else LONGEST_SECONDS


@dataclass
class _Change:
    """A change that was mended: how often in a row, and when last.

    again: another program has made it once more since. said: the log has the warning about it.
    """

    times: int = 0
    last: float = 0.0
    again: bool = False
    said: bool = False

    @property
    def pause(self) -> float:
        """The seconds before it is mended again."""
        return min(2.0 ** (self.times - FREE), LONGEST_SECONDS) if self.times >= FREE else 0.0


class Damper:
    """Pauses that grow while the same change is made again and again."""

    def __init__(self) -> None:
        self._changes: dict[str, _Change] = {}

    def pause(
        self, changes: Collection[str], now: float, longest: float = LONGEST_SECONDS
    ) -> float:
        """Return the seconds to wait before mending ``changes``; 0 if one of them is new."""
        for text in changes:
            one = self._changes.get(text)
            if one and not one.again:
                one.again = True
                if now - one.last > CALM_SECONDS:
                    del self._changes[text]
        known = (self._changes.get(text, _Change()) for text in changes)
        pauses = (one.last + min(one.pause, longest) - now for one in known)
        return max(0.0, min(pauses, default=0.0))

    def note(self, changes: Collection[str], now: float) -> list[str]:
        """Note ``changes`` as mended; return those that get a pause for the first time."""
        calm = [
            text for text, one in self._changes.items() if now - one.last > CALM_SECONDS + one.pause
        ]
        for text in calm:
            del self._changes[text]
        fought = []
        for text in changes:
            one = self._changes.setdefault(text, _Change())
            one.times, one.last, one.again = one.times + 1, now, False
            if one.pause and not one.said:
                one.said = True
                fought.append(text)
        return fought
