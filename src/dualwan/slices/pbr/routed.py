"""Addresses that are routed to a way besides its own: they leave by it, or not at all. Pure.

A host with such an address is routed by rules for its source: without a mark, so that nothing else
decides about it, whatever way its flow began by. A host that is translated one to one is routed by
a mark, and only in flows that it began: connections that came in by another way are answered by
that.

main has an unreachable route for each network, after any route to hosts. So a packet to an address
without a host does not go back to the provider by the default route, and from there to us again.
Each rule of ours looks in main first, so the tables of ways need no such route.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Network

from dualwan.config import Config
from dualwan.model.resources import MAIN, Resource, Route, RouteRule
from dualwan.model.way import Way
from dualwan.nft.table import elements, quoted
from dualwan.slices import marks, zones
from dualwan.slices.pbr import alone
from dualwan.slices.pbr.alone import AfterMain
from dualwan.slices.slice import Situation
from dualwan.slices.tunnel import LAST_METRIC

_HOST = "/32"


def resources(at: Situation, after_main: AfterMain) -> list[Resource]:
    """Return the routes and rules of the networks; ``after_main``: of slices.pbr."""
    found: list[Resource] = []
    for way in at.ways:
        for network in way.networks:
            by_source = RouteRule(way.priority, way.table, source(network))
            found.append(Route(MAIN, "", LAST_METRIC, str(network)))
            found += alone.or_nothing(at, way, after_main(way, by_source), way.priority + 1)
    return found


def source(network: IPv4Network) -> str:
    """Return the source of a rule for ``network``, as RouteRule has it."""
    return str(network).removesuffix(_HOST)


def sources(ways: Iterable[Way]) -> set[str]:
    """Return the sources of rules for all networks of ``ways``."""
    return {source(network) for way in ways for network in way.networks}


def notes(ways: Iterable[Way]) -> tuple[str, ...]:
    """Return a note for each routed network or address: it, the way, and the translated host.

    For the run state: flows that began before a change would leave with an old address.
    """
    return tuple(
        note
        for way in ways
        for note in (
            *(f"{network} {way.name}" for network in way.networks),
            *(f"{outer} {way.name} {inner}" for outer, inner in way.one_to_one),
        )
    )


def changed(noted: Collection[str] | None, ways: Iterable[Way]) -> set[str]:
    """Return the networks and hosts whose flows have to be deleted after a change of the notes."""
    if noted is None:
        return set()
    found: set[str] = set()
    for note in {*noted} ^ {*notes(ways)}:
        what, _, *host = note.split(" ")
        found |= {what, *host}
    return found


def mark(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return the prerouting rules for such hosts, which precede other rules that mark."""
    known = list(ways)
    networks = [str(network) for way in known for network in way.networks]
    inside = quoted(dict.fromkeys((*config.lan.interfaces, *zones.inside(config))))
    return [
        *([f"ip saddr {elements(networks)} accept"] if networks else []),
        *(
            f"ip saddr {elements(str(inner) for _, inner in way.one_to_one)} "
            f"ct direction original {marks.ours('ct mark')} "
            f"{elements(f'{one:#010x}' for one in (0, marks.of_way(way)))} "
            f"fib daddr type != local fib daddr oifname != {inside} "
            f"{marks.assign('meta mark', marks.of_way_alone(way))} accept"
            for way in known
            if way.one_to_one
        ),
    ]


def leaving(way: Way) -> str:
    """Return the match, with a space after it, of sources outside the way's routed networks."""
    return f"ip saddr != {elements(map(str, way.networks))} " if way.networks else ""
