"""A plan for a person: lines of = + ~ -, grouped by slice."""

from __future__ import annotations

from typing import Any

from dualwan.model.plan import SlicePlan
from dualwan.reconcile import Plan, Result

COLOURS = {"+": "32", "-": "31", "~": "33"}


def lines(plan: Plan | Result, everything: bool = True, colour: bool = False) -> list[str]:
    """The plan; without EVERYTHING only what changes."""
    found: list[str] = []
    for item in plan.slices:
        found += _slice_lines(item, everything, colour)
    return found


def _slice_lines(item: SlicePlan, everything: bool, colour: bool) -> list[str]:
    found = []
    for step in item.steps:
        if step.changes or everything:
            found.append(_painted(f"  {step.sign} {step.text}", step.sign, colour))
            found += [_painted(f"      {line}", line[0], colour) for line in step.details]
    return [f"{item.name}:", *found] if found else []


def _painted(line: str, sign: str, colour: bool) -> str:
    if colour and sign in COLOURS:
        return f"\x1b[{COLOURS[sign]}m{line}\x1b[0m"
    return line


def as_data(plan: Plan | Result) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "changes": plan.changes,
        "slices": {
            item.name: [
                {"sign": step.sign, "text": step.text, "details": list(step.details)}
                for step in item.steps
            ]
            for item in plan.slices
        },
        "warnings": list(plan.warnings),
        "problems": list(plan.problems),
        "unseen": list(plan.unobserved),
    }
