"""Lock, observe, plan, apply, verify: the one path that every event and command takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.errors import HostError, KernelError
from dualwan.host.api import Host
from dualwan.line import Line, derive_line
from dualwan.line.provisioning.answer import Known
from dualwan.model import state
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan, Step
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable
from dualwan.slices import drift, firewall, pbr, snat, tunnel
from dualwan.slices.goals import CONCERNS, NAMES, ORDER, Event, concern, targets

LOCK_SECONDS = 20.0

# A slice is not brought up without the one that it needs: nothing is open before the
# firewall stands, and nothing leaves by the tunnel that would not be translated.
NEEDS = {snat.NAME: firewall.NAME, tunnel.NAME: snat.NAME, pbr.NAME: firewall.NAME}


@dataclass(frozen=True)
class Plan:
    """The plans of all slices that an event concerns, in the order of doing."""

    slices: tuple[SlicePlan, ...]
    config: Config
    line: Line
    observed: Observed
    targets: dict[str, bool]

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
        return (*self.line.warnings, *drift.warnings(self.observed, self.slices))

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return tuple(text for item in self.slices for text in item.unseen)


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
    def warnings(self) -> tuple[str, ...]:
        """What works, but is not as it should be."""
        return self.plan.warnings

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return self.plan.unseen

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way, and what was refused, in words."""
        return (*self.plan.problems, *self.failures.values())

    @property
    def slices(self) -> tuple[SlicePlan, ...]:
        """The steps that were done, and those that had nothing to do, by slice."""
        return tuple(replace(item, steps=(
            *(step for step in item.steps if not step.changes),
            *(step for name, step in self.applied if name == item.name)))
            for item in self.plan.slices)

    def with_step(self, name: str, step: Step) -> Result:
        """Return the result with one more ``step`` done by the slice ``name``."""
        return replace(self, applied=(*self.applied, (name, step)))

    def failed(self, name: str, reason: str) -> Result:
        """Return the result with the failure of the slice ``name``."""
        return replace(self, failures={**self.failures, name: reason})


def make_plan(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Plan:
    """Look at the machine and say what EVENT asks for; changes nothing."""
    memory = host.remembered()
    prefixes = () if config.mape.fixed else host.prefixes(config.prefix_source)
    line = derive_line(config, prefixes, memory.prefix, _known(config, host), memory.aftr)
    lost = memory.wanted and drift.gone(memory.tables, host.standing())
    concerned = [name for name in concern(event, memory, line.prefix, lost).slices
                 if name in only]
    observed = host.observe(config, concerned)
    goals = {name: up for name, up in targets(event, config, observed, concerned).items()
             if name in concerned}
    rising = [item for item in ORDER if goals.get(item.NAME) is True]
    falling = [item for item in reversed(ORDER) if goals.get(item.NAME) is False]
    plans = [item.plan(config, line, observed, goals[item.NAME]) for item in (*falling, *rising)]
    return Plan(tuple(plans), config, line, observed, goals)


def _known(config: Config, host: Host) -> tuple[Known, ...]:
    """What the line said of its rule before; asks nobody."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    from dualwan.line.provisioning.refresh import known  # noqa: PLC0415 - for those who want it

    return known(config, host)


def reconcile(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Result:
    """Bring the slices that ``event`` concerns to their state; return what was done.

    A slice that fails holds back only the slices that need it. Raises KernelError when the
    kernel cannot be seen, BusyError when locked out.
    """
    with host.lock(LOCK_SECONDS):
        plan = make_plan(config, host, event, only)
        if plan.unseen:
            raise KernelError("; ".join(plan.unseen))
        _remember_wish(host, event, only)
        result = _apply_plan(host, Result(plan))
        return _verify(config, host, event, only, result) if plan.changes else result


def _apply_plan(host: Host, result: Result) -> Result:
    """Apply the plan of ``result``; add the steps that were done and the refusals."""
    for item in result.plan.slices:
        need = NEEDS.get(item.name, "")
        if result.plan.targets[item.name] and need in result.failures:
            result = result.failed(item.name, f"{item.name} waits for {need}")
        else:
            result = _apply_slice(host, item, result)
    return result


def _remember_wish(host: Host, event: Event, only: Collection[str]) -> None:
    """Note whether the router is to be up at all, when the event is about the whole of it."""
    wanted = CONCERNS[event].wanted
    memory = host.remembered()
    if wanted is not None and set(only) == set(NAMES) and memory.wanted != wanted:
        host.remember(replace(memory, wanted=wanted))


def _apply_slice(host: Host, item: SlicePlan, result: Result) -> Result:
    """Apply the steps of one slice up to the first refusal, and note each that was done."""
    plan, before = result.plan, host.remembered()
    noted = state.before(before, item, plan.config.mape.tunnel)
    if noted != before:
        host.remember(noted)
    done = noted
    try:
        loses = item.name == snat.NAME and any(step.sign != "+" for step in item.changes)
        counted = host.losses() if loses else Losses()
        for step in item.changes:
            host.apply(step)
            result = result.with_step(item.name, step)
            done = state.after_step(done, item.name, step, _listing(host, step))
        if counted != Losses():  # a new table counts from 0
            done = replace(done, losses=done.losses + counted.beyond(host.losses()))
        done = state.after_slice(done, item.name, plan.targets[item.name], _outcome(plan))
    except HostError as error:
        result = result.failed(item.name, str(error))
    finally:
        if done != noted:
            host.remember(done)
    return result


def _listing(host: Host, step: Step) -> str:
    """How nft lists the table that ``step`` has loaded, "" for any other step."""
    if isinstance(step.resource, NftTable) and step.sign != "-":
        return host.listing(step.resource.family, step.resource.name)
    return ""


def _outcome(plan: Plan) -> state.Outcome:
    softwire = plan.line.softwire
    return state.Outcome(plan.observed.address_of(plan.config.pppoe.interface),
                         str(softwire.ipv4) if softwire else "", plan.line.prefix)


def _verify(config: Config, host: Host, event: Event, only: Collection[str],
            result: Result) -> Result:
    """Verify by planning again.

    Apply a difference once more (PPPoE may have come back meanwhile, with a new device of
    the same name); what still differs is a failure.
    """
    again = make_plan(config, host, event, only)
    if again.changes and not result.failures:
        result = replace(_apply_plan(host, replace(result, plan=again)), plan=result.plan)
        again = make_plan(config, host, event, only)
    left = tuple(item for item in again.slices if item.changes)
    if not result.failures:
        for item in left:
            result = result.failed(item.name, "the kernel did not end as planned: " + "; ".join(
                f"{step.sign} {step.text}" for step in item.changes))
    return replace(result, left=left)
