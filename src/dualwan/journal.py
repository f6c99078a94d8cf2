"""The run state of one run: read once, and written once for each slice that changes something."""

from __future__ import annotations

from dataclasses import replace

from dualwan.errors import HostError
from dualwan.host.api import Store
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import RunState, note_step


class Journal:
    """Keeps what is noted, and writes it when it is due. The lock is held.

    What a slice has done is written with what the next one intends to do: before the first
    step of a slice, everything noted so far is on disk.

    applied: gets each step as soon as it is done, with the name of its slice, so that the log
    is right about a run that is cut short.
    """

    def __init__(self, store: Store, applied: list[tuple[str, Step]]) -> None:
        self._store, self._applied = store, applied
        self.state = self._saved = store.load_state()

    def note(self, state: RunState) -> None:
        """Take ``state`` as what is to be written next."""
        self.state = state

    def note_wish(self, event: Event) -> None:
        """Note whether the router is to be up at all, where ``event`` says so."""
        if event.wanted is not None:
            self.note(replace(self.state, wanted=event.wanted))

    def note_intent(self, state: RunState) -> None:
        """Take ``state`` as what is to be written before the steps that it is about; write it.

        Raises HostError where it says more than was noted so far. Else a failure is left to
        ``close``: a full disk does not keep the firewall from being loaded.
        """
        says_more, self.state = state != self.state, state
        try:
            self.save()
        except HostError:
            if says_more:
                raise

    def note_step(self, name: str, step: Step) -> None:
        """Note that ``step`` of the slice ``name`` is done."""
        self.note(note_step(self.state, name, step))
        self._applied.append((name, step))

    def save(self) -> None:
        """Write what was noted since the last time, if anything; raises HostError."""
        if self.state != self._saved:
            self._store.save_state(self.state)
            self._saved = self.state

    def close(self) -> str:
        """Write as ``save`` does at the end of a run; return why that failed, "" if it did not."""
        try:
            self.save()
        except HostError as error:
            return str(error)
        return ""
