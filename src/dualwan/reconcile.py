"""Lock, observe, plan, apply, verify: the one path that every event and command takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dualwan.config import Config
from dualwan.errors import KernelError
from dualwan.host.api import Host
from dualwan.line import Derived, from_prefixes
from dualwan.line.provisioning.answer import Known
from dualwan.model import state
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan
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
    observed: Observed
    targets: dict[str, bool]
    line: Derived
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """How many steps would do something."""
        return sum(len(item.changes) for item in self.slices)

    @property
    def problems(self) -> tuple[str, ...]:
        """What stands in the way, and what the kernel refused."""
        found = [text for item in self.slices for text in item.problems]
        return (*found, *self.failures.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works, but is not as it should be."""
        return (*self.line.warnings, *drift.warnings(self.observed, self.slices))

    @property
    def unseen(self) -> tuple[str, ...]:
        """What the kernel did not show."""
        return tuple(text for item in self.slices for text in item.unseen)


def make_plan(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Plan:
    """Look at the machine and say what EVENT asks for; changes nothing."""
    memory = host.remembered()
    prefixes = host.prefixes(config.prefix_source) if config.mape.softwire is None else ()
    line = from_prefixes(config, prefixes, memory.prefix, _known(config, host),
                         memory.aftr)
    config = line.config
    lost = memory.wanted and drift.gone(memory.tables, host.standing())
    concerned = [name for name in concern(event, memory, line.prefix, lost).slices
                 if name in only]
    observed = host.observe(config, concerned)
    goals = {name: up for name, up in targets(event, config, observed, concerned).items()
             if name in concerned}
    rising = [item for item in ORDER if goals.get(item.NAME) is True]
    falling = [item for item in reversed(ORDER) if goals.get(item.NAME) is False]
    plans = [item.plan(config, observed, goals[item.NAME]) for item in (*falling, *rising)]
    return Plan(tuple(plans), observed, goals, line)


def _known(config: Config, host: Host) -> tuple[Known, ...]:
    """What the line said of its rule before; asks nobody."""
    if not config.mape.provisioning:
        return ()
    from dualwan.line.provisioning.refresh import known  # noqa: PLC0415 - for those who want it

    return known(config, host)


def reconcile(config: Config, host: Host, event: Event,
              only: Collection[str] = NAMES) -> Plan:
    """Bring the slices that EVENT concerns to their state; returns what was done.

    A slice that fails is told in `failures` and holds back only the slices that need it.
    Raises KernelError when the kernel cannot be seen, BusyError when locked out.
    """
    with host.lock(LOCK_SECONDS):
        plan = make_plan(config, host, event, only)
        if plan.unseen:
            raise KernelError("; ".join(plan.unseen))
        _remember_wish(host, event, only)
        failures = _carry_out(host, plan)
        if plan.changes and not failures:
            failures = _settle(config, host, event, only)
        return replace(plan, failures=failures)


def _carry_out(host: Host, plan: Plan) -> dict[str, str]:
    """Do the steps of PLAN; why it failed, by slice."""
    failures: dict[str, str] = {}
    for item in plan.slices:
        if plan.targets[item.name] and NEEDS.get(item.name) in failures:
            failures[item.name] = f"{item.name} waits for {NEEDS[item.name]}"
            continue
        try:
            _apply(host, item, plan)
        except KernelError as error:
            failures[item.name] = str(error)
    return failures


def _remember_wish(host: Host, event: Event, only: Collection[str]) -> None:
    """Note whether the router is to be up at all, when the event is about the whole of it."""
    wanted = CONCERNS[event].wanted
    memory = host.remembered()
    if wanted is not None and set(only) == set(NAMES) and memory.wanted != wanted:
        host.remember(replace(memory, wanted=wanted))


def _apply(host: Host, item: SlicePlan, plan: Plan) -> None:
    config = plan.line.config
    memory = host.remembered()
    noted = state.before(memory, item, config.mape.tunnel)
    if noted != memory:
        host.remember(noted)
    loses = item.name == snat.NAME and any(step.sign != "+" for step in item.changes)
    counted = host.losses() if loses else Losses()
    for step in item.changes:
        host.apply(step)
    listings = {step.resource.name: host.listing(step.resource.family, step.resource.name)
                for step in item.changes
                if isinstance(step.resource, NftTable) and step.sign != "-"}
    mape = config.mape.softwire
    outcome = state.Outcome(plan.observed.address_of(config.pppoe.interface),
                            str(mape.ipv4) if mape else "", plan.line.prefix, listings)
    done = state.after(noted, item, plan.targets[item.name], outcome)
    if counted != Losses():  # a new table counts from 0
        done = replace(done, losses=done.losses + counted.beyond(host.losses()))
    if done != noted:
        host.remember(done)


def _settle(config: Config, host: Host, event: Event, only: Collection[str]) -> dict[str, str]:
    """Look again: what moved meanwhile is done once more, and what differs then has failed.

    PPPoE may come back while its end is dealt with, with a new device of the same name.
    """
    again = make_plan(config, host, event, only)
    if again.changes:
        if failures := _carry_out(host, again):
            return failures
        again = make_plan(config, host, event, only)
    return {item.name: "the kernel did not end as planned: "
                       + "; ".join(f"{step.sign} {step.text}" for step in item.changes)
            for item in again.slices if item.changes}
