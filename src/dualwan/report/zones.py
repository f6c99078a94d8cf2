"""The zones: rows of the policy, and what `status` says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dualwan.config import Config, forwards
from dualwan.config.firewall import IPV6
from dualwan.config.mape import MapE
from dualwan.config.zones import EVERYTHING, Zone
from dualwan.config.zones import LAN as LANS_NAME
from dualwan.line.ways import routed_to
from dualwan.model.way import Way
from dualwan.report.data import ZoneData
from dualwan.report.opened import name as name_of
from dualwan.report.policy_row import (
    ACCEPTED,
    ANYWHERE,
    BY_IPV6,
    DROPPED,
    FILE_SHARING,
    LAN,
    ROUTER,
    Row,
    by,
    service,
)
from dualwan.slices.firewall.lan_flows import RATE
from dualwan.words import listed, say

_NEEDS = "neighbour discovery"


def rows(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield what the hosts of the zones may reach, and who reaches them."""
    for zone in config.zones:
        yield from _of_zone(config, ways, zone)
    for zone in config.zones:
        yield Row(LAN, _named(zone.name), "everything", ACCEPTED)
        yield Row(ROUTER, _named(zone.name), "everything", ACCEPTED)
        if IPV6 in zone.ways:
            yield Row(BY_IPV6, _named(zone.name), "ping, up to a bound", ACCEPTED)


def _named(name: str) -> str:
    return LAN if name == LANS_NAME else f"zone {name}"


def _of_zone(config: Config, ways: Sequence[Way], zone: Zone) -> Iterator[Row]:
    source, mine = _named(zone.name), [way for way in ways if way.name in zone.ways]
    offered = ", ".join([_NEEDS, *map(service, zone.services)])
    yield Row(source, ANYWHERE, f"a device's new flows beyond {RATE} a second", DROPPED)
    yield Row(source, ROUTER, offered, ACCEPTED)
    for other in (zone.name, *zone.zones):
        yield Row(source, _named(other), "everything", ACCEPTED)
    if config.firewall.smb == "drop":
        yield Row(source, "internet", FILE_SHARING, DROPPED)
    for way in mine:
        shared = way.softwire.port_set if way.softwire else None
        if shared and isinstance(config.mape, MapE) and zone.max_share < EVERYTHING:
            share = f"flows beyond {zone.max_share} % of the ports to one destination"
            yield Row(source, f"internet by {name_of(config, way)}", share, "refused")
        what = "TCP, UDP, ping" if shared else "everything"
        yield Row(source, f"internet by {by(config, way)}", what, ACCEPTED)
        if any(not one.sources for one in forwards.with_via(way.name, config.forwards)):
            public = f"the address of {name_of(config, way)}"
            yield Row(source, public, "forwards that are open to all", ACCEPTED)
        if any(not one.sources for one in routed_to(config, way.name).open):
            public = f"what is routed to {name_of(config, way)}"
            yield Row(source, public, "what is open there to all", ACCEPTED)
    if IPV6 in zone.ways:
        yield Row(source, BY_IPV6, "everything", ACCEPTED)
        if forwards.with_via(forwards.PINHOLE, config.forwards):
            yield Row(source, "IPv6 addresses inside", "forwards", ACCEPTED)
    yield Row(source, ANYWHERE, "all else", DROPPED)


def as_data(config: Config) -> list[ZoneData]:
    """Return the data of --json."""
    return [
        {
            "name": zone.name,
            "interfaces": list(zone.interfaces),
            "services": [one.name for one in zone.services],
            "zones": list(zone.zones),
            "ways": list(zone.ways),
            "max-share": zone.max_share,
        }
        for zone in config.zones
    ]


def words(one: ZoneData) -> str:
    """Return a zone as a line: its interfaces, and what its hosts may reach."""
    reached = [
        say("router: {names}", names=", ".join(one["services"])) if one["services"] else "",
        say("ways: {names}", names=", ".join(one["ways"])) if one["ways"] else "",
        say("zones: {names}", names=", ".join(one["zones"])) if one["zones"] else "",
    ]
    return say(
        "{name} ({interfaces}); {reached}",
        name=one["name"],
        interfaces=", ".join(one["interfaces"]),
        reached=listed("; ", filter(None, reached)) if any(reached) else say("nothing"),
    )
