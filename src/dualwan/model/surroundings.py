"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dualwan.nft.foreign.chain import Chain


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    unnamed: packets of the last day that our firewall dropped, by the device they came from,
    because no section of the configuration named it; only devices that exist.
    chains: of other programs, each table that has a base chain.
    bridges: the WAN, if it is a bridge whose frames netfilter sees.
    """

    shadowing: tuple[str, ...] = ()
    unnamed: Mapping[str, int] = field(default_factory=dict)
    chains: tuple[Chain, ...] = ()
    bridges: tuple[str, ...] = ()
