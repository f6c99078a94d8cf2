"""The plan of a slice's one nft table. Pure."""

from __future__ import annotations

from dualwan.model.observed import Observed
from dualwan.model.plan import Action, SlicePlan, Step, diff
from dualwan.nft.table import NftTable
from dualwan.words import say


def table_plan(
    name: str,
    wanted: NftTable | None,
    table_name: str,
    observed: Observed,
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps for the table of slice ``name``, and a sentence if nft was unreadable.

    ``wanted`` is None to remove the table. nft lists tables to root only; without the list the plan
    assumes that there are none.
    """
    if observed.tables is None:
        steps = (Step(Action.ADD, wanted),) if wanted else ()
        return steps, (say("{name}: nft shows its tables to root only", name=name),)
    present = [item for item in observed.tables if item.name == table_name]
    return diff([wanted] if wanted else [], present), ()


def only_table(
    name: str, wanted: NftTable | None, table_name: str, observed: Observed
) -> SlicePlan:
    """Return the plan of a slice that owns one nft table and nothing else."""
    steps, unobserved = table_plan(name, wanted, table_name, observed)
    return SlicePlan(name, steps, unobserved=unobserved)
