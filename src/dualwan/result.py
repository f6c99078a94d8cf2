"""The plan of an event over all slices, and the result of a run."""

from __future__ import annotations

from collections.abc import Mapping

from dualwan import slices
from dualwan.config import Config
from dualwan.config.forwards import PPPOE
from dualwan.frozen import dataclass, field, replace
from dualwan.line import Line
from dualwan.model.observed import Observed
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.state import RunState
from dualwan.model.way import Kind, of_kind
from dualwan.nft.table import NftTable
from dualwan.slices import drift
from dualwan.words import say


@dataclass(frozen=True)
class Plan:
    """The plans of the slices in the scope of an event, in the order of applying.

    config: None for a removal without configuration. goals: by slice, True for up.
    generation: of the nft ruleset before it was read, None without the permission.
    complete: whether the plan accounts for every slice, also for those outside its scope.
    """

    slices: tuple[SlicePlan, ...]
    config: Config | None
    line: Line
    state: RunState
    observed: Observed
    goals: Mapping[str, bool]
    generation: int | None = None
    complete: bool = False

    @property
    def changes(self) -> int:
        """The number of steps that change something."""
        return sum(len(item.changes) for item in self.slices)

    @property
    def settled(self) -> bool:
        """Whether nothing is to be changed but what only helps."""
        return not any(item.required for item in self.slices)

    @property
    def is_open(self) -> bool:
        """Whether the table that closes the machine is missing."""
        closing = {one.name for one in slices.ALL if one.closes}
        return any(
            step.action is Action.ADD and isinstance(step.resource, NftTable)
            for item in self.slices
            if item.name in closing
            for step in item.steps
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems that keep a slice from its goal, as sentences."""
        return tuple(text for item in self.slices for text in item.problems)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about drift, and about a line that will probably not work as derived."""
        return (*self.line.warnings, *drift.warnings(self.state, self.observed, self.slices))

    @property
    def unobserved(self) -> tuple[str, ...]:
        """Parts of the machine that could not be observed, as sentences."""
        return tuple(text for item in self.slices for text in item.unobserved)


def session_address(plan: Plan, name: str = PPPOE) -> str:
    """Return the IPv4 address of a PPP session, by the name of its way; "" without one."""
    found = (one.device for one in of_kind(plan.line.ways, Kind.PPP) if one.name == name)
    return plan.observed.address_of(next(found, ""))


@dataclass(frozen=True)
class Result:
    """The outcome of a run.

    plan: the plan at its start. applied: the steps done, in order, each with the name of its slice.
    failures: reasons by name of the slice. left: the plans of slices that still differ. owed: a
    sentence for each auxiliary step that failed; the next run tries again.
    """

    plan: Plan
    applied: tuple[tuple[str, Step], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    left: tuple[SlicePlan, ...] = ()
    owed: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """The number of steps done."""
        return len(self.applied)

    @property
    def closed(self) -> bool:
        """Whether no slice that closes the machine has failed."""
        return not any(one.closes and one.name in self.failures for one in slices.ALL)

    @property
    def closes(self) -> bool:
        """Whether a table that closes the machine was loaded where there was none."""
        closing = {one.name for one in slices.ALL if one.closes}
        return any(
            name in closing and step.action is Action.ADD and isinstance(step.resource, NftTable)
            for name, step in self.applied
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the plan, and the auxiliary steps that the next run has to repeat."""
        return (*self.plan.warnings, *self.owed)

    @property
    def unobserved(self) -> tuple[str, ...]:
        """The unobserved parts of the plan."""
        return self.plan.unobserved

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems of the plan, and the failures."""
        return (*self.plan.problems, *self.failures.values())

    @property
    def slices(self) -> tuple[SlicePlan, ...]:
        """The steps by slice that were done, or had nothing to change."""
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
        """Return the result with ``step`` of the slice ``name`` applied."""
        return replace(self, applied=(*self.applied, (name, step)))

    def owing(self, reason: str) -> Result:
        """Return the result with an auxiliary step that failed for ``reason``."""
        return replace(
            self, owed=(*self.owed, say("{reason}; the next event tries again", reason=reason))
        )

    def failed(self, name: str, reason: str) -> Result:
        """Return the result with a failure of the slice ``name``."""
        return replace(self, failures={**self.failures, name: reason})
