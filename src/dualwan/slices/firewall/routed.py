"""Addresses that are routed to a way besides its own: who may use them, and who reaches them. Pure.

A new flow from outside is matched by the address that was asked for, before any translation.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.config.routed import Opened
from dualwan.model.way import Way
from dualwan.nft.table import Block, chain, elements, quoted
from dualwan.slices import zones
from dualwan.slices.firewall import services_in

_CHAIN = "routed_"  # and the name of the way
_ASKED_FOR = "ct original ip daddr"


def _networks(ways: Iterable[Way]) -> list[str]:
    return [str(network) for way in ways for network in way.networks]


def from_outside(ways: Iterable[Way]) -> list[str]:
    """Return the rule for what comes from outside with such a source: it belongs inside."""
    networks = _networks(ways)
    return [f"ip saddr {elements(networks)} drop"] if networks else []


def from_inside(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return the rule for what comes from inside with such a source, by no device it is behind."""
    networks = _networks(ways)
    inside = quoted(dict.fromkeys((*config.lan.interfaces, *zones.inside(config))))
    rule = f"iifname {inside} ip saddr {elements(networks)} fib saddr . iif oif missing drop"
    return [rule] if networks else []


def stays(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for what would leave by another way, in flows of any age."""
    return [
        f"oifname {quoted(name for name in zones.not_lan(config, ways) if name != way.device)} "
        f"ip saddr {elements(map(str, way.networks))} drop"
        for way in ways
        if way.networks
    ]


def jumps(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return rules of the forward chain that lead to what is open."""
    return [
        f'iifname "{way.device}" {_asked_for(way)} jump {_CHAIN}{way.name}'
        for way in ways
        if way.name in config.routed and config.routed[way.name].open
    ]


def _asked_for(way: Way) -> str:
    return f"{_ASKED_FOR} {elements(map(str, way.networks))}"


def chains(config: Config, ways: Iterable[Way]) -> list[Block]:
    """Return the chain of each way with what is open; it has no verdict for the rest."""
    return [
        chain(
            f"{_CHAIN}{way.name}",
            *(f"{match} accept" for match in _matches(config.routed[way.name].open)),
            comment=f"what is open of the addresses that are routed to {way.name}",
        )
        for way in ways
        if way.name in config.routed and config.routed[way.name].open
    ]


def for_zone(config: Config, ways: Iterable[Way], verdict: str) -> list[str]:
    """Return rules by which a zone with ``ways`` reaches what is open to all by these."""
    return [
        f"{_asked_for(way)} {match} {verdict}"
        for way in ways
        if way.name in config.routed
        for match in _matches(one for one in config.routed[way.name].open if not one.sources)
    ]


def _matches(opened: Iterable[Opened]) -> list[str]:
    """Return matches, of those with the same addresses and sources together."""
    groups: dict[tuple[tuple[object, ...], tuple[object, ...]], list[Opened]] = {}
    for one in opened:
        groups.setdefault((one.to, one.sources), []).append(one)
    return [
        "".join(
            (
                f"{_ASKED_FOR} {elements(map(str, to))} " if to else "",
                f"ip saddr {elements(map(str, sources))} " if sources else "",
                match,
            )
        )
        for (to, sources), some in groups.items()
        for match in services_in.matches(one.service for one in some)
    ]


def offered(config: Config) -> set[int]:
    """Return the TCP ports that are open."""
    return {
        port.number
        for routed in config.routed.values()
        for one in routed.open
        for port in one.service.ports
        if port.protocol == "tcp"
    }
