"""What pytest in the guest wrote down, added up over the guest's boots."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tally:
    """How many tests passed and failed."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.passed + other.passed, self.failed + other.failed)


def read_junit(file: Path) -> Tally:
    """The tally of one pytest run; an error in a fixture counts as a failed test."""
    passed = failed = 0
    root = ET.parse(file).getroot()  # noqa: S314 - written by our own pytest
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        else:
            passed += 1
    return Tally(passed, failed)
