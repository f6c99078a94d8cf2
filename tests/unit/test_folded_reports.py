"""A diagnosis, a plan and the answer of `check` on a terminal: broken between words."""

import re

import pytest
from broken_lines import CASES
from golden_cases import plan_case

from dualwan import cells, inspection
from dualwan.config import load
from dualwan.model.finding import Finding
from dualwan.planning import make_plan
from dualwan.report import doctor, plan
from dualwan.report.layout import folded
from dualwan.report.terminal import PLAIN, Terminal

COLOUR = re.compile("\x1b\\[[0-9;]*m")
WIDTHS = (120, 80, 60, 40)


def words(text):
    """Return the words of a text, without its colours."""
    return COLOUR.sub("", text).split()


def widest(text):
    """Return the columns of the longest line."""
    return max(cells.width(COLOUR.sub("", line)) for line in text.splitlines())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_a_diagnosis_keeps_within_the_terminal(case, width):
    """No word is lost, and what goes on does so in the column of the text."""
    outcomes = case.made().diagnose()
    shown = doctor.text(outcomes, everything=True, terminal=Terminal(width, colour=True))
    plain = doctor.text(outcomes, everything=True)
    assert widest(shown) <= width
    assert "".join(words(shown)) == "".join(words(plain))
    later = [line for line in shown.splitlines() if line.startswith(" ")]
    assert all(len(line) - len(line.lstrip()) == 16 for line in later)
    assert width > widest(plain) or later


@pytest.mark.parametrize("width", WIDTHS)
def test_the_sentences_of_a_plan_keep_within_the_terminal(width):
    """Its steps are commands' words and stay as they are; in a pipe each sentence is a line."""
    case = plan_case("first-ifup")
    made = make_plan(case.config, case.host(), case.event)
    found = (Finding("some-code", "what is seen " * 9, "what to do about it " * 9),)
    plain = plan.text(made, found, everything=False)
    sentence = next(line for line in plain.splitlines() if "what is seen" in line)
    shown = plan.text(made, found, everything=False, terminal=Terminal(width))
    at = shown.index(sentence[:20])
    assert shown[:at] == plain[: plain.index(sentence)]
    assert words(shown[at:]) == words(plain[plain.index(sentence) :])
    assert widest(shown[at:]) <= width


def test_the_answer_of_check_keeps_within_the_terminal(config, monkeypatch):
    """Warnings are indented where they go on."""
    found = (Finding("some-code", "what is seen " * 9, "what to do about it"),)
    monkeypatch.setattr(inspection, "findings_in_files", lambda _: found)
    shown = inspection.check(load(config), as_json=False, width=60)
    warning = shown[shown.index("warning:") :].splitlines()
    assert widest("\n".join(warning)) <= 60
    assert [line.startswith("    ") for line in warning] == [False, *(True for _ in warning[1:])]
    assert len(warning) > 1


@pytest.mark.parametrize("text", ["short", "as long as it may be, but not longer"])
def test_what_fits_stays_as_it_is(text):
    """And all does without a terminal."""
    assert folded(text, len(text)) == text
    assert folded(text * 40, None) == text * 40


def test_without_a_terminal_each_check_is_one_line():
    """For grep, and for who mails it."""
    for case in CASES:
        outcomes = case.made().diagnose()
        assert len(doctor.text(outcomes, everything=True, terminal=PLAIN).splitlines()) == len(
            outcomes
        )
