"""A diagnosis: as lines for a person, and as data for programs."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan import cells
from dualwan.catalogue import shown, told
from dualwan.doctor import Outcome, Result, is_well
from dualwan.report.data import CheckData, DiagnosisData
from dualwan.report.layout import wrapped
from dualwan.report.terminal import PLAIN, Terminal
from dualwan.words import say

NAMES = {
    Result.FAILED: say("failed"),
    Result.UNCHECKED: say("not checked"),
    Result.OK: say("ok"),
    Result.NOT_APPLICABLE: say("not applicable"),
}
COLOURS = {Result.FAILED: "31", Result.UNCHECKED: "33", Result.OK: "32"}


def text(outcomes: Sequence[Outcome], everything: bool = False, terminal: Terminal = PLAIN) -> str:
    """Return a line for each check that failed or could not be made; "" if there is none.

    ``everything``: for all checks. On a terminal a line is continued in the column of its text.
    """
    return "\n".join(
        line
        for one in outcomes
        if everything or one.answer.result in (Result.FAILED, Result.UNCHECKED)
        for line in _lines(one, terminal)
    )


def _lines(one: Outcome, terminal: Terminal) -> list[str]:
    text = one.answer.seen
    if one.answer.remedy:
        text = say("{seen}: {remedy}", seen=one.answer.seen, remedy=one.answer.remedy)
    bad = one.answer.result in (Result.FAILED, Result.UNCHECKED) and not one.because
    whole = f"{one.check.name}: {told(text) if bad else shown(text)}"
    word = cells.padded(shown(NAMES[one.answer.result]), _width())
    first, *later = wrapped(word, whole, terminal.width, _width())
    if terminal.colour and one.answer.result in COLOURS:
        first = f"\x1b[{COLOURS[one.answer.result]}m{word}\x1b[0m{first.removeprefix(word)}"
    return [first, *later]


def _width() -> int:
    return max(cells.width(shown(name)) for name in NAMES.values()) + 2


def as_data(outcomes: Sequence[Outcome]) -> DiagnosisData:
    """Return the data of --json."""
    failed = [one.check.name for one in outcomes if one.answer.result is Result.FAILED]
    return {
        "well": is_well(tuple(outcomes)),
        "first": failed[0] if failed else None,
        "checks": [_check(one) for one in outcomes],
    }


def _check(one: Outcome) -> CheckData:
    return {
        "name": one.check.name,
        "checks": one.check.what,
        "result": one.answer.result.value,
        "seen": one.answer.seen,
        "remedy": one.answer.remedy,
        "because": one.because or None,
    }
