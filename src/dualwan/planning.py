"""Observe and plan: what an event asks for on the machine as it is. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dualwan import slices
from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.host.api import Host
from dualwan.line import Line, derive_line
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.model.event import Event
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan
from dualwan.model.state import RunState
from dualwan.model.way import Way
from dualwan.slices import Remains, Situation, Slice, drift, goals


@dataclass(frozen=True)
class Plan:
    """The plans of all slices that an event concerns, in the order of doing.

    config: None where there is none that can be used, for a removal.
    goals: for each slice, whether it is to stand.
    """

    slices: tuple[SlicePlan, ...]
    config: Config | None
    line: Line
    state: RunState
    observed: Observed
    goals: Mapping[str, bool]

    @property
    def changes(self) -> int:
        """How many steps would do something."""
        return sum(len(item.changes) for item in self.slices)

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way, in words."""
        return tuple(text for item in self.slices for text in item.problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works, but is not as it should be."""
        return (*self.line.warnings, *drift.warnings(self.state, self.observed, self.slices))

    @property
    def unobserved(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return tuple(text for item in self.slices for text in item.unobserved)


def make_plan(
    config: Config | None,
    host: Host,
    event: Event,
    only: Collection[str] | None = None,
    state: RunState | None = None,
) -> Plan:
    """Return what ``event`` asks for on the machine as it is; changes nothing.

    ``only``: names of slices, None for all. ``state``: as it is known by now, else it is read.
    """
    state = host.load_state() if state is None else state
    line = _line(config, host, state)
    wan = config.wan.interface if config else ""
    missing = state.wanted and drift.tables_missing(state, host.table_names())
    event = goals.scope(event, state, line.prefix, missing=missing)
    mine = [one for one in goals.concerned(event, slices.ALL) if only is None or one.name in only]
    observed = host.observe(
        goals.reads(mine, wan, _sysctls(config, mine, line.ways), line.ways, state)
    )
    remains = Remains(state, observed, wan, line.ways)
    stand = goals.goals(event, mine, remains)
    plans = []
    if config is not None:
        at = Situation(config, line, state, observed)
        plans = [one.bring_up(at) for one in mine if stand[one.name]]
    falling = [one.take_down(remains) for one in reversed(mine) if not stand[one.name]]
    return Plan((*falling, *plans), config, line, state, observed, stand)


def _line(config: Config | None, host: Host, state: RunState) -> Line:
    if config is None:
        return Line()
    prefixes = () if config.mape.fixed else host.prefixes(config.prefix_source)
    return derive_line(config, prefixes, state.prefix, _cached_answers(config, host), state.aftr)


def _sysctls(
    config: Config | None, mine: Collection[Slice], ways: tuple[Way, ...]
) -> tuple[str, ...]:
    if config is None:
        return ()
    return tuple(name for one in mine for name in one.sysctls(config, ways))


def _cached_answers(config: Config, host: Host) -> tuple[CachedAnswer, ...]:
    """Return what the line said of its rule before; asks nobody."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    from dualwan.line.provisioning.refresh import cached_answers  # noqa: PLC0415 - loaded by need

    return cached_answers(config, host)
