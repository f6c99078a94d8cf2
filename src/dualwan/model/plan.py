"""Plans: the steps from the observed to the desired state. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from dualwan.frozen import dataclass
from dualwan.model.resources import (
    Address,
    Advertisement,
    CarriedFlows,
    Flows,
    InboundFlows,
    Resource,
    Route,
    RouteRule,
    Solicitation,
    Sysctl,
    Tunnel,
)
from dualwan.nft.table import NftTable

LONGEST = 240  # letters of a line in a printed plan


class Action(Enum):
    """The action of a step on its resource.

    KEEP: nothing, the resource is as desired. RESTORE: set a sysctl to its original value.
    """

    KEEP = "keep"
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    RESTORE = "restore"

    @property
    def sign(self) -> str:
        """The action as the first letter of a printed step."""
        return _SIGNS[self]


_SIGNS = {
    Action.KEEP: "=",
    Action.ADD: "+",
    Action.CHANGE: "~",
    Action.REMOVE: "-",
    Action.RESTORE: "-",
}


@dataclass(frozen=True)
class Step:
    """A step of a plan: an action on a resource. was: the resource before a change."""

    action: Action
    resource: Resource
    was: Resource | None = None

    @property
    def sign(self) -> str:
        """The action as the first letter of a printed step: = + ~ -."""
        return self.action.sign

    @property
    def changes(self) -> bool:
        """Whether the step changes anything."""
        return self.action is not Action.KEEP

    @property
    def auxiliary(self) -> bool:
        """Whether the step is auxiliary: the state of the router does not depend on it.

        If it fails, the remaining steps are still done, and the next run tries again.
        """
        return isinstance(
            self.resource, Flows | InboundFlows | Solicitation | Advertisement | CarriedFlows
        )

    @property
    def text(self) -> str:
        """The step as printed, without sign."""
        if isinstance(self.resource, Sysctl) and isinstance(self.was, Sysctl):
            back = " (as it was before)" if self.action is Action.RESTORE else ""
            return f"sysctl {self.resource.name} {self.was.value} -> {self.resource.value}{back}"
        if self.action is not Action.CHANGE or self.was is None:
            return self.resource.text
        if isinstance(self.was, NftTable) and not self.was.intact:
            return f"{self.resource.text} (somebody changed it)"
        if isinstance(self.resource, NftTable):
            return self.resource.text
        return f"{self.was.text} -> {self.resource.text}"

    @property
    def details(self) -> tuple[str, ...]:
        """The lines in which a changed nft table differs, each with its sign."""
        if self.action is not Action.CHANGE or not isinstance(self.resource, NftTable):
            return ()
        import difflib  # noqa: PLC0415 - only a person asks for the lines

        old = self.was.source().splitlines() if isinstance(self.was, NftTable) else []
        lines = difflib.unified_diff(old, self.resource.source().splitlines(), n=0, lineterm="")
        return tuple(
            shortened(f"{line[0]} {line[1:].strip()}")
            for line in lines
            if not line.startswith(("---", "+++", "@@"))
        )


def shortened(line: str) -> str:
    """Return ``line``, its middle elided if it is too long (a map of 63 port ranges)."""
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST * 2 // 3]} ... {line[-LONGEST // 4 :]}"


@dataclass(frozen=True)
class SlicePlan:
    """The steps of one slice, in the order of execution.

    problems: sentences on obstacles to the rest of the goal; the steps are executed nevertheless.
    unobserved: sentences on state that could not be read, about which the plan may be wrong.
    """

    name: str
    steps: tuple[Step, ...] = ()
    problems: tuple[str, ...] = ()
    unobserved: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps without KEEP."""
        return tuple(step for step in self.steps if step.changes)

    @property
    def has_table(self) -> bool:
        """Whether an nft table is loaded once all steps are done."""
        return any(
            isinstance(step.resource, NftTable) and step.action is not Action.REMOVE
            for step in self.steps
        )

    @property
    def required(self) -> tuple[Step, ...]:
        """The changes that are not auxiliary."""
        return tuple(step for step in self.changes if not step.auxiliary)


def diff(desired: Sequence[Resource], present: Iterable[Resource]) -> tuple[Step, ...]:
    """Return the steps from ``present`` to ``desired``.

    First remove tunnels and tables that go, and what is on such a tunnel; then do the rest, in the
    order of ``desired``; last remove addresses, routes and rules, so that each packet finds the old
    one or the new one. Removals are in reverse order.
    """
    observed = {resource.key: resource for resource in present}
    kept = {resource.key for resource in desired}
    gone = [item for key, item in reversed(list(observed.items())) if key not in kept]
    devices = {item.name for item in gone if isinstance(item, Tunnel)}
    late = [
        item
        for item in gone
        if isinstance(item, RouteRule)
        or (isinstance(item, Address | Route) and item.device not in devices)
    ]
    steps = [Step(Action.REMOVE, item) for item in gone if item not in late]
    for resource in desired:
        was = observed.get(resource.key)
        if was is None:
            steps.append(Step(Action.ADD, resource))
        elif was == resource:
            steps.append(Step(Action.KEEP, resource))
        else:
            steps.append(Step(Action.CHANGE, resource, was))
    return (*steps, *(Step(Action.REMOVE, item) for item in late))


def sysctl_steps(desired: Sequence[Sysctl], observed: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the steps that set sysctls, without those that do not exist in ``observed``."""
    steps = []
    for sysctl in desired:
        if sysctl.name in observed:
            was = Sysctl(sysctl.name, observed[sysctl.name])
            steps.append(
                Step(Action.KEEP, sysctl) if was == sysctl else Step(Action.CHANGE, sysctl, was)
            )
    return tuple(steps)


def restore_steps(
    originals: Mapping[str, str], kept: Iterable[str], observed: Mapping[str, str]
) -> tuple[Step, ...]:
    """Return the steps that restore ``originals`` except ``kept``, last set first."""
    keep = set(kept)
    return tuple(
        Step(Action.RESTORE, Sysctl(name, value), Sysctl(name, observed[name]))
        for name, value in reversed(list(originals.items()))
        if name not in keep and name in observed and observed[name] != value
    )


def flow_steps(addresses: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps that delete the conntrack entries of ``addresses``, "" for none."""
    return tuple(
        Step(Action.REMOVE, Flows(address)) for address in sorted(set(addresses)) if address
    )
