"""Addresses that are routed to a way besides its own: not translated, or one to one. Pure.

The way's own address is for all other hosts. A LAN host that is translated is also reached from the
LAN by its public address (hairpinning); the client is then translated to an address of the router.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.model.way import Way
from dualwan.nft.table import elements, quoted
from dualwan.slices import zones


def rules(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for prerouting: translate packets from inside and from the way itself only."""
    return [
        f"iifname != {quoted(name for name in zones.not_lan(config, ways) if name != way.device)} "
        f"dnat ip to ip daddr map {elements(f'{outer} : {inner}' for outer, inner in pairs)}"
        for way in ways
        if (pairs := way.one_to_one)
    ]


def translate(ways: Iterable[Way]) -> list[str]:
    """Return rules for postrouting, before those that translate all else to the way's address.

    An address that stays the same is translated to itself, or the kernel would run other programs'
    nat chains.
    """
    lines = []
    for way in ways:
        by_way = f'oifname "{way.device}"'
        if way.networks:
            itself = elements(f"{one} : {one}" for one in way.networks)
            lines.append(f"{by_way} snat ip prefix to ip saddr map {itself}")
        if way.one_to_one:
            pairs = elements(f"{inner} : {outer}" for outer, inner in way.one_to_one)
            lines.append(f"{by_way} snat ip to ip saddr map {pairs}")
    return lines


def hairpin(ways: Iterable[Way]) -> list[str]:
    """Return rules for postrouting: masquerade hairpin connections, so that answers come back."""
    return [
        f'iifname != "{way.device}" ct status dnat '
        f"ct original ip daddr {elements(str(outer) for outer, _ in way.one_to_one)} masquerade"
        for way in ways
        if way.one_to_one
    ]


def own(way: Way) -> str:
    """Return the source addresses that may leave by a softwire with an address."""
    if not way.networks:
        return way.address
    return elements((way.address, *map(str, way.networks)))
