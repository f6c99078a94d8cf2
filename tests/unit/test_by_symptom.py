"""docs/by-symptom.md has a row for each finding and each check of doctor, and no others.

Nor has the Japanese one beside it.
"""

import ast
import re
from pathlib import Path

import pytest

from dualwan import doctor
from dualwan.doctor import machine
from dualwan.findings import own_addresses
from dualwan.model.finding import NOTICES, Finding
from dualwan.notice import choice

ROOT = Path(__file__).parents[2]
COLUMNS = ["you see", "run first", "cause", "remedy", "name"]
COLUMNS_JA = ["症状", "まず実行する", "原因", "対処", "名前"]
WORDS_JA = {"check ": "検査", "finding ": "障害", ", ": "、"}
HOOKSD = "hooksd-"


def cells(line):
    """Return the cells of a row."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows(page, columns):
    """Return the rows of all tables of ``page``, but for their heads, which are ``columns``."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    return [found for line in lines if line.startswith("| ") and (found := cells(line)) != columns]


ROWS = rows("docs/by-symptom.md", COLUMNS)
ROWS_JA = rows("docs/by-symptom.ja.md", COLUMNS_JA)


def in_japanese(name):
    """Return the last cell of a row as the Japanese page has it."""
    for word, japanese in WORDS_JA.items():
        name = name.replace(word, japanese)
    return name


def named(kind):
    """Return the names of ``kind`` in the last column, each as often as it is there."""
    return [name for row in ROWS for name in re.findall(rf"{kind} `([A-Za-z0-9.-]+)`", row[-1])]


def refusals():
    """Return the codes with which choice.refusal and the folder refuse a script."""
    found = set()
    for path in (Path(choice.__file__), ROOT / "src/dualwan/host/notice/folder.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                found.add(node.args[1].value)
    return {HOOKSD + code for code in found}


def codes():
    """Return the code of each finding that the source makes."""
    found = set()
    for path in (ROOT / "src/dualwan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Finding":
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant):
                found.add(code.value)
            elif isinstance(code, ast.Name):
                found.add(getattr(own_addresses, code.id))
            else:
                assert ast.unparse(code) == f"f'{HOOKSD}{{one.code}}'", path
                found |= refusals()
    return found


def test_the_source_has_the_findings_that_it_calls_notices():
    """What this file finds in the source is not less than what the program itself lists."""
    assert codes() > NOTICES
    assert {"foreign-drop", "configuration-wrong", "forward-to-router"} < codes()


def test_each_finding_has_its_row_and_no_other():
    """Once, under its code."""
    assert sorted(named("finding")) == sorted(codes())


def test_each_check_has_a_row_and_no_other():
    """At least one, under its name."""
    assert set(named("check")) == {check.name for check in doctor.ALL}


def test_the_japanese_page_has_the_same_rows():
    """Each with its command and its name at the same place."""
    assert [in_japanese(row[-1]) for row in ROWS] == [row[-1] for row in ROWS_JA]
    assert [row[1] for row in ROWS] == [row[1] for row in ROWS_JA]


@pytest.mark.parametrize("row", [*ROWS, *ROWS_JA], ids=lambda row: row[-1] or row[0])
def test_each_row_says_what_to_run_and_what_to_do(row):
    """No cell but the name is empty, and the command is one."""
    assert len(row) == len(COLUMNS)
    assert all(row[:-1])
    assert re.fullmatch(r"`[^`]+`", row[1])


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "finding" in row[-1]], ids=lambda row: row[-1]
)
def test_a_check_beside_a_finding_is_the_one_that_shows_it(row):
    """Doctor puts the finding into that check."""
    for check in re.findall(r"check `([a-z0-9-]+)`", row[-1]):
        for code in re.findall(r"finding `([a-z0-9-]+)`", row[-1]):
            assert machine.group_of(Finding(code, "", "")) == check
