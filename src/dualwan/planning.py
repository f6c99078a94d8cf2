"""A plan: what an event would do to the machine as it is. Nothing is changed."""

from __future__ import annotations

from collections.abc import Collection

from dualwan import __version__, slices
from dualwan.config import Config
from dualwan.config.mape import DsLite, MapE
from dualwan.errors import HostError
from dualwan.host.api import Host
from dualwan.line import Line, derive_line
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.line.session import has_moved, located
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.model.way import Way
from dualwan.result import Plan
from dualwan.slices import Remains, Situation, Slice, drift, goals


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
    state = host.load_state() if state is None else state
    line = _line(config, host, state)
    wan = config.wan.interface if config else ""
    generation = host.ruleset_generation()
    missing = state.wanted and drift.tables_missing(state, host.table_names())
    upgraded = state.version != __version__
    moved = has_moved(line, state.interfaces)
    event = goals.scope(event, state, line.prefix, missing=missing, upgraded=upgraded, moved=moved)
    mine = [one for one in goals.concerned(event, slices.ALL) if only is None or one.name in only]
    beyond: list[Slice] = []
    if config is not None and only is None:
        edited = generation not in (None, state.generation)
        beyond = goals.beyond(event, mine, slices.ALL, state, edited=edited)
    read = [*mine, *beyond]
    observed = host.observe(
        goals.reads(read, wan, _sysctls(config, read, line.ways), line.ways, state)
    )
    if config is not None and beyond:
        at = Situation(config, line, state, observed)
        if any(one.bring_up(at).changes for one in beyond):
            event = goals.scope(event, state, line.prefix, missing=True, upgraded=upgraded)
            return make_plan(config, host, event, only, state)
    remains = Remains(state, observed, wan, line.ways)
    up = goals.goals(event, mine, remains)
    plans = []
    if config is not None:
        at = Situation(config, line, state, observed)
        plans = [one.bring_up(at) for one in mine if up[one.name]]
    removals = [one.take_down(remains) for one in reversed(mine) if not up[one.name]]
    return Plan(
        (*removals, *plans),
        config,
        line,
        state,
        observed,
        up,
        generation,
        complete=len(read) == len(slices.ALL) and all(up.values()),
    )


def _line(config: Config | None, host: Host, state: RunState) -> Line:
    if config is None:
        return Line()
    prefixes = () if config.mape.fixed else host.prefixes(config.prefix_source)
    aftr = ""
    if isinstance(config.mape, DsLite):
        from dualwan.line.provisioning.aftr import known  # noqa: PLC0415 - only DS-Lite needs it

        aftr = known(config.mape, state, prefixes, host)
    answers = _cached_answers(config, host)
    if state.prefix not in prefixes:
        prefixes = _by_router(config, host, prefixes, state.prefix, answers, aftr)
    line = derive_line(config, prefixes, state.prefix, answers, aftr)
    return located(line, config, host.sessions())


def _by_router(  # noqa: PLR0913, PLR0917
    config: Config,
    host: Host,
    prefixes: tuple[str, ...],
    last: str,
    answers: tuple[CachedAnswer, ...],
    aftr: str,
) -> tuple[str, ...]:
    """Return ``prefixes``, those that the default router announces first.

    It is asked only where that can matter: the softwire would follow from one of several, or from
    another than ``last``, the last in use. If the router goes on announcing that one, it is
    returned too: whoever has it deprecated is not the router.
    """
    usable = [one for one in prefixes if derive_line(config, (one,), "", answers, aftr).softwire]
    if not usable or (len(usable) == 1 and last in {"", *usable}):
        return prefixes
    try:
        announced = host.router_prefixes(config.prefix_source)
    except HostError:  # without root
        return prefixes
    kept = (last,) if last in announced else ()
    return (*kept, *sorted(prefixes, key=lambda prefix: prefix not in announced))


def _sysctls(
    config: Config | None, mine: Collection[Slice], ways: tuple[Way, ...]
) -> tuple[str, ...]:
    if config is None:
        return ()
    return tuple(name for one in mine for name in one.sysctls(config, ways))


def _cached_answers(config: Config, host: Host) -> tuple[CachedAnswer, ...]:
    """Return the saved answers of the line; ask no server."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    from dualwan.line.provisioning.refresh import (  # noqa: PLC0415 - only provisioning needs it
        cached_answers,
    )

    return cached_answers(config, host)
