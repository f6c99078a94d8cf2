"""The rules of a slice as they are or would be loaded, for `show`. Pure."""

from __future__ import annotations

from dualwan import slices
from dualwan.model.plan import Action, Step
from dualwan.nft.table import NftTable
from dualwan.report.data import RulesData
from dualwan.result import Plan

_STATES = {
    Action.KEEP: "loaded",
    Action.ADD: "not loaded; this is what would be",
    Action.CHANGE: "another one is loaded; this is what would be, and the dry run shows the "
    "difference",
}
_EDITED = "loaded, but another program has changed it; this is what would be loaded again"
_NOT_WANTED = "not to be loaded while this router stands by"
_HIDDEN = "only root can see whether it is loaded"


def as_data(plan: Plan, name: str) -> RulesData:
    """Return the data of --json. ``plan``: of Event.APPLY; ``name``: a slice with an nft table."""
    table = next(one.table for one in slices.ALL if one.name == name and one.table)
    (item,) = (one for one in plan.slices if one.name == name)
    step = next((one for one in item.steps if _table(one, table.name)), None)
    wanted = step.resource if step else NftTable(table.family, table.name)
    assert isinstance(wanted, NftTable)  # noqa: S101 - by _table, for mypy
    state = _state(step) if step else _NOT_WANTED
    return {
        "table": wanted.text,
        "state": _HIDDEN if item.unobserved else state,
        "steps": [
            {"sign": one.sign, "text": one.text, "details": []}
            for one in item.steps
            if one is not step
        ],
        "source": wanted.source() if step else "",
    }


def _table(step: Step, name: str) -> bool:
    return (
        isinstance(step.resource, NftTable)
        and step.resource.name == name
        and step.action is not Action.REMOVE
    )


def _state(step: Step) -> str:
    if isinstance(step.was, NftTable) and not step.was.intact:
        return _EDITED
    return _STATES[step.action]


def text(data: RulesData) -> str:
    """Return the rules as nft reads them, after comments with the slice's other steps."""
    lines = [f"# {step['sign']} {step['text']}" for step in data["steps"]]
    return "\n".join([f"# {data['table']}: {data['state']}", *lines, data["source"].rstrip()])
