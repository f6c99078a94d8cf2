"""Further softwires: each has an address of its own, with all ports. Pure.

The configuration gives the address, so it is known before the tunnel exists, and rules can name it.
A client that uses a forward from inside (hairpinning) is translated to that address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.model.way import Kind, Way, of_kind
from dualwan.nft.table import Block, elements
from dualwan.slices import dnat, ipsec, zones
from dualwan.slices.snat import routed
from dualwan.slices.snat.names import EGRESS_OF_WAY, WAY_HAIRPIN, WAY_INBOUND


def _further(ways: Iterable[Way]) -> list[Way]:
    return [way for way in of_kind(ways, Kind.SOFTWIRE) if not way.default]


def _addressed(ways: Iterable[Way]) -> list[Way]:
    """Return the further softwires whose address is translated here."""
    return [way for way in _further(ways) if way.softwire and way.softwire.translated]


def addresses(ways: Iterable[Way]) -> list[str]:
    """Return the addresses of these softwires."""
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
    """Return the rules for packets of the router itself, or for those of ``match``."""
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
    """Return rules for postrouting: translate packets that leave by a way to its address."""
    return [f'oifname "{way.device}" snat ip to {way.address}' for way in _addressed(ways)]


def hairpin(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for postrouting: translate hairpin connections to the way's address too."""
    return [
        f'iifname != "{way.device}" ct status dnat ct original ip daddr {way.address} '
        f"snat ip to {way.address}"
        for way, _ in _with_forwards(config, ways)
    ]


def egress(ways: Iterable[Way]) -> list[str]:
    """Return the first rule of the egress filter: one lookup, whatever the number of ways."""
    found = [f'"{way.device}" : goto {EGRESS_OF_WAY.of(way.name)}' for way in _further(ways)]
    return [f"oifname vmap {elements(found)}"] if found else []


def egress_chains(config: Config, ways: Iterable[Way], refuse: str) -> list[Block]:
    """Return the chains that let packets leave by a way only with its address."""
    return [
        EGRESS_OF_WAY.block(
            *ipsec.accept(config, ipsec.TO_ENCRYPT), *wrong(way, refuse), of=(way.name,)
        )
        for way in _further(ways)
    ]


def wrong(way: Way, refuse: str) -> list[str]:
    """Return the rules for packets that a softwire cannot carry: they have an address of another.

    Where the other end translates, hosts have their own; what was translated here is of a flow by
    another way.
    """
    if way.softwire is None:
        return [refuse]
    if way.softwire.translated:
        return [f"ip saddr != {routed.own(way)} {refuse}"]
    elsewhere = f"ip saddr != {way.address}"
    return [
        f"{elsewhere} ct status snat {refuse}",
        f"{elsewhere} ct status dnat ct direction reply {refuse}",
    ]
