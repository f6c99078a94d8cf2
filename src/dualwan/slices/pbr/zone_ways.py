"""Which way a zone takes to the internet where it may not take the default one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.model.way import Way
from dualwan.nft.table import quoted
from dualwan.slices import marks, zones


def mark(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return rules that mark packets of such zones to the internet with the first of their ways.

    While that way is down they are routed by the default one, where the firewall drops them.
    Answers are not marked: a flow that came in by the default way is answered by it.
    """
    by_name = {way.name: way for way in ways}
    inside = quoted(zones.inside(config))
    rules = []
    for zone in config.zones:
        mine = [by_name[name] for name in zone.ways if name in by_name]
        if mine and not any(way.default for way in mine):
            rules.append(
                f"iifname {quoted(zone.interfaces)} ct direction original fib daddr type != local "
                f"fib daddr oifname != {inside} "
                f"{marks.assign('meta mark', marks.of_way(mine[0]))}"
            )
    return rules
