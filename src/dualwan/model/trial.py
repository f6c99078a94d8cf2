"""A trial: a configuration that is in use until it is confirmed, or its time is over. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from dualwan.frozen import dataclass, field, replace
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
    configuration that had a pppd before. down: its WAN if that was down before, else "". attempts:
    to go back.
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
    down: str = ""
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

    def is_taken_back(self, text: str, boot: str) -> bool:
        """Whether a run of ``text`` comes too late: the router has begun to go back from it."""
        return self.phase is not Phase.PENDING and not self.allows(text, boot)


def notes_after(before: RunState, now: RunState) -> RunState:
    """Return the run state after going back: as before, but for what outlives the trial.

    That is what the kernel holds now, flows of softwires too, and what providers were told.
    """
    now = replace(now, tables=_in_order_of(before.tables, now.tables))
    if before.wanted or now.wanted:
        return replace(now, applied=before.applied)
    return replace(
        before,
        sysctls={name: values for name, values in now.sysctls.items() if values},
        addresses=now.addresses,
        found=now.found,
        tunnels=now.tunnels,
        tables=now.tables,
        losses=now.losses,
        dialled=now.dialled,
        softwires=now.softwires,
        ces=now.ces,
        routed=now.routed,
        notified_ce=now.notified_ce,
        notified=now.notified,
        notified_of=now.notified_of,
        owed_flows=now.owed_flows,
        owes_inbound_flows=now.owes_inbound_flows,
        owed_solicitations=now.owed_solicitations,
        health=now.health,
        role=now.role,  # nobody gives it a second time
    )


def _in_order_of(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Return ``now`` in the order that ``before`` has."""
    kept = [name for name in before if name in now]
    return (*kept, *(name for name in now if name not in kept))
