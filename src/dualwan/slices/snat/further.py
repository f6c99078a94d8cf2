"""Further softwires: each has an address of its own, with all ports. Pure.

The address is known before the tunnel is there, and is the file's, so rules name it. Who uses a
forward from inside (hairpinning) is seen with that address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.model.way import Kind, Way, of_kind
from dualwan.nft.table import Block, elements
from dualwan.slices import dnat, ipsec, zones
from dualwan.slices.snat.names import EGRESS_OF_WAY, WAY_HAIRPIN, WAY_INBOUND


def _further(ways: Iterable[Way]) -> list[Way]:
    return [way for way in of_kind(ways, Kind.SOFTWIRE) if not way.default]


def _addressed(ways: Iterable[Way]) -> list[Way]:
    """Return those with an address that is translated here."""
    return [way for way in _further(ways) if way.softwire and way.softwire.translated]


def addresses(ways: Iterable[Way]) -> list[str]:
    """Return their addresses."""
    return [way.address for way in _addressed(ways)]


def _with_forwards(config: Config, ways: Iterable[Way]) -> Iterator[tuple[Way, list[Forward]]]:
    for way in _addressed(ways):
        if mine := forwards.with_via(way.name, config.forwards):
            yield way, mine


def rules(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for prerouting."""
    inbound = [
        f'iifname "{way.device}" goto {WAY_INBOUND.of(way.name)}'
        for way, _ in _with_forwards(config, ways)
    ]
    return [*inbound, *own_rules(config, ways, zones.by_no_way(config, ways))]


def own_rules(config: Config, ways: tuple[Way, ...], match: str = "") -> list[str]:
    """Return the rules for what comes from the router itself, or what ``match`` is about."""
    return [
        f"ip daddr {way.address} {match}goto {WAY_HAIRPIN.of(way.name)}"
        for way, _ in _with_forwards(config, ways)
    ]


def chains(config: Config, ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains that translate destinations, from outside and from inside."""
    return [
        one
        for way, mine in _with_forwards(config, ways)
        for one in (
            WAY_INBOUND.block(
                f"ip daddr != {way.address} return", *dnat.dnat_rules(mine), of=(way.name,)
            ),
            WAY_HAIRPIN.block(*dnat.dnat_rules(mine, any_source=True), of=(way.name,)),
        )
    ]


def translate(ways: Iterable[Way]) -> list[str]:
    """Return rules for postrouting: what leaves by it has its address."""
    return [f'oifname "{way.device}" snat ip to {way.address}' for way in _addressed(ways)]


def hairpin(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for postrouting: who hairpins has the address too."""
    return [
        f'iifname != "{way.device}" ct status dnat ct original ip daddr {way.address} '
        f"snat ip to {way.address}"
        for way, _ in _with_forwards(config, ways)
    ]


def egress(ways: Iterable[Way]) -> list[str]:
    """Return the first rule of the egress filter: one lookup, however many ways there are."""
    found = [f'"{way.device}" : goto {EGRESS_OF_WAY.of(way.name)}' for way in _further(ways)]
    return [f"oifname vmap {elements(found)}"] if found else []


def egress_chains(config: Config, ways: Iterable[Way], refuse: str) -> list[Block]:
    """Return the chains in which only packets with its address leave by a way."""
    return [
        EGRESS_OF_WAY.block(
            *ipsec.accept(config, ipsec.TO_ENCRYPT), *_wrong(way, refuse), of=(way.name,)
        )
        for way in _further(ways)
    ]


def _wrong(way: Way, refuse: str) -> list[str]:
    if way.softwire is None:
        return [refuse]
    return [f"ip saddr != {way.address} {refuse}"] if way.softwire.translated else []
