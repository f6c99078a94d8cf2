"""A machine in memory with the protocol of the real one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dualwan.config import Config
from dualwan.errors import KernelError, RemoteError
from dualwan.line.provisioning.answer import Known
from dualwan.line.provisioning.cache import AnswerCache
from dualwan.model.observed import Link, Memory, Observed
from dualwan.model.plan import Step
from dualwan.model.resources import Address, Route, Rule, Sysctl, Tunnel
from dualwan.model.usage import Losses, Usage
from dualwan.nft.table import NftTable
from dualwan.slices import snat


class FakeHost:
    """Holds one Observed and changes it step by step, as the kernel would.

    refuse: texts; a step whose text contains one of them raises KernelError.
    """

    def __init__(self, state: Observed | None = None, refuse: Collection[str] = ()) -> None:
        self.state = state or Observed()
        self.refuse = refuse
        self.applied: list[Step] = []
        self.running: set[str] = set()
        self.answering: set[str] = set()
        self.names: dict[str, str] = {}
        self.told: list[str] = []
        self.announced: dict[str, tuple[str, ...]] = {}
        self.locked = False
        self.clock = 0
        self.cache = AnswerCache()
        self.answers: dict[str, tuple[str, int, str]] = {}
        self.asked: list[str] = []
        self.used: Usage | None = None
        self.counted = Losses()

    @contextmanager
    def lock(self, seconds: float) -> Iterator[None]:
        """See Host."""
        del seconds
        self.locked = True
        try:
            yield
        finally:
            self.locked = False

    def remembered(self) -> Memory:
        """See Host."""
        return self.state.memory

    def remember(self, memory: Memory) -> None:
        """See Host."""
        self.state = replace(self.state, memory=memory)

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See Host: what a test put into `announced`."""
        return self.announced.get(device, ())

    def await_prefix(self, device: str, seconds: float) -> bool:
        """See Host: there or not, without a wait."""
        del seconds
        return bool(self.announced.get(device))

    def now(self) -> int:
        """See Host: what a test put into `clock`."""
        return self.clock

    def load_answers(self) -> AnswerCache:
        """See Host."""
        return self.cache

    def save_answers(self, answers: AnswerCache) -> None:
        """See Host."""
        self.cache = answers

    def fetch_provisioning(self, source: str, device: str, before: Known | None,
                           seconds: float) -> tuple[str, int, str]:
        """See Host: what a test put into `answers`, never while the lock is held."""
        del device, before, seconds
        if self.locked:
            raise AssertionError("the line was asked while the lock was held")
        self.asked.append(source)
        if source not in self.answers:
            raise RemoteError("no answer")
        return self.answers[source]

    def observe(self, config: Config, slices: Collection[str]) -> Observed:
        """See Host."""
        del config, slices
        return self.state

    def listing(self, family: str, name: str) -> str:
        """See Host."""
        return "".join(table.source() for table in self.state.tables or ()
                       if (table.family, table.name) == (family, name))

    def standing(self) -> frozenset[str] | None:
        """See Host."""
        tables = self.state.tables
        return None if tables is None else frozenset(table.name for table in tables)

    def apply(self, step: Step) -> None:
        """See Host."""
        if any(text in step.text for text in self.refuse):
            raise KernelError(f"{step.text}: refused")
        self.applied.append(step)
        item, gone = step.resource, step.sign == "-"
        if isinstance(item, Sysctl):
            self.state = replace(self.state,
                                 sysctls={**self.state.sysctls, item.name: item.value})
        elif isinstance(item, Address):
            self._put("addresses", item, gone)
        elif isinstance(item, Tunnel):
            self._put("tunnels", item, gone)
            links = {name: link for name, link in self.state.links.items() if name != item.name}
            if not gone:
                links[item.name] = Link(1 + max((link.index for link in links.values()),
                                                default=0), up=True, kind="ip6tnl")
            self.state = replace(self.state, links=links)
        elif isinstance(item, Route):
            self._put("routes", item, gone)
        elif isinstance(item, Rule):
            self._put("rules", item, gone)
        elif isinstance(item, NftTable):
            self._put("tables", item, gone)

    def _put(self, field: str, item: Any, gone: bool) -> None:
        kept = tuple(there for there in getattr(self.state, field) or ()
                     if there.key != item.key)
        values: dict[str, Any] = {field: kept if gone else (*kept, item)}
        self.state = replace(self.state, **values)

    def resolve(self, name: str) -> str:
        """See Host: from the `names` that a test put in."""
        if name not in self.names:
            raise RemoteError(f"{name}: no such name")
        return self.names[name]

    def call_update_url(self, path: str) -> str:
        """See Host: noted in `told`."""
        self.told.append(path)
        return "OK"

    def usage(self, address: str) -> Usage | None:
        """See Host."""
        del address
        return self.used

    def losses(self) -> Losses:
        """See Host: what a test put into `counted`, while there is a table that counts."""
        there = any(table.name == snat.TABLE for table in self.state.tables or ())
        return self.counted if there else Losses()

    def any_answers(self, device: str, targets: Sequence[str]) -> bool:
        """See Host: for the devices that a test put into `answering`."""
        return bool(targets) and device in self.answering

    def dial(self, peer: str) -> bool:
        """See Host."""
        started = peer not in self.running
        self.running.add(peer)
        return started

    def hang_up(self, peer: str, seconds: float) -> bool:
        """See Host."""
        del seconds
        ended = peer in self.running
        self.running.discard(peer)
        return ended
