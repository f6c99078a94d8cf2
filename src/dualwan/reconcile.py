"""Lock, observe, plan, apply, verify: the one path that every event and command takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from dualwan import notes
from dualwan.config import Config
from dualwan.errors import KernelError
from dualwan.host.protocol import Host
from dualwan.observed import Observed
from dualwan.plan import SlicePlan
from dualwan.resources import Table
from dualwan.targets import CONCERNS, NAMES, ORDER, Event, targets

LOCK_SECONDS = 20.0


@dataclass(frozen=True)
class Plan:
    """The plans of all slices that an event concerns, in the order of doing."""

    slices: tuple[SlicePlan, ...]
    observed: Observed
    targets: dict[str, bool]

    @property
    def changes(self) -> int:
        """How many steps would do something."""
        return sum(len(item.changes) for item in self.slices)

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way."""
        return tuple(text for item in self.slices for text in item.problems)

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return tuple(text for item in self.slices for text in item.unseen)


def make_plan(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Plan:
    """Look at the machine and say what EVENT asks for; changes nothing."""
    concerned = [name for name in CONCERNS[event].slices if name in only]
    observed = host.observe(config, concerned)
    goals = {name: up for name, up in targets(event, config, observed).items()
             if name in concerned}
    rising = [item for item in ORDER if goals.get(item.NAME) is True]
    falling = [item for item in reversed(ORDER) if goals.get(item.NAME) is False]
    plans = [item.plan(config, observed, goals[item.NAME]) for item in (*falling, *rising)]
    return Plan(tuple(plans), observed, goals)


def reconcile(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Plan:
    """Bring the slices that EVENT concerns to their state; returns what was done.

    Raises KernelError where the kernel refused, where a slice could not be planned, or
    where the state afterwards is not the planned one; BusyError when locked out.
    """
    with host.lock(LOCK_SECONDS):
        plan = make_plan(config, host, event, only)
        if plan.unseen:
            raise KernelError("; ".join(plan.unseen))
        _remember_wish(host, event, only)
        for item in plan.slices:
            if not item.problems:
                _apply(config, host, item, plan)
        if plan.problems:
            raise KernelError("; ".join(plan.problems))
        if plan.changes:
            _verify(config, host, event, only)
        return plan


def _remember_wish(host: Host, event: Event, only: Collection[str]) -> None:
    """Note whether the router is to be up at all, when the event is about the whole of it."""
    wanted = CONCERNS[event].wanted
    memory = host.remembered()
    if wanted is not None and set(only) == set(NAMES) and memory.wanted != wanted:
        host.remember(replace(memory, wanted=wanted))


def _apply(config: Config, host: Host, item: SlicePlan, plan: Plan) -> None:
    memory = host.remembered()
    noted = notes.before(memory, item, config.mape.tunnel)
    if noted != memory:
        host.remember(noted)
    for step in item.changes:
        host.apply(step)
    listings = {step.resource.name: host.listing(step.resource.family, step.resource.name)
                for step in item.changes
                if isinstance(step.resource, Table) and step.sign != "-"}
    pppoe = plan.observed.address_of(config.pppoe.interface)
    done = notes.after(noted, item, plan.targets[item.name], pppoe, listings)
    if done != noted:
        host.remember(done)


def _verify(config: Config, host: Host, event: Event, only: Collection[str]) -> None:
    """Look again: whatever would still change was not done, or was undone by somebody."""
    left = [step.text for item in make_plan(config, host, event, only).slices
            for step in item.changes]
    if left:
        raise KernelError("the kernel did not end as planned: " + "; ".join(left))
