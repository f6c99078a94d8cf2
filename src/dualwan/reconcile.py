"""Lock, observe, plan, apply, verify: the path of every event and command."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan import __version__, slices
from dualwan import config as configuration
from dualwan.config import Config
from dualwan.errors import ConfigError, HostError, KernelError, RecordError, StaleError
from dualwan.frozen import replace
from dualwan.journal import Journal
from dualwan.model.event import Event
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.state import (
    RunState,
    forget_sysctls,
    note_due,
    note_intent,
    note_owed,
    note_table,
)
from dualwan.model.usage import Losses
from dualwan.model.way import Kind, devices, of_kind
from dualwan.planning import make_plan
from dualwan.result import Plan, Result
from dualwan.slices import Situation, Slice
from dualwan.words import listed, say

if TYPE_CHECKING:
    from dualwan.host.api import Host

LOCK_SECONDS = 20.0


def reconcile(
    config: Config | None,
    host: Host,
    event: Event,
    only: Collection[str] | None = None,
    applied: list[tuple[str, Step]] | None = None,
) -> Result:
    """Bring the slices in the scope of ``event`` to their goals; return the result.

    ``applied`` receives each step once it is done, so that the caller has them even if an error,
    a deadline or Ctrl-C ends the run. A slice that fails holds back only the slices that need
    it. Raises KernelError if the kernel cannot be observed, BusyError if another run holds the
    lock, StaleError if ``config`` is no longer in use, HostError if the lock cannot be taken.
    """
    with host.lock(LOCK_SECONDS):
        journal = Journal(host, [] if applied is None else applied)
        _check_current(config, host, journal.state)
        plan = make_plan(config, host, event, only, journal.state)
        if plan.unobserved:
            raise KernelError(listed("; ", plan.unobserved))
        journal.note(plan.state)
        try:
            if only is None:
                journal.note_wish(event, host.since_boot())
            result = _apply_plan(host, journal, Result(plan))
            if plan.changes:
                result = _verify(host, journal, event, only, result)
            else:
                _note_settled(journal, plan)
            if not result.failures:
                journal.note(_with_version(journal.state, plan))
                journal.note(_with_applied(journal.state, config, event, only))
        finally:
            unsaved = journal.close()
        return result.failed("state", unsaved) if unsaved else result


def _with_version(state: RunState, plan: Plan) -> RunState:
    """Return the state with this program's version, if every slice was brought up by it."""
    every = len(plan.goals) == len(slices.ALL) and all(plan.goals.values())
    return replace(state, version=__version__) if every else state


def _check_current(config: Config | None, host: Host, state: RunState) -> None:
    """Raise StaleError if another configuration is in use by now than when ``config`` was read.

    A trial has begun or ended; or the file has another text, which was applied meanwhile.
    """
    if config is None:
        return
    trial, boot = host.load_trial(), host.boot_id()
    if trial is not None and not trial.allows(config.text, boot):
        raise StaleError(say("a trial of another configuration has begun or ended meanwhile"))
    if trial is not None and trial.is_due(boot):
        return
    if state.applied not in ("", config.text) and text_since(config) == state.applied:
        raise StaleError(say("another configuration was applied meanwhile"))


def text_since(config: Config) -> str:
    """Return the text of the file of ``config`` if it is another one by now; else "".

    Also if it cannot be read, or is wrong, and ``config`` stands in for it.
    """
    try:
        text = configuration.read(Path(config.path))
        if text == config.text:
            return ""
        configuration.from_text(config.path, text)
    except ConfigError:
        return ""
    return text


def _with_applied(
    state: RunState, config: Config | None, event: Event, only: Collection[str] | None
) -> RunState:
    """Return the state with the text of the configuration in force, if ``event`` sets it.

    It is that of ifup, or of a person: what mends has only read it. None is in force after a
    removal, also for who has waited for that and mends; and what another program tells a provider
    from then on is not known.
    """
    if event is Event.REMOVE:
        forgotten = replace(state, applied="", notified_ce="", notified={}, notified_of={})
        return state if only else forgotten
    there = state.wanted or state.tables
    if config is not None and (event.wanted or (there and not state.applied)):
        return replace(state, applied=config.text)
    return state


def _note_settled(journal: Journal, plan: Plan) -> None:
    """Note the generation of the ruleset in which every table was seen as wanted."""
    if plan.complete and plan.settled and plan.generation is not None:
        journal.note(replace(journal.state, generation=plan.generation))


