"""Limits of a zone's hosts: services of the router, other zones, the internet. Pure.

A zone has a chain for each hook, which ends in a drop; one lookup of the device's name leads there.
Accepted flows still meet the limits on new flows, of each device and of the whole zone. Sources are
checked before (antispoof).
"""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config, forwards
from dualwan.config.firewall import IPV6
from dualwan.config.zones import LAN, Zone
from dualwan.model.way import Way, devices
from dualwan.nft.table import Block, chain, elements, quoted
from dualwan.slices import dnat, zones
from dualwan.slices.firewall import antispoof, forwarded, icmpv6, lan_flows, routed, services_in

_LOCAL6 = "fc00::/7"  # RFC 4193
_IN, _THROUGH = "zone_in_", "zone_through_"  # and the name of the zone


def to_router(config: Config) -> list[str]:
    """Return the rule of the input chain that leads to the chains of the zones."""
    return zones.by_zone(config.zones, f"goto {_IN}")


def through(config: Config) -> list[str]:
    """Return the rule of the forward chain that leads to the chains of the zones."""
    return zones.by_zone(config.zones, f"goto {_THROUGH}")


def chains(config: Config, ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains of the zones."""
    return [block for zone in config.zones for block in (_in(zone), _of_zone(config, ways, zone))]


def _in(zone: Zone) -> Block:
    accept = lan_flows.accept(zone)
    return chain(
        f"{_IN}{zone.name}",
        *icmpv6.FROM_ZONE,
        *(f"{match} {accept}" for match in services_in.matches(zone.services)),
        "drop",
        comment=f"what the router offers to the zone {zone.name}",
    )


def _of_zone(config: Config, ways: tuple[Way, ...], zone: Zone) -> Block:
    mine = [way for way in ways if way.name in zone.ways]
    accept = lan_flows.accept(zone)
    out = f"oifname {quoted(devices(mine))} {accept}"
    return chain(
        f"{_THROUGH}{zone.name}",
        *([out] if mine else []),
        *(_by_line(config, ways, zone) if IPV6 in zone.ways else []),
        *(f"{match} {accept}" for match in _to_zones(config, zone)),
        *_servers(config, mine, zone),
        "drop",
        comment=f"what the zone {zone.name} may reach: its ways to the internet, and zones",
    )


def _by_line(config: Config, ways: tuple[Way, ...], zone: Zone) -> list[str]:
    """Return the rules for IPv6 of the line: the internet, but no neighbour on the WAN's own link.

    With one NIC such neighbours are hosts of the LAN, and behind a home gateway other hosts of the
    house.
    """
    wan = f'oifname "{config.wan.interface}"'
    near = elements((*antispoof.on_wan_link(ways), _LOCAL6))
    to_lan = LAN in zone.zones and zones.one_nic(config)
    return [
        *([] if to_lan else [f"{wan} ip6 daddr {near} drop"]),
        f"{wan} meta nfproto ipv6 {lan_flows.accept(zone)}",
    ]


def _to_zones(config: Config, zone: Zone) -> Iterator[str]:
    """Yield matches that together cover all packets to the zones that ``zone`` may reach."""
    names = [
        name
        for one in config.zones
        if one.name in (zone.name, *zone.zones)
        for name in one.interfaces
    ]
    yield f"oifname {quoted(names)}"
    if LAN in zone.zones:
        yield from zones.to_lan(config)


def _servers(config: Config, mine: list[Way], zone: Zone) -> list[str]:
    """Return rules for servers that the internet reaches by ways of ``zone``: the zone may too.

    It uses their public addresses, and only forwards open to all: the ``from`` of a forward names
    networks of the internet.
    """
    open_to_all = [
        one
        for way in mine
        for one in forwards.with_via(way.name, config.forwards)
        if not one.sources
    ]
    accept = lan_flows.accept(zone)
    translated = [f"{dnat.servers(open_to_all)} {accept}"] if open_to_all else []
    inside = f"oifname {quoted(zones.inside(config))}"
    return [
        *translated,
        *routed.for_zone(config, mine, accept),
        *(forwarded.pinholes(config, inside, accept) if IPV6 in zone.ways else []),
    ]
