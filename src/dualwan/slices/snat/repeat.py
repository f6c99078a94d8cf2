"""A jump that is made many times, as nft has no loop. Pure.

A chain makes eight jumps, another jumps to that one eight times, and so on. A thousand jumps one
after the other would do the same, but libnftables takes some kilobytes to read each rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.nft.table import Block
from dualwan.slices.snat.names import Chain

FACTOR = 8  # a thousand jumps take some forty rules, and four of netfilter's sixteen jump levels


def jumps(one: str, many: Chain, of: str, count: int) -> list[list[str]]:
    """Return rules that together jump ``count`` times to the chain ``one``.

    They are grouped by the chain that they jump to, the shortest first, so that a caller may put a
    test between the groups and skip the rest. ``many``: the chains of `chains`, with ``of`` in
    their names.
    """
    groups = [(_name(one, many, of, size), count // size % FACTOR) for size in _sizes(count)]
    return [[f"jump {name}"] * times for name, times in groups if times]


def chains(one: str, many: Chain, of: str, count: int) -> list[Block]:
    """Return the chains that `jumps` needs, for ``count`` or less."""
    return [
        many.block(*[f"jump {_name(one, many, of, size // FACTOR)}"] * FACTOR, of=(of, size))
        for size in _sizes(count)
        if size > 1
    ]


def _sizes(count: int) -> Iterator[int]:
    """Yield the powers of FACTOR up to ``count``."""
    size = 1
    while size <= count:
        yield size
        size *= FACTOR


def _name(one: str, many: Chain, of: str, size: int) -> str:
    return many.of(of, size) if size > 1 else one
