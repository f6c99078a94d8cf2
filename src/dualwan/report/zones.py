"""The zones: rows of the policy, and lines of `status`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dualwan.config import Config, forwards
from dualwan.config.firewall import IPV6
from dualwan.config.mape import MapE
from dualwan.config.zones import LAN as LANS_NAME
from dualwan.config.zones import WHOLE, Zone
from dualwan.line.ways import routed_to
from dualwan.model.way import Way
from dualwan.report.data import ZoneData
from dualwan.report.opened import name as name_of
from dualwan.report.policy_row import (
    ACCEPTED,
    ANYWHERE,
    BOUNDED_PING,
    BY_IPV6,
    DROPPED,
    EVERYTHING,
    FILE_SHARING,
    INTERNET,
    LAN,
    REFUSED,
    ROUTER,
    Row,
    by,
    internet_by,
    service,
    zone_named,
)
from dualwan.slices.firewall.lan_flows import RATE, ZONE_RATE
from dualwan.slices.zones import one_nic
from dualwan.words import listed, say


def rows(config: Config, ways: Sequence[Way]) -> Iterator[Row]:
    """Yield rows for the traffic from and to the hosts of the zones."""
    for zone in config.zones:
        yield from _of_zone(config, ways, zone)
    for zone in config.zones:
        yield Row(LAN, _named(zone.name), EVERYTHING, ACCEPTED)
        yield Row(ROUTER, _named(zone.name), EVERYTHING, ACCEPTED)
        if IPV6 in zone.ways:
            yield Row(BY_IPV6, _named(zone.name), BOUNDED_PING, ACCEPTED)


def _named(name: str) -> str:
    return LAN if name == LANS_NAME else zone_named(name)


def _of_zone(config: Config, ways: Sequence[Way], zone: Zone) -> Iterator[Row]:
    source, mine = _named(zone.name), [way for way in ways if way.name in zone.ways]
    flows = say("a device's new flows beyond {rate} a second", rate=RATE)
    yield Row(source, ANYWHERE, flows, DROPPED)
    flows = say("new flows of all beyond {rate} a second", rate=ZONE_RATE)
    yield Row(source, ANYWHERE, flows, DROPPED)
    offered = listed(", ", [say("neighbour discovery"), *map(service, zone.services)])
    yield Row(source, ROUTER, offered, ACCEPTED)
    for other in (zone.name, *zone.zones):
        yield Row(source, _named(other), EVERYTHING, ACCEPTED)
    if config.firewall.smb == "drop":
        yield Row(source, INTERNET, FILE_SHARING, DROPPED)
    for way in mine:
        yield from _by_way(config, way, zone)
    if IPV6 in zone.ways:
        all_of_it = LANS_NAME in zone.zones and one_nic(config)  # the LAN's hosts are on that link
        what = EVERYTHING if all_of_it else say("everything but the WAN's own link")
        yield Row(source, BY_IPV6, what, ACCEPTED)
        if forwards.with_via(forwards.PINHOLE, config.forwards):
            yield Row(source, say("IPv6 addresses inside"), say("forwards"), ACCEPTED)
    yield Row(source, ANYWHERE, say("all else"), DROPPED)


def _by_way(config: Config, way: Way, zone: Zone) -> Iterator[Row]:
    """Yield rows for the traffic of ``zone`` by ``way``."""
    source, its_name = _named(zone.name), name_of(config, way)
    shared = way.softwire.port_set if way.softwire else None
    if shared and isinstance(config.mape, MapE) and zone.max_share < WHOLE:
        share = say(
            "flows beyond {percent} % of the ports to one destination", percent=zone.max_share
        )
        yield Row(source, internet_by(its_name), share, REFUSED)
    what = say("TCP, UDP, ping") if shared else EVERYTHING
    yield Row(source, internet_by(by(config, way)), what, ACCEPTED)
    if any(not one.sources for one in forwards.with_via(way.name, config.forwards)):
        public = say("the address of {way}", way=its_name)
        yield Row(source, public, say("forwards that are open to all"), ACCEPTED)
    if any(not one.sources for one in routed_to(config, way.name).open):
        public = say("what is routed to {way}", way=its_name)
        yield Row(source, public, say("what is open there to all"), ACCEPTED)


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
