"""Finders: what on the machine keeps the router from its work, and what to do. Pure.

A finder looks at one subject. A new one is one module, its test and a line in ``ALL``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dualwan.config import Config
from dualwan.findings import (
    bridges,
    concentrator,
    floods,
    foreign,
    managers,
    offload,
    own_addresses,
    own_scripts,
    ppp_peer,
    ppp_starters,
    pppd_hooks,
    scripts,
    unnamed,
)
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings

Finder = Callable[[Config, Surroundings], Iterable[Finding]]

# About the peer that the configuration names, from files that need no root.
PEER: tuple[Finder, ...] = (ppp_peer.obstacles, ppp_starters.second)
ALL: tuple[Finder, ...] = (
    managers.two_managers,
    managers.foreign,
    managers.second_default,
    pppd_hooks.shadowed,
    scripts.left,
    *PEER,
    own_addresses.forwards_to_router,
    own_addresses.routed_networks,
    concentrator.addresses,
    foreign.dropping,
    foreign.translating,
    foreign.untracked,
    foreign.marking,
    foreign.offloading,
    bridges.filtered,
    unnamed.unnamed,
    floods.floods,
    offload.refused,
    own_scripts.not_run,
    own_scripts.failed,
)


def find(
    config: Config, around: Surroundings, finders: Iterable[Finder] = ALL
) -> tuple[Finding, ...]:
    """Return the findings of ``finders``, in their order."""
    return tuple(finding for finder in finders for finding in finder(config, around))
