"""The run state during one run: loaded once, saved once for each slice that changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import Health, Look, RunState, note_step

if TYPE_CHECKING:
    from dualwan.host.api import Store


class Journal:
    """The current run state, and when to save it. The caller holds the lock.

    The steps of one slice are saved together with the intents of the next slice: before its
    first step, everything noted so far is on disk.

    applied: receives each step once it is done, with the name of its slice, so that the caller
    can log the steps of a run that an error ends.
    """

    def __init__(self, store: Store, applied: list[tuple[str, Step]]) -> None:
        self._store, self._applied = store, applied
        self.state = self._saved = store.load_state()

    def note(self, state: RunState) -> None:
        """Replace the current state; it is saved later."""
        self.state = state

    def note_wish(self, event: Event, now: float) -> None:
        """Note whether the router is to be up, if ``event`` decides it; ``now``: s since boot."""
        if event.wanted is not None:
            version = self.state.version if event.wanted else ""
            begins = event is Event.PRE_UP
            if event.wanted and not self.state.wanted:  # earlier probes are out of date
                self.note(replace(self.state, health=Health()))
            self.note(replace(self.state, wanted=event.wanted, version=version))
            at = now if begins else 0.0
            self.note(replace(self.state, in_transition=begins, transition_at=at))
            if event is Event.BOOT:  # also a soft one, which keeps /run: no pppd is left
                self.note(replace(self.state, dialled=()))
            if not event.wanted:  # the next ifup waits, reads every table and looks for findings
                self.note(replace(self.state, awaited=False, generation=0, looked=Look()))
                self.note(replace(self.state, aftr="", aftr_name=""))  # the next line may differ

    def note_intent(self, state: RunState) -> None:
        """Replace the current state before the steps that it announces, and save it.

        Raises HostError if the save fails and ``state`` has changed. If it has not, ``close``
        reports the failure, so that the firewall is loaded even if the disk is full.
        """
        is_new, self.state = state != self.state, state
        try:
            self.save()
        except HostError:
            if is_new:
                raise

    def note_step(self, name: str, step: Step) -> None:
        """Note ``step`` of the slice ``name`` as done."""
        self.note(note_step(self.state, name, step))
        self._applied.append((name, step))

    def save(self) -> None:
        """Save the state if it has changed since the last save; raises HostError."""
        if self.state != self._saved:
            self._store.save_state(self.state)
            self._saved = self.state

    def close(self) -> str:
        """Save at the end of a run; return the reason if that fails, else ""."""
        try:
            self.save()
        except HostError as error:
            return str(error)
        return ""
