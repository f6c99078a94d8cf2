"""Clamp the MSS of TCP to the MTU of each way, in both directions. Pure.

Only SYN packets carry an MSS, so other packets cost a look at their flags in the forward chain, and
no base chain of its own. nft only ever lowers the value in a packet.
"""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.model.way import Kind, Way
from dualwan.nft.table import Block, chain, commented, elements

_NAME = "mss"
JUMP = f"tcp flags & (syn | rst) == syn jump {_NAME}"
_HEADERS = {"ipv4": 40, "ipv6": 60}  # bytes of IP and TCP


def chains(ways: tuple[Way, ...]) -> list[Block]:
    """Return the chain ``JUMP`` leads to, and one for each way, found with one lookup."""
    by_device = elements(f'"{way.device}" : jump {_of(way)}' for way in ways)
    return [
        chain(
            _NAME,
            f"oifname vmap {by_device}",
            f"iifname vmap {by_device}",
            comment="TCP segments that fit the MTU of the WAN",
        ),
        *(chain(_of(way), *_clamps(way), comment=f"the MTU of {way.name}") for way in ways),
    ]


def _of(way: Way) -> str:
    return f"{_NAME}_{way.name}"


def _clamps(way: Way) -> Iterator[str]:
    """Yield the rule of each family that the way carries."""
    for family, headers in _HEADERS.items():
        if family == "ipv4" or way.kind is Kind.PPP:
            size = way.mtu - headers
            yield commented(
                f"meta nfproto {family} tcp option maxseg size set {size}",
                f"{size} = MTU {way.mtu} - {headers} of headers",
            )
