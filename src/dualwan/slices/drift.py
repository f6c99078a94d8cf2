"""What others on this machine do that concerns the router, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan
from dualwan.nft.table import NftTable


def warnings(observed: Observed, plans: Iterable[SlicePlan]) -> tuple[str, ...]:
    """Tables of ours that somebody removed since they were loaded, and iptables-legacy."""
    loaded = observed.memory.tables
    found = [f"somebody removed {step.resource.text}" for plan in plans for step in plan.changes
             if step.sign == "+" and isinstance(step.resource, NftTable)
             and step.resource.name in loaded]
    if observed.legacy:
        found.append(f"there are rules of {', '.join(observed.legacy)}, which apply beside ours: "
                     "move them to nftables, or take them away")
    return tuple(found)


def gone(loaded: Iterable[str], standing: Iterable[str] | None) -> bool:
    """Whether somebody has removed any of the tables LOADED; None: nobody can tell."""
    return standing is not None and not set(loaded) <= set(standing)
