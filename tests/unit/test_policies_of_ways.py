"""[[policy]] beside [way.NAME]: every way can be chosen, and no two marks are the same."""

import pytest
from config_texts import refusal
from machine import BASE, config
from policy_texts import policy
from way_texts import NAMES, many, session

from dualwan.line import derive_line
from dualwan.line.ways import NUMBERS, numbered
from dualwan.slices import marks

EIGHT = many(*NAMES)


def test_a_policy_may_name_any_way():
    """As its way and as its fallback."""
    found = config(EIGHT + policy("a", fallback="f")).policies
    assert [(one.way, one.fallback) for one in found] == [("a", "f")]


@pytest.mark.parametrize("names", [NAMES[:count] for count in range(len(NAMES) + 1)])
def test_marks_of_packets_are_different(names):
    """A way's own, and that of what takes it or nothing; but MAP-E's has none of eight ways."""
    ways = derive_line(config(many(*names))).ways
    alone = [way for way in ways if len(ways) < 8 or not way.default]
    found = [*map(marks.of_way, ways), *map(marks.of_way_alone, alone)]
    assert len({*found}) == len(found)
    assert all(0 < mark <= marks.MASK for mark in found)


def test_the_eighth_number_is_for_eight_ways():
    """Who had it and is one of fewer now gets another one."""
    cfg = config(many("a"))
    ways = numbered(derive_line(cfg).ways, cfg, {"a": NUMBERS[-1]})
    assert ways[-1].number in NUMBERS[:-1]


@pytest.mark.parametrize("fallback", ["none", "pppoe", "a"])
def test_with_eight_ways_what_takes_mape_has_no_other_fallback(fallback):
    """There is no mark for it; with seven there is."""
    one = policy("mape", fallback=fallback)
    _, message = refusal(EIGHT + one)
    assert message.startswith(
        "policy.fallback: with eight ways, a policy by mape can have no other"
    )
    assert config(many(*NAMES[:-1]) + one).policies


def test_each_way_has_the_rules_of_its_policies():
    """The last one's follow those of the others, so with policies the first must be lower."""
    text = BASE.replace("[pppoe]", "[pppoe]\npriority = {}") + session("a", 1) + policy("a")
    line, message = refusal(text.format(32745))
    assert message.startswith("pppoe.priority: must be 32744 at most with [[policy]]")
    assert text.splitlines()[line - 1].startswith("priority")
    assert config(text.format(32744)).policies
