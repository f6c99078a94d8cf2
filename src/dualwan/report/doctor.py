"""A diagnosis: as lines for a person, and as data for programs."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.doctor import Outcome, Result, is_well
from dualwan.report.data import CheckData, DiagnosisData

COLOURS = {Result.FAILED: "31", Result.UNCHECKED: "33", Result.OK: "32"}
WIDTH = max(len(result.value) for result in Result) + 2


def text(outcomes: Sequence[Outcome], everything: bool = False, colour: bool = False) -> str:
    """Return a line for each check that failed or could not be made; "" if there is none.

    ``everything``: for all checks.
    """
    return "\n".join(
        _line(one, colour)
        for one in outcomes
        if everything or one.answer.result in (Result.FAILED, Result.UNCHECKED)
    )


def _line(one: Outcome, colour: bool) -> str:
    word = f"{one.answer.result.value:{WIDTH}}"
    if colour and one.answer.result in COLOURS:
        word = f"\x1b[{COLOURS[one.answer.result]}m{word}\x1b[0m"
    remedy = f": {one.answer.remedy}" if one.answer.remedy else ""
    return f"{word}{one.check.name}: {one.answer.seen}{remedy}"


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
