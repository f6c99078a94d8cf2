"""What may go where of the addresses that are routed to a way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dualwan.config import Config
from dualwan.model.way import Way
from dualwan.report.opened import name
from dualwan.report.policy_row import ACCEPTED, LAN, Row, by, service

_OR_NOTHING = "; while it is down refused"


def from_hosts(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield rows for what hosts with such an address send."""
    for way in ways:
        zones = (f"zone {zone.name}" for zone in config.zones if way.name in zone.ways)
        where = " or ".join((LAN, *zones))
        for who, how in (
            *((str(network), "untranslated") for network in way.networks),
            *((str(inner), f"as {outer}") for outer, inner in way.one_to_one),
        ):
            result = f"by {by(config, way)}, {how}{_OR_NOTHING}"
            yield Row(f"{where}, {who}", "internet by IPv4", "everything", result)


def to_hosts(config: Config, way: Way) -> Iterator[Row]:
    """Yield rows for what is open of them by ``way``."""
    hosts: dict[object, object] = dict(way.one_to_one)
    routed = config.routed.get(way.name)
    for one in routed.open if routed else ():
        only = "".join(f", {network}" for network in one.sources)
        for to in one.to or way.networks:
            at = f"{to} ({hosts[to]})" if to in hosts else str(to)
            yield Row(f"internet by {name(config, way)}{only}", at, service(one.service), ACCEPTED)
