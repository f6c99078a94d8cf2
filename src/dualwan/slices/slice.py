"""A slice as a value: its two planners and the properties that the program reads. Pure."""

from __future__ import annotations

from collections.abc import Callable

from dualwan.config import Config
from dualwan.frozen import NamedTuple, dataclass
from dualwan.line import Line
from dualwan.model.observed import Observed, TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.state import RunState
from dualwan.model.usage import Losses
from dualwan.model.way import Way


class Situation(NamedTuple):
    """The input of ``Slice.bring_up``."""

    config: Config
    line: Line
    state: RunState
    observed: Observed

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to the IPv4 internet."""
        return self.line.ways


class Remains(NamedTuple):
    """The input of ``Slice.take_down``: evidence of objects that this program made.

    wan: the line's interface. Without a configuration it is "" and there are no ways; names,
    protocol numbers and the run state then identify our objects.
    """

    state: RunState
    observed: Observed
    wan: str = ""
    ways: tuple[Way, ...] = ()


class Counts(NamedTuple):
    """The counters of a slice's nft table, and their meaning.

    elements: name of the set whose elements have a counter each. losses: builds Losses from
    the packets of the named counters, by name, and of those elements, by element.
    """

    elements: str
    losses: Callable[[dict[str, int], dict[str, int]], Losses]


def _no_sysctls(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    del config, ways
    return ()


def _no_flowtable(config: Config) -> tuple[str, ...]:
    del config
    return ()


def _note_nothing_up(state: RunState, situation: Situation) -> RunState:
    del situation
    return state


def _note_nothing_down(state: RunState) -> RunState:
    return state


@dataclass(frozen=True)
class Slice:
    """A part of the machine's state that a run can bring up or take down on its own.

    bring_up, take_down: return the plan.
    needs: name of the slice that must be up first, "" for none. closes: it closes the router, so it
    comes up first and goes only after the WAN is down. serves_ppp: a PPP session needs it even
    while the other slices are down.
    table: its nft table; counts: that table's counters. sysctls: returns the names of the sysctls
    that it may set, or asks for.
    routes, rules: its planners need the routes or rules with our protocol number in Observed;
    ipv6_default: they need to know whether the WAN has an IPv6 default route.
    flowtable: returns the devices that its flowtable would have. optional: it exists only if the
    owner asks for it, and is not mentioned otherwise.
    note_up, note_down: update the run state once all of its steps are done.
    """

    name: str
    bring_up: Callable[[Situation], SlicePlan]
    take_down: Callable[[Remains], SlicePlan]
    needs: str = ""
    closes: bool = False
    serves_ppp: bool = False
    table: TableId | None = None
    counts: Counts | None = None
    sysctls: Callable[[Config, tuple[Way, ...]], tuple[str, ...]] = _no_sysctls
    routes: bool = False
    rules: bool = False
    ipv6_default: bool = False
    flowtable: Callable[[Config], tuple[str, ...]] = _no_flowtable
    optional: bool = False
    note_up: Callable[[RunState, Situation], RunState] = _note_nothing_up
    note_down: Callable[[RunState], RunState] = _note_nothing_down
