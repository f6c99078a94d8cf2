"""Findings: as lines for a person, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.model.finding import Finding
from dualwan.report.data import FindingData
from dualwan.words import named, say


def as_data(findings: Iterable[Finding]) -> list[FindingData]:
    """Return the data of --json."""
    return [{"code": one.code, "seen": one.seen, "remedy": one.remedy} for one in findings]


def lines(findings: Iterable[FindingData]) -> list[str]:
    """Return a line for each finding."""
    return [named(say("obstacle: {text}", text=text(one)), one["code"]) for one in findings]


def text(one: FindingData) -> str:
    """Return the finding as a sentence."""
    return named(say("{seen}: {remedy}", seen=one["seen"], remedy=one["remedy"]), one["code"])
