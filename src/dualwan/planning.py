"""A plan: what an event would do to the machine as it is. Nothing is changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dualwan import __version__, slices
from dualwan.config import Config
from dualwan.config.mape import DsLite, MapE
from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.line import Line, derive_line
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.line.renumbering import in_use, trusted
from dualwan.line.role import stands_by
from dualwan.line.session import has_moved, located
from dualwan.line.ways import numbered
from dualwan.model.event import Event
from dualwan.model.plan import SlicePlan
from dualwan.model.state import Health, RunState
from dualwan.result import Plan
from dualwan.slices import Remains, Situation, Slice, drift, goals

if TYPE_CHECKING:
    from dualwan.host.api import Host


def make_plan(
    config: Config | None,
    host: Host,
    event: Event,
    only: Collection[str] | None = None,
    state: RunState | None = None,
) -> Plan:
    """Return the plan for ``event`` on the machine as it is; change nothing.

    ``only``: names of slices, None for all in scope. ``state``: the current run state, None to
    load it. An event that does not concern every slice looks at what is cheap to see of the
    others, and concerns them all if something is missing there. Raises KernelError.
    """
    state = _judged(host.load_state() if state is None else state, config)
    line = _line(config, host, state)
    generation = host.ruleset_generation()
    event = _in_scope(event, host, config, state, line)
    mine = [one for one in goals.concerned(event, slices.ALL) if only is None or one.name in only]
    beyond: list[Slice] = []
    if config is not None and only is None:
        edited = generation not in (None, state.generation)
        beyond = goals.beyond(event, mine, slices.ALL, state, edited=edited)
    read = [*mine, *beyond]
    observed = host.observe(goals.reads(read, config, line.ways, state))
    if config is not None and beyond:
        at = Situation(config, line, state, observed)
        if any(one.bring_up(at).changes for one in beyond):
            upgraded = state.version != __version__
            event = goals.scope(event, state, line.prefix, missing=True, upgraded=upgraded)
            return make_plan(config, host, event, only, state)
    wan = config.wan.interface if config else ""
    plans, up = _plans(config, line, event, mine, Remains(state, observed, wan, line.ways))
    return Plan(
        plans,
        config,
        line,
        state,
        observed,
        up,
        generation,
        complete=len(read) == len(slices.ALL) and all(up.values()),
    )


def _judged(state: RunState, config: Config | None) -> RunState:
    """Return ``state``, with health reset if ``config`` has no probes to revise it."""
    if config is None or config.wan.probe:
        return state
    return replace(state, health=Health())


def _in_scope(
    event: Event, host: Host, config: Config | None, state: RunState, line: Line
) -> Event:
    """Return ``event``, or PREFIX_CHANGED if every slice is concerned (see goals.scope)."""
    of_two = config is not None and config.router.redundant
    lost = drift.tables_missing(state, host.table_names()) or (of_two and state.owes_carried_flows)
    return goals.scope(
        event,
        state,
        line.prefix,
        missing=state.wanted and lost,
        upgraded=state.version != __version__,
        moved=has_moved(line, state.interfaces),
    )


def _plans(
    config: Config | None, line: Line, event: Event, mine: Sequence[Slice], remains: Remains
) -> tuple[tuple[SlicePlan, ...], dict[str, bool]]:
    """Return the plans of the slices ``mine``, removals first, and by name whether each is up."""
    up = goals.goals(event, mine, remains)
    if stands_by(config, remains.state):
        up = goals.in_standby(up, mine, remains)
    plans = [one.take_down(remains) for one in reversed(mine) if not up[one.name]]
    if config is not None:
        at = Situation(config, line, remains.state, remains.observed)
        plans += [one.bring_up(at) for one in mine if up[one.name]]
    return tuple(plans), up


def _line(config: Config | None, host: Host, state: RunState) -> Line:
    if config is None:
        return Line()
    prefixes = () if config.fixed else host.prefixes(config.prefix_source)
    aftr, answers = _aftr(config, host, state, prefixes), _cached_answers(config, host)
    fixed = [one.tunnel for one in config.softwires.values() if one.fixed]
    last = in_use(state, prefixes, config.wan.interface, fixed)
    if last not in prefixes:
        usable = _usable(config, prefixes, answers, aftr)
        prefixes = _by_router(config, host, prefixes, usable, state)
    line = derive_line(config, prefixes, last, answers, aftr)
    line = replace(line, ways=numbered(line.ways, config, state.numbers))
    return located(line, config, host.sessions())


def usable_prefixes(
    config: Config, host: Host, state: RunState, prefixes: tuple[str, ...]
) -> tuple[str, ...]:
    """Return those of ``prefixes`` from which a softwire can be derived."""
    aftr, answers = _aftr(config, host, state, prefixes), _cached_answers(config, host)
    return _usable(config, prefixes, answers, aftr)


def _usable(
    config: Config, prefixes: tuple[str, ...], answers: tuple[CachedAnswer, ...], aftr: str
) -> tuple[str, ...]:
    return tuple(one for one in prefixes if derive_line(config, (one,), "", answers, aftr).softwire)


def _aftr(config: Config, host: Host, state: RunState, prefixes: tuple[str, ...]) -> str:
    """Return the address of DS-Lite's AFTR, "" while it is unknown or for another mode."""
    if not isinstance(config.mape, DsLite):
        return ""
    from dualwan.line.provisioning.aftr import known  # noqa: PLC0415 - only DS-Lite needs it

    return known(config.mape, state, prefixes, host)


def _by_router(
    config: Config,
    host: Host,
    prefixes: tuple[str, ...],
    usable: tuple[str, ...],
    state: RunState,
) -> tuple[str, ...]:
    """Return ``prefixes``, with those that the default router announces first.

    The router is asked only if its answer matters: there are several ``usable`` prefixes, or one
    other than the prefix in use. If the router still announces the prefix in use, that comes first,
    though its address is deprecated: another device on the link did that.
    """
    last = state.prefix
    if not usable or (len(usable) == 1 and last in {"", *usable}):
        return prefixes
    try:
        announced = _announced(host, config.prefix_source, state)
    except HostError:  # without root
        return prefixes
    kept = (last,) if last in announced else ()
    return (*kept, *sorted(prefixes, key=lambda prefix: prefix not in announced))


def _announced(host: Host, device: str, state: RunState) -> tuple[str, ...]:
    """Return the prefixes that the line's routers announce; if none is known, any router's."""
    routers = trusted(state.routers, host.routers(device)) if state.routers else frozenset()
    if not routers:
        return host.router_prefixes(device)
    said = host.announcements(device, routers)
    return tuple(prefix for announced in said.values() for prefix in announced)


def _cached_answers(config: Config, host: Host) -> tuple[CachedAnswer, ...]:
    """Return the saved answers of the line; ask no server."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    from dualwan.line.provisioning.refresh import (  # noqa: PLC0415 - only provisioning needs it
        cached_answers,
    )

    return cached_answers(config, host)
