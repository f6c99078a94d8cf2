"""Finders: what on the machine keeps the router from its work, and what to do. Pure.

A finder looks at one subject. A new one is one module, its test and a line in ``ALL``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dualwan.config import Config
from dualwan.findings import bridges, foreign, own_addresses, pppd_hooks, unnamed
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings

Finder = Callable[[Config, Surroundings], Iterable[Finding]]

ALL: tuple[Finder, ...] = (
    pppd_hooks.shadowed,
    own_addresses.forwards_to_router,
    own_addresses.routed_networks,
    foreign.dropping,
    foreign.translating,
    foreign.untracked,
    foreign.marking,
    foreign.offloading,
    bridges.filtered,
    unnamed.unnamed,
)


def find(config: Config, around: Surroundings) -> tuple[Finding, ...]:
    """Return the findings of all finders, in the order of the registry."""
    return tuple(finding for finder in ALL for finding in finder(config, around))
