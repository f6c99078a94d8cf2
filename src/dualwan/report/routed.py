"""Rows of the policy about the addresses that are routed to a way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dualwan.config import Config
from dualwan.model.way import Way
from dualwan.report.opened import name
from dualwan.report.policy_row import (
    ACCEPTED,
    BY_IPV4,
    EVERYTHING,
    LAN,
    Row,
    by,
    internet_by,
    only,
    service,
    zone_named,
)
from dualwan.words import listed, say


def from_hosts(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield rows for packets of the hosts with such an address."""
    for way in ways:
        device = by(config, way)
        zones = (zone_named(zone.name) for zone in config.zones if way.name in zone.ways)
        where = listed(" or ", (LAN, *zones))
        for network in way.networks:
            result = say("by {way}, untranslated; while it is down refused", way=device)
            yield Row(only(where, [network]), BY_IPV4, EVERYTHING, result)
        for outer, inner in way.one_to_one:
            result = say(
                "by {way}, as {address}; while it is down refused", way=device, address=outer
            )
            yield Row(only(where, [inner]), BY_IPV4, EVERYTHING, result)


def to_hosts(config: Config, way: Way) -> Iterator[Row]:
    """Yield rows for the services that are open on such addresses by ``way``."""
    hosts: dict[object, object] = dict(way.one_to_one)
    routed = config.routed.get(way.name)
    for one in routed.open if routed else ():
        source = only(internet_by(name(config, way)), one.sources)
        for to in one.to or way.networks:
            at = f"{to} ({hosts[to]})" if to in hosts else str(to)
            yield Row(source, at, service(one.service), ACCEPTED)
