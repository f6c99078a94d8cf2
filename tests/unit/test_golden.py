"""The golden cases of tests/golden, whose README says how to read, add and rewrite one."""

import re

import pytest
from golden_cases import GOLDEN, compare, nft_cases, plan_cases, shown
from nft_text import difference, folded, reviewable

from dualwan.model.event import Event
from dualwan.model.resources import RTPROT_DUALWAN
from dualwan.planning import make_plan

DATA = GOLDEN.with_name("data")
WHOLE = "128-ports"  # has every map written out; tests/netns/test_translation.py loads it
ROWS = 300  # lines of a file that a person reads
COLUMNS = 220  # of a sentence that no terminal has folded
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def texts(case):
    """Return the nft texts of a case, each by the short name of its table."""
    found = {name.removeprefix("dualwan_"): one.source() for name, one in case.tables.items()}
    return found if case.name == WHOLE else {name: reviewable(one) for name, one in found.items()}


@pytest.mark.parametrize("case", plan_cases(), ids=lambda case: case.name)
def test_the_plan_is_as_written_down(case):
    """Configuration, observed state and event lead to these lines and no others."""
    plan = make_plan(case.config, case.host(), case.event)
    compare(case.folder / "plan.txt", shown(plan))


@pytest.mark.parametrize("case", nft_cases(), ids=lambda case: case.name)
def test_the_nft_texts_are_as_written_down(case):
    """A configuration leads to these tables, to the letter, or to those of its base."""
    base = texts(case.base) if case.base else {}
    for name, text in texts(case).items():
        whole = case.folder / f"{name}.nft"
        if case.base is None or whole.exists():
            compare(whole, folded(text))
            continue
        compare(case.folder / f"{name}.diff", folded(difference(reviewable(base[name]), text)))


def test_every_event_has_a_case():
    """Nothing that can happen goes unwritten."""
    assert {case.event for case in plan_cases()} == {*Event}
    assert RTPROT_DUALWAN == 217, "registered in etc/dualwan.rt_protos.conf"


def test_a_person_can_review_every_file():
    """No long file but the text that is whole, no long line, and none that no case asks for."""
    for path in (*GOLDEN.rglob("*"), *DATA.rglob("*")):
        if path.is_file():
            rows = COLOUR.sub("", path.read_bytes().decode(errors="replace")).splitlines()
            assert max(map(len, rows), default=0) <= COLUMNS, path
            assert len(rows) <= ROWS or path.parent == GOLDEN / "nft" / WHOLE, path
            assert path.parent.name not in {"plan", "nft"}, path
    folders = {*GOLDEN.glob("plan/*"), *GOLDEN.glob("nft/*")}
    assert folders == {case.folder for case in (*plan_cases(), *nft_cases())}
