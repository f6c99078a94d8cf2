"""Lock, observe, plan, apply, verify: the one path that every event and command takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from dualwan import slices
from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.errors import HostError, KernelError, RecordError
from dualwan.host.api import Host
from dualwan.journal import Journal
from dualwan.line import Line, derive_line
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.model.event import Event
from dualwan.model.observed import Observed
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.state import RunState, forget_sysctls, note_intent
from dualwan.model.usage import Losses
from dualwan.model.way import Kind, Way, devices, of_kind
from dualwan.slices import Remains, Situation, Slice, drift, goals

LOCK_SECONDS = 20.0


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


@dataclass(frozen=True)
class Result:
    """What a run has done.

    plan: what it set out to do. applied: the steps that were done, each with its slice, in
    the order of doing. failures: why a slice failed, by its name. left: what another run
    would still have to do.
    """

    plan: Plan
    applied: tuple[tuple[str, Step], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    left: tuple[SlicePlan, ...] = ()

    @property
    def changes(self) -> int:
        """How many steps were done."""
        return len(self.applied)

    @property
    def closed(self) -> bool:
        """Whether what closes the machine has not failed."""
        return not any(one.closes and one.name in self.failures for one in slices.ALL)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works, but is not as it should be."""
        return self.plan.warnings

    @property
    def unobserved(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return self.plan.unobserved

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way, and what was refused, in words."""
        return (*self.plan.problems, *self.failures.values())

    @property
    def slices(self) -> tuple[SlicePlan, ...]:
        """The steps that had nothing to do, and those that were done, by slice."""
        return tuple(
            replace(
                item,
                steps=(
                    *(step for step in item.steps if not step.changes),
                    *(step for name, step in self.applied if name == item.name),
                ),
            )
            for item in self.plan.slices
        )

    def with_step(self, name: str, step: Step) -> Result:
        """Return the result with one more ``step`` done by the slice ``name``."""
        return replace(self, applied=(*self.applied, (name, step)))

    def failed(self, name: str, reason: str) -> Result:
        """Return the result with the failure of the slice ``name``."""
        return replace(self, failures={**self.failures, name: reason})


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


def reconcile(
    config: Config | None,
    host: Host,
    event: Event,
    only: Collection[str] | None = None,
    applied: list[tuple[str, Step]] | None = None,
) -> Result:
    """Bring the slices that ``event`` concerns to their state; return what was done.

    ``applied`` gets each step as soon as it is done: it has them also where the run is cut
    short by an error, a deadline or a person. A slice that fails holds back only the slices
    that need it. Raises KernelError when the kernel cannot be seen, BusyError when locked out.
    """
    with host.lock(LOCK_SECONDS):
        journal = Journal(host, [] if applied is None else applied)
        plan = make_plan(config, host, event, only, journal.state)
        if plan.unobserved:
            raise KernelError("; ".join(plan.unobserved))
        try:
            if only is None:
                journal.note_wish(event)
            result = _apply_plan(host, journal, Result(plan))
            if plan.changes:
                result = _verify(host, journal, event, only, result)
        finally:
            unsaved = journal.close()
        return result.failed("state", unsaved) if unsaved else result


def _apply_plan(host: Host, journal: Journal, result: Result) -> Result:
    """Apply the plan of ``result``; add the steps that were done and the refusals."""
    by_name = {one.name: one for one in slices.ALL}
    for item in result.plan.slices:
        one = by_name[item.name]
        if result.plan.goals[one.name] and one.needs in result.failures:
            result = result.failed(one.name, f"{one.name} waits for {one.needs}")
            continue
        try:
            for step in _applied(host, journal, one, item, result.plan):
                result = result.with_step(one.name, step)
        except HostError as error:
            result = result.failed(one.name, str(error))
    return result


def _applied(
    host: Host, journal: Journal, one: Slice, item: SlicePlan, plan: Plan
) -> Iterator[Step]:
    """Apply the steps of one slice up to the first refusal; yield each that was done.

    Raises HostError for the one that was refused.
    """
    if item.changes:
        own = devices(of_kind(plan.line.ways, Kind.SOFTWIRE))
        journal.note_intent(note_intent(journal.state, item, own))
    counted = (
        _losses(host, one)
        if any(step.action is not Action.ADD for step in item.changes)
        else Losses()
    )
    for step in item.changes:
        unrecorded = None
        try:
            host.apply(step)
        except RecordError as error:
            unrecorded = error
        journal.note_step(one.name, step)
        yield step
        if unrecorded:
            raise unrecorded
    if counted != Losses():  # a new table counts from 0
        lost = counted.minus(_losses(host, one))
        journal.note(replace(journal.state, losses=journal.state.losses + lost))
    journal.note(_concluded(journal.state, one, plan))


def _losses(host: Host, one: Slice) -> Losses:
    """Return what the table of a slice has counted so far."""
    if one.table is None or one.counts is None:
        return Losses()
    return one.counts.losses(*host.counts(one.table, one.counts.elements))


def _concluded(state: RunState, one: Slice, plan: Plan) -> RunState:
    """Return the state once all steps of a slice are done."""
    if plan.config is not None and plan.goals[one.name]:
        return one.note_up(state, Situation(plan.config, plan.line, state, plan.observed))
    return one.note_down(forget_sysctls(state, one.name))


def _verify(
    host: Host, journal: Journal, event: Event, only: Collection[str] | None, result: Result
) -> Result:
    """Verify by planning again.

    Apply a difference once more (PPPoE may have come back meanwhile, with a new device of
    the same name); what still differs is a failure.
    """
    config, first = result.plan.config, result.plan
    again = make_plan(config, host, event, only, journal.state)
    if again.changes and not result.failures:
        result = replace(_apply_plan(host, journal, replace(result, plan=again)), plan=first)
        again = make_plan(config, host, event, only, journal.state)
    left = tuple(item for item in again.slices if item.changes)
    for item in left if not result.failures else ():
        result = result.failed(
            item.name,
            "the kernel did not end as planned: "
            + "; ".join(f"{step.sign} {step.text}" for step in item.changes),
        )
    return replace(result, left=left)
