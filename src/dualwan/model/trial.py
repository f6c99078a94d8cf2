"""A trial: a configuration that is in use until it is confirmed, or its time is over. Pure."""

from __future__ import annotations

from enum import Enum

from dualwan.frozen import dataclass, field
from dualwan.model.state import RunState


class Phase(Enum):
    """The phase of a trial.

    PENDING: the tried configuration is in use. RETURNING: the time is over, and the router goes
    back. OVER: the router has gone back.
    """

    PENDING = "pending"
    RETURNING = "returning"
    OVER = "over"


@dataclass(frozen=True)
class Trial:
    """A trial, as it is kept until it is confirmed, or another configuration is applied.

    path: of the configuration that events read. source: of the file that is tried, the same or
    another. tried: its text.
    before: the text that was applied before, "" for none. drafts: other texts that ``path`` had
    when the time was over. boot: id of the boot in which it began. until: the end of its time, in
    seconds since boot. state: the run state before. running: the peers dialled by the tried
    configuration that had a pppd before. attempts: to go back.
    """

    path: str
    source: str
    tried: str
    before: str
    boot: str
    until: float
    phase: Phase = Phase.PENDING
    drafts: tuple[str, ...] = ()
    state: RunState = field(default_factory=RunState)
    running: tuple[str, ...] = ()
    attempts: int = 0

    def is_pending(self, boot: str) -> bool:
        """Whether the tried configuration is in use; a boot ends a trial."""
        return self.phase is Phase.PENDING and self.boot == boot

    def is_due(self, boot: str) -> bool:
        """Whether the router has yet to go back from it."""
        return self.phase is not Phase.OVER and self.boot == boot

    def text_in_use(self, found: str, boot: str) -> str:
        """Return the text that events use while the configuration has the text ``found``.

        After the trial that is ``found`` itself, unless it was part of the trial: then the text
        that was applied before stays in use. That is "" if there was none, and events do nothing.
        """
        if self.is_pending(boot):
            return self.tried
        if (self.is_due(boot) and found != self.before) or found in (self.tried, *self.drafts):
            return self.before
        return found

    def is_past(self, text: str) -> bool:
        """Whether ``text``, which is in use, was never part of this trial."""
        return text not in (self.before, self.tried, *self.drafts)

    def allows(self, text: str, boot: str) -> bool:
        """Whether a run may apply ``text``, which it read before it took the lock."""
        return self.text_in_use(text, boot) == text
