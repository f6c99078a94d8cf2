"""Drift: what other programs on this machine did to the router, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dualwan.model.observed import Observed
from dualwan.model.plan import Action, SlicePlan
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable
from dualwan.words import listed, say


def warnings(state: RunState, observed: Observed, plans: Iterable[SlicePlan]) -> tuple[str, ...]:
    """Return a sentence for each missing table of ours, and one about legacy xtables rules."""
    found = [
        say("somebody removed {text}", text=step.resource.text)
        for plan in plans
        for step in plan.changes
        if step.action is Action.ADD
        and isinstance(step.resource, NftTable)
        and step.resource.name in state.tables
    ]
    if observed.legacy:
        found.append(
            say(
                "there are rules of {legacy}, which apply beside ours: move them to "
                "nftables, or take them away",
                legacy=listed(", ", observed.legacy),
            )
        )
    return tuple(found)


def tables_missing(state: RunState, names: Collection[str] | None) -> bool:
    """Whether a table that we loaded is missing from ``names``, the names of all nft tables.

    False if nft could not be queried (``names`` is None).
    """
    return names is not None and not set(state.tables) <= set(names)
