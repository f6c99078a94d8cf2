"""Addresses that are routed to a way besides its own: who may use them, and who reaches them. Pure.

A new flow from outside is matched by its original destination, which is the host's own address or
translated one to one; so destinations that another program translates are not opened.

slices.pbr sees to it that such a host takes no other way. These rules do too, because the firewall
may stand without slices.pbr: before ifup is through, or for a session that was dialled without
ifup.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.config.routed import Opened
from dualwan.model.way import Way, devices
from dualwan.nft.table import Block, chain, elements, quoted
from dualwan.slices import ipsec, zones
from dualwan.slices.firewall import services_in

_CHAIN = "routed_"  # and the name of the way
_ELSEWHERE = "not_elsewhere"  # no name of a way after _CHAIN
_ASKED_FOR = "ct original ip daddr"


def _networks(ways: Iterable[Way]) -> list[str]:
    return [str(network) for way in ways for network in way.networks]


def from_outside(ways: Iterable[Way]) -> list[str]:
    """Return the rule that drops packets from outside with such a source: it belongs inside."""
    networks = _networks(ways)
    return [f"ip saddr {elements(networks)} drop"] if networks else []


def from_inside(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return rules that drop packets from inside with such a source, by a device it is not behind.

    An address that is translated to a host is no host's own, so as a source inside it is always
    dropped.
    """
    networks, translated = _networks(ways), [one for way in ways for one in _outer(way)]
    inside = quoted(dict.fromkeys((*config.lan.interfaces, *zones.inside(config))))
    rule = f"iifname {inside} ip saddr {elements(networks)} fib saddr . iif oif missing drop"
    return [
        *([rule] if networks else []),
        *([f"iifname {inside} ip saddr {elements(translated)} drop"] if translated else []),
    ]


def _outer(way: Way) -> list[str]:
    return [str(outer) for outer, _ in way.one_to_one]


def _inner(way: Way) -> list[str]:
    return [str(inner) for _, inner in way.one_to_one]


def stays(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules of the forward chain that refuse packets by another way, in flows of any age.

    For a host that is translated: in flows that it began, except to private networks at the WAN,
    and its answers in flows to its public address.
    """
    found = []
    for way in ways:
        elsewhere, refuse = _elsewhere(config, ways, way), f"goto {_ELSEWHERE}"
        if way.networks:
            found.append(f"{elsewhere} ip saddr {elements(map(str, way.networks))} {refuse}")
        if way.one_to_one:
            began = f"ip saddr {elements(_inner(way))} ct direction original {refuse}"
            others = quoted(name for name in devices(ways) if name != way.device)
            to_public = f'"{config.wan.interface}" ip daddr != {zones.lan_networks(config)}'
            found += [
                f"oifname {others} {_clear(config)}{began}",
                f"oifname {to_public} {_clear(config)}{began}",
                f"{elsewhere} {_ASKED_FOR} {elements(_outer(way))} {refuse}",
            ]
    return found


def stays_of_router(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return the same for the output chain, as the router may have such an address itself."""
    return [
        f"{_elsewhere(config, ways, way)} ip saddr {elements(map(str, way.networks))} drop"
        for way in ways
        if way.networks
    ]


def _elsewhere(config: Config, ways: tuple[Way, ...], way: Way) -> str:
    """Return the match of packets that leave, but not by ``way``."""
    others = quoted(name for name in zones.not_lan(config, ways) if name != way.device)
    return f"oifname {others} {_clear(config)}".rstrip()


def _clear(config: Config) -> str:
    """Return the match, with a space after it, of packets that IPsec will not encrypt."""
    return f"{ipsec.NOT_TO_ENCRYPT} " if config.firewall.ipsec == "accept" else ""


def jumps(config: Config, ways: Iterable[Way]) -> list[str]:
    """Return rules of the forward chain that lead to the open services."""
    return [
        f'iifname "{way.device}" {asked_for} jump {_CHAIN}{way.name}'
        for way in ways
        if way.name in config.routed and config.routed[way.name].open
        for asked_for in _asked_for(way)
    ]


def _asked_for(way: Way) -> list[str]:
    """Return matches of packets to such an address that are being forwarded to its host."""
    pairs = [f"{outer} . {inner}" for outer, inner in way.one_to_one]
    return [
        f"ct status ! dnat ip daddr {elements(map(str, way.networks))}",
        *([f"ct status dnat {_ASKED_FOR} . ip daddr {elements(pairs)}"] if pairs else []),
    ]


def chains(config: Config, ways: Iterable[Way]) -> list[Block]:
    """Return the chain of each way with its open services, without a verdict on other packets.

    Also the chain for packets that would leave by another way: it rejects new flows with an error,
    and drops packets of old ones, which may continue by their own way.
    """
    elsewhere = chain(
        _ELSEWHERE,
        "ct state new reject with icmpx no-route",
        "drop",
        comment="has an address that is routed to another way",
    )
    open_ = [
        chain(
            f"{_CHAIN}{way.name}",
            *(f"{match} accept" for match in _matches(config.routed[way.name].open)),
            comment=f"what is open of the addresses that are routed to {way.name}",
        )
        for way in ways
        if way.name in config.routed and config.routed[way.name].open
    ]
    return [elsewhere, *open_] if _networks(ways) else []


def for_zone(config: Config, ways: Iterable[Way], verdict: str) -> list[str]:
    """Return rules by which a zone with ``ways`` reaches services that these open to all."""
    return [
        f"{asked_for} {match} {verdict}"
        for way in ways
        if way.name in config.routed
        for asked_for in _asked_for(way)
        for match in _matches(one for one in config.routed[way.name].open if not one.sources)
    ]


def _matches(opened: Iterable[Opened]) -> list[str]:
    """Return matches, one for all services with the same addresses and sources."""
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
        if not match.startswith("icmpv6")
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
