"""A host in memory, which fails where the real one can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from dualwan.config import Config
from dualwan.errors import HostError, RemoteError
from dualwan.host import store
from dualwan.host.fake_kernel import FULL, FakeKernel
from dualwan.host.fake_trial import FakeTrial
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.line.provisioning.cache import AnswerCache
from dualwan.model.evidence import Evidence, Inquiry
from dualwan.model.log import LogLine
from dualwan.model.observed import Observed
from dualwan.model.ssh_session import SshSession
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.notice.pending import Notice, Pending, noted, notices
from dualwan.notice.router import Router
from dualwan.ppp.session import Session


class FakeHost(FakeTrial, FakeKernel):
    """A host in memory.

    state: see FakeOutside. What is refused (FakeKernel) may also be starting or ending a pppd,
    or "state.json" or "tables/NAME.json" for a run directory that takes nothing.
    """

    def __init__(self, state: Observed | None = None) -> None:
        FakeKernel.__init__(self, state)
        FakeTrial.__init__(self)
        self.loads = self.saves = 0  # of the run state
        self._saved = ""
        # Set or checked by tests.
        self.running: set[str] = set()  # peers with a pppd
        self.doubled: set[str] = set()  # peers with two
        self.ending: list[str] = []  # peers whose pppd was asked to end before it is waited for
        self.ppp: tuple[Session, ...] = ()  # interfaces with a pppd that is known
        self.names: dict[str, str] = {}  # IPv6 addresses by host name
        self.called: list[str] = []  # files of the update calls made
        self.carried: list[str] = []  # what conntrackd was told
        self.clock = 0
        self.answers: dict[str, tuple[str, int, str]] = {}  # of the line's servers, by source
        self.asked: list[str] = []  # sources, in order
        self.cache = AnswerCache()
        self.around = Surroundings()
        self.ssh: SshSession | None = None
        self.logged: tuple[LogLine, ...] | None = ()
        self.seen = Evidence()
        self.inquiries: list[Inquiry] = []
        self.watched = False
        self.kept: Config | None = None  # the configuration that was applied last
        self.scripts = False  # whether there are any
        self.known, self.waiting = Router(), Pending()

    # --- run state -----------------------------------------------------------------------

    @contextmanager
    def lock(self, seconds: float) -> Iterator[None]:
        """See Store. Nested locks, a deadlock on a real host, fail at once."""
        if self.locked:
            raise AssertionError(f"a nested lock: a deadlock for {seconds:.0f} s")
        self.locked = True
        try:
            yield
        finally:
            self.locked = False

    def load_state(self) -> RunState:
        """See Store. The state goes through the JSON of the file."""
        self.loads += 1
        return store.decode(json.loads(self._saved)) if self._saved else RunState()

    def save_state(self, state: RunState) -> None:
        """See Store."""
        if not self.locked:
            raise AssertionError("the run state is written without the lock")
        if reason := self.refusal("state.json", FULL):
            raise HostError(f"state.json: {reason}")
        self.saves += 1
        self.run_state = state

    def keep_config(self, config: Config) -> None:
        """See Store: the attribute ``kept``."""
        if not self.locked:
            raise AssertionError("the configuration is kept without the lock")
        if reason := self.refusal("last-good.json", FULL):
            raise HostError(f"last-good.json: {reason}")
        self.kept = config

    def is_watched(self) -> bool:
        """See Store: the attribute ``watched``."""
        return self.watched

    @property
    def run_state(self) -> RunState:
        """The saved state; not counted in ``loads`` and ``saves``."""
        return store.decode(json.loads(self._saved)) if self._saved else RunState()

    @run_state.setter
    def run_state(self, state: RunState) -> None:
        self._saved = json.dumps(store.encode(state))

    def now(self) -> int:
        """See LineServices: the attribute ``clock``."""
        return self.clock

    def load_answers(self) -> AnswerCache:
        """See LineServices."""
        return self.cache

    def save_answers(self, answers: AnswerCache) -> None:
        """See LineServices."""
        self.cache = answers

    # --- the other router ----------------------------------------------------------------

    def commit_flows(self) -> None:
        """See Partner: recorded in ``carried``."""
        self._call_conntrackd("commit")

    def follow_flows(self, *, active: bool) -> None:
        """See Partner: recorded in ``carried``."""
        self._call_conntrackd("active" if active else "standby")

    def _call_conntrackd(self, order: str) -> None:
        if not self.locked:
            raise AssertionError("conntrackd is told without the lock")
        if reason := self.refusal(f"conntrackd {order}"):
            raise HostError(f"conntrackd: {reason}")
        self.carried.append(order)

    # --- PPP sessions --------------------------------------------------------------------

    def sessions(self) -> tuple[Session, ...]:
        """See Pppd: the attribute ``ppp``."""
        return self.ppp

    def keep_one(self, peer: str) -> bool:
        """See Pppd: for the peers in ``doubled``."""
        self._call_pppd(f"end a pppd of {peer}")
        found = peer in self.doubled
        self.doubled.discard(peer)
        return found

    def dial(self, peer: str, key: str) -> bool:
        """See Pppd."""
        del key
        self._call_pppd(f"pon {peer}")
        started = peer not in self.running
        self.running.add(peer)
        return started

    def runs(self, peer: str) -> bool:
        """See Pppd."""
        return peer in self.running

    def ask_to_end(self, peers: Collection[str]) -> None:
        """See Pppd: recorded in ``ending``."""
        if self.locked:
            raise AssertionError("pppd runs our hooks, which wait for the lock that is held")
        self.ending += peers

    def hang_up(self, peer: str, seconds: float) -> bool:
        """See Pppd."""
        del seconds
        self._call_pppd(f"hanging up {peer}")
        ended = peer in self.running
        self.running.discard(peer)
        return ended

    def _call_pppd(self, command: str) -> None:
        if self.locked:
            raise AssertionError("pppd runs our hooks, which wait for the lock that is held")
        if reason := self.refusal(command):
            raise HostError(f"{command} failed with code 1: {reason}")

    # --- scripts of the owner ------------------------------------------------------------

    def has_scripts(self, folder: str, *, changed: bool) -> bool:
        """See Owner: the attribute ``scripts``."""
        del folder
        return self.scripts and (changed or self.known != Router())

    def tell_scripts(
        self, folder: str, look: Callable[[Router], Router], slices: Sequence[str], reason: str
    ) -> None:
        """See Owner: what waits for the scripts is in ``waiting``."""
        del folder
        self._check_unlocked()
        if refused := self.refusal("pending.json", FULL):
            raise HostError(f"pending.json: {refused}")
        now = look(self.known)
        self.waiting = noted(self.waiting, self.known, now, slices, reason)
        self.known = now

    def take_notices(self) -> tuple[Notice, ...]:
        """Return what the scripts are told now; then nothing waits."""
        waiting, self.waiting = self.waiting, Pending()
        return notices(waiting)

    # --- other programs ------------------------------------------------------------------

    def surroundings(self, config: Config, *, at_event: bool = False) -> Surroundings:
        """See Neighbours: the attribute ``around``."""
        del config, at_event
        return self.around

    def log(self) -> tuple[LogLine, ...] | None:
        """See Neighbours: the attribute ``logged``."""
        return self.logged

    def ssh_session(self) -> SshSession | None:
        """See Neighbours: the attribute ``ssh``."""
        return self.ssh

    def evidence(self, inquiry: Inquiry) -> Evidence:
        """See Examination: the attribute ``seen``; recorded in ``inquiries``."""
        self._check_unlocked()
        self.inquiries.append(inquiry)
        return self.seen

    # --- servers of the line and the provider --------------------------------------------

    @contextmanager
    def asking(self) -> Iterator[None]:
        """See LineServices."""
        self._check_unlocked()
        yield

    def resolve(self, name: str, device: str) -> str:
        """See LineServices: from ``names``."""
        del device
        self._check_unlocked()
        if name not in self.names:
            raise RemoteError(f"{name}: no such name")
        return self.names[name]

    def call_update_url(self, path: str, device: str, ce: str) -> str:
        """See LineServices: recorded in ``called``."""
        del device, ce
        self._check_unlocked()
        self.called.append(path)
        return "OK"

    def fetch_provisioning(
        self, source: str, device: str, previous: CachedAnswer | None, seconds: float
    ) -> tuple[str, int, str]:
        """See LineServices: from ``answers``; recorded in ``asked``."""
        del device, previous, seconds
        self._check_unlocked()
        self.asked.append(source)
        if source not in self.answers:
            raise RemoteError("no answer")
        return self.answers[source]

    def _check_unlocked(self) -> None:
        if self.locked:
            raise AssertionError("a server is asked under the lock")
