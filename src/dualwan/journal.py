"""The run state of one run: read once, and written once for each slice that changes something."""

from __future__ import annotations

from dataclasses import replace

from dualwan.errors import HostError
from dualwan.host.api import Store
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import RunState

Applied = tuple[str, Step]  # a step that was done, with its slice


class Journal:
    """Keeps what is noted, and writes it when it is due. The lock is held.

    What a slice has done is written with what the next one intends to do: before the first
    step of a slice, everything noted so far is on disk. ``applied`` are the steps that were
    done, for the log.
    """

    def __init__(self, store: Store, applied: list[Applied]) -> None:
        self._store, self.applied = store, applied
        self.state = self._saved = store.load_state()

    def note(self, state: RunState) -> None:
        """Take ``state`` as what is to be written next."""
        self.state = state

    def note_wish(self, event: Event) -> None:
        """Note whether the router is to be up at all, where ``event`` says so."""
        if event.wanted is not None:
            self.note(replace(self.state, wanted=event.wanted))

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
