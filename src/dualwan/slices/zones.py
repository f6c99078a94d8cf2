"""The LAN, the zones of the configuration and the outside, as nft matches. Pure.

Interfaces define a zone. Where WAN and LAN share a NIC, the LAN's IPv4 networks do: the line itself
carries IPv4 only inside the tunnel and PPPoE, so bare IPv4 on that NIC is the LAN's. IPv6 of LAN
hosts on a shared NIC does not pass this router, and counts as outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.config.firewall import IPV6
from dualwan.config.zones import Zone
from dualwan.model.way import Kind, Way, devices, of_kind
from dualwan.nft.table import elements, quoted


def outside(config: Config, ways: Iterable[Way]) -> tuple[str, ...]:
    """Return every interface that leads outside: the WAN and the device of each way."""
    return (config.wan.interface, *devices(ways))


def outside_ipv6(config: Config, ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the outside interfaces that carry IPv6: the WAN and the PPP sessions."""
    return (config.wan.interface, *devices(of_kind(ways, Kind.PPP)))


def one_nic(config: Config) -> str:
    """Return the interface that is both WAN and LAN, "" for none."""
    return config.wan.interface if config.wan.interface in config.lan.interfaces else ""


def not_lan(config: Config, ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the outside interfaces that are not LAN interfaces too."""
    return tuple(name for name in outside(config, ways) if name != one_nic(config))


def by_no_way(config: Config, ways: Iterable[Way]) -> str:
    """Return the nft match, with a space after it, of packets from no outside interface.

    Only hosts inside may hairpin, whatever the ``from`` of a forward: the far end of one way may
    send packets to the address of another one.
    """
    return f"iifname != {quoted(not_lan(config, ways))} "


def lan_only(config: Config) -> tuple[str, ...]:
    """Return the LAN interfaces that are not the WAN too."""
    return tuple(name for name in config.lan.interfaces if name != config.wan.interface)


def inside(config: Config) -> tuple[str, ...]:
    """Return the interfaces of the LAN and of all zones that are not the WAN too."""
    return (*lan_only(config), *(name for zone in config.zones for name in zone.interfaces))


def inside_ipv6(config: Config) -> tuple[str, ...]:
    """Return those of these interfaces whose hosts use IPv6 of the line."""
    return (*lan_only(config), *of_zones(config, IPV6))


def of_zones(config: Config, way: str) -> tuple[str, ...]:
    """Return the interfaces of the zones that may use ``way``, a name or IPV6."""
    return tuple(name for zone in config.zones if way in zone.ways for name in zone.interfaces)


def by_zone(among: Iterable[Zone], verdict: str) -> list[str]:
    """Return the rule that leads packets of a zone to the zone's own chain, with one lookup.

    ``verdict``: "goto" or "jump", and the beginning of the chain's name, before the zone's name.
    """
    found = [f'"{name}" : {verdict}{zone.name}' for zone in among for name in zone.interfaces]
    return [f"iifname vmap {elements(found)}"] if found else []


def lan_networks(config: Config) -> str:
    """Return the LAN's IPv4 networks on a shared NIC, as an nft set."""
    return elements(map(str, config.lan.networks))


def from_lan(config: Config) -> list[str]:
    """Return nft matches that together cover all packets from the LAN."""
    return _from(config, lan_only(config))


def from_inside(config: Config, way: str) -> list[str]:
    """Return nft matches that together cover all packets of hosts that may use ``way``."""
    return _from(config, (*lan_only(config), *of_zones(config, way)))


def _from(config: Config, names: tuple[str, ...]) -> list[str]:
    """Return nft matches of packets from ``names``, and from the LAN on a shared NIC."""
    nic = one_nic(config)
    return [
        *([f"iifname {quoted(names)}"] if names else []),
        *([f'iifname "{nic}" ip saddr {lan_networks(config)}'] if nic else []),
    ]


def to_lan(config: Config) -> list[str]:
    """Return nft matches that together cover all packets to the LAN."""
    names, nic = lan_only(config), one_nic(config)
    return [
        *([f"oifname {quoted(names)}"] if names else []),
        *([f'oifname "{nic}" ip daddr {lan_networks(config)}'] if nic else []),
    ]


def to_outside(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return nft matches that together cover all packets to the outside."""
    nic = one_nic(config)
    return [
        f"oifname {quoted(name for name in outside(config, ways) if name != nic)}",
        *(
            [
                f'oifname "{nic}" ip daddr != {lan_networks(config)}',
                f'oifname "{nic}" meta nfproto ipv6',
            ]
            if nic
            else []
        ),
    ]
