"""The answers of a machine to a plan and a diagnosis: recorded, and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from dualwan.errors import HostError
from dualwan.host.api import Host
from dualwan.host.fake import FakeHost
from dualwan.line.provisioning.cache import AnswerCache
from dualwan.model.evidence import Evidence
from dualwan.model.finding import Finding
from dualwan.model.observed import Observed, Reads
from dualwan.model.plan import Step
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.nft.table import NftTable
from dualwan.ppp.session import Session


@dataclass(frozen=True)
class Recording:
    """The answers of a machine.

    observed: the state of the kernel, without nft tables. generation, table_names: of nft, None
    without the permission; the names are those of all tables, including other programs'.
    prefixes: of the line, by device. announced: by its default router, None if that was not asked,
    or could not be. sessions: of PPP. answers, now: of the line's servers, and the time in seconds
    since 1970. findings: about the present configuration, if an earlier one is in use.
    """

    observed: Observed
    generation: int | None = None
    table_names: tuple[str, ...] | None = None
    prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    announced: Mapping[str, tuple[str, ...]] | None = None
    sessions: tuple[Session, ...] = ()
    answers: AnswerCache = field(default_factory=AnswerCache)
    now: int = 0
    surroundings: Surroundings = field(default_factory=Surroundings)
    evidence: Evidence = field(default_factory=Evidence)
    findings: tuple[Finding, ...] = ()


class Recorder:
    """A host for ``make_plan`` that records all answers but the run state in ``recording``."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.recording = Recording(Observed())
        self.loaded: tuple[NftTable, ...] | None = ()
        self.state = RunState()

    @property
    def as_host(self) -> Host:
        """The recorder as a host: it has the methods that a plan calls."""
        return cast("Host", self)

    def _note(self, **values: object) -> None:
        self.recording = replace(self.recording, **values)  # type: ignore[arg-type]

    def load_state(self) -> RunState:
        """See Store."""
        self.state = self._host.load_state()
        return self.state

    def observe(self, reads: Reads) -> Observed:
        """See Kernel."""
        found = self._host.observe(reads)
        self.loaded = found.tables
        self._note(observed=replace(found, tables=()))
        return found

    def table_names(self) -> frozenset[str] | None:
        """See Kernel."""
        found = self._host.table_names()
        self._note(table_names=None if found is None else tuple(sorted(found)))
        return found

    def ruleset_generation(self) -> int | None:
        """See Kernel."""
        found = self._host.ruleset_generation()
        self._note(generation=found)
        return found

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices."""
        found = self._host.prefixes(device)
        self._note(prefixes={**self.recording.prefixes, device: found})
        return found

    def router_prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices."""
        found = self._host.router_prefixes(device)
        self._note(announced={**(self.recording.announced or {}), device: found})
        return found

    def sessions(self) -> tuple[Session, ...]:
        """See Pppd. Records only those words of a command line that show whose session it is."""
        found = self._host.sessions()
        self._note(sessions=tuple(map(_without_secrets, found)))
        return found

    def load_answers(self) -> AnswerCache:
        """See LineServices."""
        found = self._host.load_answers()
        self._note(answers=found)
        return found

    def now(self) -> int:
        """See LineServices."""
        found = self._host.now()
        self._note(now=found)
        return found


_SECRET_WORDS = ("password", "user", "name", "remotename")  # options of pppd


def _without_secrets(session: Session) -> Session:
    words = session.pppd.words
    kept = tuple(
        "hidden" if at and words[at - 1] in _SECRET_WORDS else word for at, word in enumerate(words)
    )
    return session._replace(pppd=session.pppd._replace(words=kept))


class ReplayHost(FakeHost):
    """A machine that answers as ``recording`` says, and cannot be changed."""

    def __init__(
        self, recording: Recording, state: RunState, tables: tuple[NftTable, ...] | None
    ) -> None:
        super().__init__(replace(recording.observed, tables=tables))
        self._recording = recording
        self.run_state = state
        self.announced = dict(recording.prefixes)
        self.ppp = recording.sessions
        self.cache, self.clock = recording.answers, recording.now
        self.around, self.seen = recording.surroundings, recording.evidence

    def observe(self, reads: Reads) -> Observed:
        """See Kernel: in the order in which the kernel said it."""
        seen = self.state
        return replace(
            seen,
            links={name: link for name, link in seen.links.items() if name in reads.devices},
            addresses=tuple(one for one in seen.addresses if one.device in reads.devices),
            tunnels=tuple(one for one in seen.tunnels if one.name in reads.devices),
            routes=seen.routes if reads.routes else (),
            rules=seen.rules if reads.rules else (),
            sysctls={name: value for name, value in seen.sysctls.items() if name in reads.sysctls},
            ipv6_default=seen.ipv6_default and bool(reads.ipv6_default),
            tables=None
            if seen.tables is None
            else tuple(
                table
                for asked in reads.tables
                for table in seen.tables
                if (table.family, table.name) == (asked.family, asked.name)
            ),
            default_device=seen.default_device if reads.routes else "",
        )

    def table_names(self) -> frozenset[str] | None:
        """See Kernel."""
        found = self._recording.table_names
        return None if found is None else frozenset(found)

    def ruleset_generation(self) -> int | None:
        """See Kernel."""
        return self._recording.generation

    def router_prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices."""
        if self._recording.announced is None:
            raise HostError("the router was not asked")
        return self._recording.announced.get(device, ())

    def apply(self, step: Step) -> None:
        """See Kernel: nothing can be changed."""
        raise HostError(f"{step.text}: this is a recording")
