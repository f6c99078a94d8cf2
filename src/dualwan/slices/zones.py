"""Which packets are of the LAN, and which lead outside, as nft matches. Pure.

By interface; where the LAN is on the WAN's own wire, by interface and network. There is no
IPv4 of the line itself there but what is in tunnel and PPPoE, so it is the LAN's or nobody's;
IPv6 of LAN hosts there goes its own way, past this router.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.model.way import Kind, Way, devices, of_kind
from dualwan.nft.table import elements, quoted


def outside(config: Config, ways: Iterable[Way]) -> tuple[str, ...]:
    """Return every interface that leads outside: the WAN and those of the ways."""
    return (config.wan.interface, *devices(ways))


def outside_ipv6(config: Config, ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the interfaces by which IPv6 comes and goes: the WAN and PPP sessions."""
    return (config.wan.interface, *devices(of_kind(ways, Kind.PPP)))


def one_nic(config: Config) -> str:
    """The interface that is both WAN and LAN, "" for none."""
    return config.wan.interface if config.wan.interface in config.lan.interfaces else ""


def lan_only(config: Config) -> tuple[str, ...]:
    """The interfaces that are LAN and nothing else."""
    return tuple(name for name in config.lan.interfaces if name != config.wan.interface)


def networks(config: Config) -> str:
    """The LAN's networks on a shared interface."""
    return elements(map(str, config.lan.networks))


def from_lan(config: Config) -> list[str]:
    """Matches for what comes from the LAN, each for a part of it."""
    names, wire = lan_only(config), one_nic(config)
    return [
        *([f"iifname {quoted(names)}"] if names else []),
        *([f'iifname "{wire}" ip saddr {networks(config)}'] if wire else []),
    ]


def to_outside(config: Config, ways: Iterable[Way]) -> list[str]:
    """Matches for what goes out by a WAN, each for a part of it."""
    wire = one_nic(config)
    return [
        f"oifname {quoted(name for name in outside(config, ways) if name != wire)}",
        *(
            [
                f'oifname "{wire}" ip daddr != {networks(config)}',
                f'oifname "{wire}" meta nfproto ipv6',
            ]
            if wire
            else []
        ),
    ]
