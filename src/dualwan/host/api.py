"""What the rest of the program may ask of a machine, as four roles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from dualwan.model.observed import Observed, Reads, TableId
from dualwan.model.plan import Step
from dualwan.model.state import RunState
from dualwan.model.usage import Flow

if TYPE_CHECKING:  # loaded only by those who learn
    from dualwan.line.provisioning.answer import CachedAnswer
    from dualwan.line.provisioning.cache import AnswerCache


class Kernel(Protocol):
    """What can be observed, and changed one step at a time."""

    def observe(self, reads: Reads) -> Observed:
        """Return the state of what ``reads`` names; raises KernelError."""
        ...

    def apply(self, step: Step) -> None:
        """Do one step; raises HostError."""
        ...

    def prefixes(self, device: str) -> tuple[str, ...]:
        """Return the global IPv6 prefixes in use on ``device``, the longest preferred first."""
        ...

    def await_prefix(self, device: str, seconds: float) -> bool:
        """Wait up to ``seconds`` for ``device`` to have such a prefix; whether it has."""
        ...

    def table_names(self) -> frozenset[str] | None:
        """Return the names of all nft tables, ours and others'; None where nft hides them."""
        ...

    def counts(self, table: TableId, elements: str) -> tuple[dict[str, int], dict[str, int]]:
        """Return the packets of a table's named counters, and of each element of a set of it.

        Both are empty where there is none, or where nft hides it. Raises KernelError.
        """
        ...

    def flows_from(self, address: str) -> tuple[Flow, ...] | None:
        """Return the flows translated to ``address``; None without the right to look."""
        ...

    def any_answers(self, device: str, hosts: Sequence[str]) -> bool:
        """Whether one of the IPv4 addresses ``hosts`` answers a ping sent out by ``device``."""
        ...


class Store(Protocol):
    """What outlives a run."""

    def lock(self, seconds: float) -> AbstractContextManager[None]:
        """Hold the machine for one run; raises BusyError after ``seconds``."""
        ...

    def load_state(self) -> RunState:
        """Return what an earlier run left."""
        ...

    def save_state(self, state: RunState) -> None:
        """Keep ``state`` for later runs; the lock is held. Raises HostError."""
        ...

    def now(self) -> int:
        """Return the seconds since 1970, by the machine's clock."""
        ...

    def load_answers(self) -> AnswerCache:
        """Return what the line said of its rule, earlier; outlives a boot."""
        ...

    def save_answers(self, answers: AnswerCache) -> None:
        """Keep ``answers`` for later; raises HostError."""
        ...


class Pppd(Protocol):
    """PPP sessions."""

    def dial(self, peer: str) -> bool:
        """Start ``peer`` with `pon` unless it runs; whether anything was done.

        Raises HostError.
        """
        ...

    def hang_up(self, peer: str, seconds: float) -> bool:
        """End ``peer`` with `poff` and wait up to ``seconds``; whether anything was done.

        Raises HostError.
        """
        ...


class LineServices(Protocol):
    """Servers of the line and of the provider."""

    def resolve(self, name: str) -> str:
        """Return an IPv6 address of a host, the same each time; raises RemoteError."""
        ...

    def call_update_url(self, path: str) -> str:
        """Make the update call that the file ``path`` describes; what the provider said.

        Raises ConfigError for the file, RemoteError for the call.
        """
        ...

    def fetch_provisioning(
        self, source: str, device: str, previous: CachedAnswer | None, seconds: float
    ) -> tuple[str, int, str]:
        """Ask ``source`` (of config.mape.SOURCES) about the line on ``device``.

        ``previous`` is its last answer. Returns where the answer came from, when it was given,
        and its text, unchecked. Raises RemoteError, after ``seconds`` at the latest.
        """
        ...


class Host(Kernel, Store, Pppd, LineServices, Protocol):
    """A machine."""
