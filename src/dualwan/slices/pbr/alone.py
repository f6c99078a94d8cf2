"""Rules for packets that leave by one way or not at all. Pure.

A way's first mark leads to the default route while the way is down (slices.pbr). Its second one
leads by that way alone: meanwhile packets with this mark are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dualwan.frozen import replace
from dualwan.model.resources import NO_TABLE, RouteRule
from dualwan.model.way import Way
from dualwan.slices import marks
from dualwan.slices.slice import Situation
from dualwan.slices.tunnel import carries

AfterMain = Callable[[Way, RouteRule], list[RouteRule]]


def default(ways: Iterable[Way]) -> str:
    """Return the name of the default way."""
    return next((way.name for way in ways if way.default), "")


def rules(at: Situation, after_main: AfterMain) -> list[RouteRule]:
    """Return the rules for each such mark; ``after_main``: of slices.pbr.

    The marks are set by policies, and for hosts that are translated one to one.
    """
    names = {
        name
        for one in at.config.policies
        if one.fallback != default(at.ways)
        for name in (one.way, one.fallback)
    }
    names |= {way.name for way in at.ways if way.one_to_one}
    found: list[RouteRule] = []
    for way in at.ways:
        if way.name in names:
            mark = marks.of_way_alone(way)
            by_way = RouteRule(way.priority + 1, way.table, mark=mark, mask=marks.MASK)
            found += or_nothing(at, way, after_main(way, by_way), way.priority + 2)
    return found


def or_nothing(at: Situation, way: Way, by_way: list[RouteRule], priority: int) -> list[RouteRule]:
    """Return ``by_way``, a rule for main and one for the way, and then one that rejects the rest.

    The rule for a default way that a failover has replaced is left out: its device exists only for
    old flows.
    """
    main, last = by_way
    nowhere = replace(last, priority=priority, table=NO_TABLE)
    replaced = any(one.stands_in for one in at.ways) and not carries(at.state, at.observed)
    return [main, nowhere] if way.default and replaced else [main, last, nowhere]
