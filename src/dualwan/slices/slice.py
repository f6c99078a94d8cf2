"""A slice as a value: all that the rest of the program has to know of it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dualwan.config import Config
from dualwan.line import Line
from dualwan.model.observed import Observed, TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.state import RunState
from dualwan.model.usage import Losses
from dualwan.model.way import Way


class Situation(NamedTuple):
    """All that the plan of a slice that is to be up follows from."""

    config: Config
    line: Line
    state: RunState
    observed: Observed

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to the IPv4 internet."""
        return self.line.ways


class Remains(NamedTuple):
    """All that the plan of a slice that is to go follows from: what is known of our own things.

    wan: the line's interface. Without a configuration it is "" and there are no ways: tags
    and the run state tell what is ours.
    """

    state: RunState
    observed: Observed
    wan: str = ""
    ways: tuple[Way, ...] = ()


class Counts(NamedTuple):
    """What the table of a slice counts.

    elements: the set whose elements have a counter each. losses: what the packets of named
    counters and of those elements mean.
    """

    elements: str
    losses: Callable[[dict[str, int], dict[str, int]], Losses]


def _no_sysctls(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    del config, ways
    return ()


def _as_before(state: RunState, situation: Situation) -> RunState:
    del situation
    return state


def _as_it_was(state: RunState) -> RunState:
    return state


@dataclass(frozen=True)
class Slice:
    """A part of the machine's state that one run can bring up or take down on its own.

    bring_up, take_down: the plan of either.
    needs: the slice without which it is not brought up. closes: it shuts the machine, so it
    is the first one up, and goes only after the WAN is down. serves_ppp: PPP sessions need it
    even where the rest is down.
    table: its nft table; counts: what that counts. sysctls: names of those that it may set.
    routes, rules: it reads ours; ipv6_default: it asks for the WAN's IPv6 default route.
    note_up, note_down: what it leaves in the run state once all of its steps are done.
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
    note_up: Callable[[RunState, Situation], RunState] = _as_before
    note_down: Callable[[RunState], RunState] = _as_it_was