def _apply_plan(host: Host, journal: Journal, result: Result) -> Result:
    """Apply the plan of ``result``; return the result with the steps done and the failures."""
    by_name = {one.name: one for one in slices.ALL}
    for item in result.plan.slices:
        one = by_name[item.name]
        if result.plan.goals[one.name] and one.needs in result.failures:
            result = result.failed(
                one.name, say("{name} waits for {needs}", name=one.name, needs=one.needs)
            )
            continue
        try:
            for step, refusal in _applied(host, journal, one, item, result.plan):
                result = result.owing(refusal) if refusal else result.with_step(one.name, step)
        except HostError as error:
            result = result.failed(one.name, str(error))
    return result


def _applied(
    host: Host, journal: Journal, one: Slice, item: SlicePlan, plan: Plan
) -> Iterator[tuple[Step, str]]:
    """Apply the steps of one slice, and yield each once it is done, with "".

    Raises HostError at the first step that the kernel refuses; the rest of the slice is not tried.
    A refused auxiliary step is noted for the next run and yielded with the reason instead.
    """
    if item.changes:
        own = devices(of_kind(plan.line.ways, Kind.SOFTWIRE))
        journal.note(note_due(journal.state, item))
        journal.note_intent(note_intent(journal.state, item, own))
    counted = (
        _losses(host, one) if any(step.action is not Action.ADD for step in item.changes) else None
    )
    for step in item.changes:
        unrecorded = None
        try:
            host.apply(step)
        except RecordError as error:
            unrecorded = error
        except HostError as error:
            if not step.auxiliary:
                raise
            journal.note(note_owed(journal.state, step))
            yield step, str(error)
            continue
        journal.note_step(one.name, step)
        yield step, ""
        if unrecorded:
            raise unrecorded
    left = _losses(host, one) if counted not in (None, Losses()) else None
    if counted is not None and left is not None:  # the counters of a new table start at 0
        lost = counted.minus(left)
        journal.note(replace(journal.state, losses=journal.state.losses + lost))
    journal.note(_concluded(journal.state, one, plan))


def _losses(host: Host, one: Slice) -> Losses | None:
    """Return the losses that the table of a slice has counted so far; None if it counts none.

    None also if the counters cannot be read: a statistic must not stop a slice.
    """
    if one.table is None or one.counts is None:
        return None
    try:
        found = one.counts.losses(*host.counts(one.table, one.counts.elements))
    except HostError:
        return None
    return found


def _concluded(state: RunState, one: Slice, plan: Plan) -> RunState:
    """Return the run state after all steps of a slice.

    Its table is noted as loaded or not even without a step: an earlier run may have been killed
    before it noted a load, and another program may have removed a table that was to go.
    """
    up = plan.config is not None and plan.goals[one.name]
    if one.table is not None and plan.observed.tables is not None:
        (item,) = (item for item in plan.slices if item.name == one.name)
        state = note_table(state, one.table.name, loaded=item.has_table)
    if plan.config is not None and up:
        return one.note_up(state, Situation(plan.config, plan.line, state, plan.observed))
    return one.note_down(forget_sysctls(state, one.name))


def _verify(
    host: Host, journal: Journal, event: Event, only: Collection[str] | None, result: Result
) -> Result:
    """Verify by planning again; after a failure the kernel is not read a second time.

    Apply a difference once more (a PPP device may have been replaced meanwhile); what still differs
    is a failure, unless the step is auxiliary.
    """
    if result.failures:
        return replace(result, left=_not_applied(result))
    try:
        return _verified(host, journal, event, only, result)
    except KernelError as error:  # the steps are done, and the stages after them can still run
        return result.failed("kernel", say("{error} (at the look after the changes)", error=error))


def _verified(
    host: Host, journal: Journal, event: Event, only: Collection[str] | None, result: Result
) -> Result:
    config, first = result.plan.config, result.plan
    again = make_plan(config, host, event, only, journal.state)
    if not again.settled:
        result = replace(_apply_plan(host, journal, replace(result, plan=again)), plan=first)
        if result.failures:
            return replace(result, left=_not_applied(replace(result, plan=again)))
        again = make_plan(config, host, event, only, journal.state)
    _note_settled(journal, again)
    left = tuple(item for item in again.slices if item.required)
    for item in left:
        result = result.failed(
            item.name,
            say("the kernel did not end as planned: ")
            + "; ".join(f"{step.sign} {step.text}" for step in item.required),
        )
    return replace(result, left=left)


def _not_applied(result: Result) -> tuple[SlicePlan, ...]:
    """Return the steps of the plan that were not done, by slice."""
    rest = (
        replace(
            item,
            steps=tuple(step for step in item.changes if (item.name, step) not in result.applied),
        )
        for item in result.plan.slices
    )
    return tuple(item for item in rest if item.steps)
