"""A machine in memory with the protocol of the real one. It fails where the machine can fail."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from dualwan.errors import HostError, RemoteError
from dualwan.host import store
from dualwan.host.fake_kernel import FakeKernel
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.line.provisioning.cache import AnswerCache
from dualwan.model.observed import Observed
from dualwan.model.state import RunState


class FakeHost(FakeKernel):
    """A machine that is not there.

    state, refuse: see FakeKernel; what is refused may also be a call of pon or poff, or
    "state.json" for a run directory that takes nothing.
    """

    def __init__(self, state: Observed | None = None, refuse: Collection[str] = ()) -> None:
        super().__init__(state, refuse)
        self.loads = self.saves = 0  # how often the run state was read and written
        self._saved = ""
        # What a test puts in, or looks at.
        self.running: set[str] = set()  # peers of pppd
        self.names: dict[str, str] = {}  # addresses of hosts
        self.called: list[str] = []  # files of update calls
        self.clock = 0
        self.answers: dict[str, tuple[str, int, str]] = {}  # of the line, by source
        self.asked: list[str] = []  # sources
        self.cache = AnswerCache()

    # --- what outlives a run -------------------------------------------------------------

    @contextmanager
    def lock(self, seconds: float) -> Iterator[None]:
        """See Store: held once, as the lock of a file is."""
        if self.locked:
            raise AssertionError(f"the lock is taken twice, which takes {seconds:.0f} s to fail")
        self.locked = True
        try:
            yield
        finally:
            self.locked = False

    def load_state(self) -> RunState:
        """See Store: what the file would say."""
        self.loads += 1
        return store.decode(json.loads(self._saved)) if self._saved else RunState()

    def save_state(self, state: RunState) -> None:
        """See Store."""
        if not self.locked:
            raise AssertionError("the run state is written without the lock")
        if any(one in "state.json" for one in self.refuse):
            raise HostError("state.json: No space left on device")
        self.saves += 1
        self.run_state = state

    @property
    def run_state(self) -> RunState:
        """The state as an earlier run left it."""
        return store.decode(json.loads(self._saved)) if self._saved else RunState()

    @run_state.setter
    def run_state(self, state: RunState) -> None:
        self._saved = json.dumps(store.encode(state))

    def now(self) -> int:
        """See Store: what a test put into ``clock``."""
        return self.clock

    def load_answers(self) -> AnswerCache:
        """See Store."""
        return self.cache

    def save_answers(self, answers: AnswerCache) -> None:
        """See Store."""
        self.cache = answers

    # --- PPP sessions --------------------------------------------------------------------

    def dial(self, peer: str) -> bool:
        """See Pppd."""
        self._call_pppd(f"pon {peer}")
        started = peer not in self.running
        self.running.add(peer)
        return started

    def hang_up(self, peer: str, seconds: float) -> bool:
        """See Pppd."""
        del seconds
        self._call_pppd(f"poff {peer}")
        ended = peer in self.running
        self.running.discard(peer)
        return ended

    def _call_pppd(self, command: str) -> None:
        if self.locked:
            raise AssertionError("pppd runs our hooks, which wait for the lock that is held")
        if any(one in command for one in self.refuse):
            raise HostError(f"{command} failed with code 1: refused")

    # --- servers of the line -------------------------------------------------------------

    def resolve(self, name: str) -> str:
        """See LineServices: from the ``names`` that a test put in."""
        self._exchange()
        if name not in self.names:
            raise RemoteError(f"{name}: no such name")
        return self.names[name]

    def call_update_url(self, path: str) -> str:
        """See LineServices: noted in ``called``."""
        self._exchange()
        self.called.append(path)
        return "OK"

    def fetch_provisioning(
        self, source: str, device: str, previous: CachedAnswer | None, seconds: float
    ) -> tuple[str, int, str]:
        """See LineServices: what a test put into ``answers``."""
        del device, previous, seconds
        self._exchange()
        self.asked.append(source)
        if source not in self.answers:
            raise RemoteError("no answer")
        return self.answers[source]

    def _exchange(self) -> None:
        if self.locked:
            raise AssertionError("somebody was asked while the lock was held")
