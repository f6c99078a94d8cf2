"""The way of a zone to the internet if it may not take the default way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config
from dualwan.config.zones import Zone
from dualwan.model.way import Way
from dualwan.nft.table import Block, chain, quoted
from dualwan.slices import marks, zones

_CHAIN = "zone_way_"  # and the name of the zone


def mark(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return the rule that leads packets of such zones to their chains, with one lookup."""
    return zones.by_zone((zone for zone, _ in _elsewhere(config, ways)), f"jump {_CHAIN}")


def chains(config: Config, ways: Iterable[Way]) -> list[Block]:
    """Return chains that mark packets of such zones to the internet with their first way.

    While that way is down they are routed by the default one, where the firewall drops them.
    Answers are not marked: a flow that came in by the default way is answered by it.
    """
    inside = quoted(zones.inside(config))
    return [
        chain(
            f"{_CHAIN}{zone.name}",
            "ct direction original fib daddr type != local "
            f"fib daddr oifname != {inside} {marks.assign('meta mark', marks.of_way(way))}",
            comment=f"from the zone {zone.name} to the internet: by {way.name}",
        )
        for zone, way in _elsewhere(config, ways)
    ]


def _elsewhere(config: Config, ways: Iterable[Way]) -> Iterator[tuple[Zone, Way]]:
    """Yield each zone that may not take the default way, with its first way that exists."""
    by_name = {way.name: way for way in ways}
    for zone in config.zones:
        mine = [by_name[name] for name in zone.ways if name in by_name]
        if mine and not any(way.default for way in mine):
            yield zone, mine[0]
