"""A plan, or the result of a run: as lines for a person, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.catalogue import told
from dualwan.line.role import role_of
from dualwan.model.finding import Finding
from dualwan.model.plan import Action, SlicePlan, Step, shortened
from dualwan.nft.table import NftTable
from dualwan.report.data import PlanData
from dualwan.report.findings import as_data as findings_data
from dualwan.report.findings import lines as findings_lines
from dualwan.report.layout import folded
from dualwan.report.terminal import PLAIN, Terminal
from dualwan.result import Plan, Result
from dualwan.words import say

TAB = "\t"
COLOURS = {"+": "32", "-": "31", "~": "33"}


def text(
    plan: Plan | Result,
    findings: Iterable[Finding],
    everything: bool,
    terminal: Terminal = PLAIN,
    contents: bool = False,
) -> str:
    """Return the plan and all that goes with it; see ``lines``."""
    steps = lines(plan, everything, terminal.colour, contents)
    said = [say("problem: {one}", one=one) for one in plan.problems]
    said += [say("not seen: {one}", one=one) for one in plan.unobserved]
    if not steps and not said:
        said = [say("nothing to do")]
    said += [say("warning: {one}", one=one) for one in plan.warnings]
    said += findings_lines(findings_data(findings))
    sentences = [folded(told(one), terminal.width) for one in said]
    if _role(plan) == "standby":
        standby = say("standby: the other router is the active one; this one is closed")
        steps.insert(0, folded(told(standby), terminal.width))
    return "\n".join([*steps, *sentences])


def lines(
    plan: Plan | Result, everything: bool = True, colour: bool = False, contents: bool = False
) -> list[str]:
    """Return a line for each step, with its sign, under the name of its slice.

    ``everything``: show also steps that change nothing. ``colour``: for a terminal. ``contents``:
    show also the content of an nft table that is added.
    """
    found: list[str] = []
    for item in plan.slices:
        found += _slice_lines(item, everything, colour, contents)
    return found


def _role(plan: Plan | Result) -> str:
    whole = plan.plan if isinstance(plan, Result) else plan
    return role_of(whole.config, whole.state)


def _slice_lines(item: SlicePlan, everything: bool, colour: bool, contents: bool) -> list[str]:
    found = []
    for step in item.steps:
        if step.changes or everything:
            found.append(_painted(f"  {step.sign} {step.text}", step.sign, colour))
            details = (*step.details, *(_content(step) if contents else ()))
            found += [_painted(f"      {line}", line[0], colour) for line in details]
    return [f"{item.name}:", *found] if found else []


def _content(step: Step) -> list[str]:
    """Return the lines of an nft table that is added."""
    if step.action is not Action.ADD or not isinstance(step.resource, NftTable):
        return []
    inner = step.resource.source().splitlines()[1:-1]
    return [shortened(f"+ {line.removeprefix(TAB).replace(TAB, '  ')}") for line in inner]


def _painted(line: str, sign: str, colour: bool) -> str:
    if colour and sign in COLOURS:
        return f"\x1b[{COLOURS[sign]}m{line}\x1b[0m"
    return line


def as_data(plan: Plan | Result, findings: Iterable[Finding] = ()) -> PlanData:
    """Return the data of --json."""
    return {
        "role": _role(plan) or None,
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
        "findings": findings_data(findings),
    }
