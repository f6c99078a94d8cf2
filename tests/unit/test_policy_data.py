import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
RULES = tomllib.loads((TESTS / "policy" / "scripts.toml").read_text())["rule"]
LINES = [
    words
    for line in (TESTS / "policy" / "matrix.txt").read_text().splitlines()
    if (words := line.split("#")[0].split())
]
ROWS = [words[0] for words in LINES]


def test_rows_have_names_of_their_own_and_every_column():
    """A row that is named elsewhere is one row, and none lacks a word."""
    assert len(ROWS) == len(set(ROWS)) > 300
    assert {len(words) for words in LINES} == {10}


def test_no_row_stands_twice_with_different_results():
    """The same packet with the same configuration has one fate."""
    packets = [tuple(words[1:8]) for words in LINES]
    assert len(packets) == len(set(packets))


def test_each_setup_is_used_and_known():
    """The setups of the rows are those of the file of setups."""
    setups = tomllib.loads((TESTS / "policy" / "setups.toml").read_text())
    assert {words[1] for words in LINES} == set(setups)


@pytest.mark.parametrize(
    "rule", RULES, ids=[f"{rule['script']} {rule['rule'][:40]}" for rule in RULES]
)
def test_each_rule_of_the_scripts_is_covered(rule):
    """By rows and tests that exist, or it says why by none."""
    assert rule["script"] in ("mape.sh", "pppoe.sh", "text")
    assert set(rule.get("rows", [])) <= set(ROWS)
    for name in rule.get("tests", []):
        file, function = name.split("::")
        assert f"def {function}(" in (TESTS / "netns" / file).read_text()
    assert rule.get("rows") or rule.get("tests") or rule["remark"]
    assert set(rule) <= {"script", "rule", "rows", "tests", "remark"}
