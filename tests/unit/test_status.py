"""The words of `status`: how a slice stands, and how long ago something was."""

import pytest
from config_texts import BY_RULE
from machine import Machine, config

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import Route, RouteRule, Sysctl
from dualwan.planning import make_plan
from dualwan.report import status, status_text

NEW, OLD = Route(254, "mape0"), RouteRule(100, 100, "203.0.113.7")
KEPT, SET = Step(Action.KEEP, NEW), Step(Action.ADD, NEW)
GONE, CHANGED = Step(Action.REMOVE, OLD), Step(Action.CHANGE, Sysctl("net/ipv4/ip_forward", "1"))


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((), "in order"),
        ((KEPT,), "in order"),
        ((SET,), "absent"),
        ((SET, CHANGED), "absent"),  # a sysctl is there before us
        ((SET, KEPT), "differs"),
        ((CHANGED, KEPT), "differs"),
        ((GONE,), "differs"),
        ((GONE, KEPT), "differs"),
        ((GONE, SET), "differs"),
    ],
)
def test_how_a_slice_stands(steps, state):
    """Absent is only what has nothing of ours in place; something too much is no absence."""
    found = status._slice(SlicePlan("tunnel", steps))  # noqa: SLF001 - a word of as_data()
    assert found["state"] == state
    assert found["pending"] == [f"{step.sign} {step.text}" for step in steps if step.sign != "="]


def test_what_is_not_seen_is_unknown():
    """Whatever would be planned without looking."""
    for steps in ((), (SET,), (KEPT,)):
        plan = SlicePlan("snat", steps, unobserved=("nft shows its tables to root only",))
        assert status._slice(plan)["state"] == "unknown"  # noqa: SLF001 - see above


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (60, "60 s"),
        (119, "119 s"),
        (120, "2 minutes"),
        (3600, "60 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (86400, "24 hours"),
        (172799, "47 hours"),
        (172800, "2 days"),
        (864000, "10 days"),
    ],
)
def test_an_age_is_told_in_the_largest_unit_of_which_there_are_two(seconds, words):
    """So that nobody reads "1 hours", nor "1 days" of what is nearly two days old."""
    assert status_text._age(seconds) == words  # noqa: SLF001 - a word of text()


def test_a_line_whose_parameters_are_known_waits_for_no_prefix():
    """Given by hand, say; a prefix is waited for only where the CE follows from it."""
    cfg, by_rule = config(), from_text("f", BY_RULE)
    for given, waits in ((cfg, False), (by_rule, True)):
        plan = make_plan(given, Machine("wan0", "lan0"), Event.MEND)
        found = status._waiting(given, plan, watched=True)  # noqa: SLF001 - a part of as_data()
        assert bool(found) is waits
