"""The pbr slice: routes and rules of PPP sessions."""

import re

from machine import config, plan_of
from plans import PBR, shown

from dualwan.model.observed import Observed
from dualwan.model.resources import MAIN, Address, Route, RouteRule
from dualwan.model.state import RunState
from dualwan.slices import pbr

BY_MARK = (
    RouteRule(99, MAIN, mark=0x01000000, mask=0x0F000000, suppress=7),
    RouteRule(101, 100, mark=0x01000000, mask=0x0F000000),
)
OLD = (RouteRule(99, MAIN, "203.0.113.1", suppress=7), RouteRule(100, 100, "203.0.113.1"))


def test_only_our_bits_of_a_mark_are_touched():
    """Everybody else's bits are kept in each statement that sets a mark."""
    for setting in re.findall(r"mark set .*", PBR.source()):
        assert re.search(r"set (ct|meta) mark & 0xf0ffffff( \| 0x01000000)?$", setting)


def test_the_way_back_follows_the_address():
    """A new address changes its two rules; route, mark and table stay; old flows are forgotten.

    The new rules stand before the old ones go, and main is looked up before the session's table.
    """
    seen = Observed(
        addresses=(Address("ppp0", "203.0.113.2"),),
        tables=(PBR,),
        routes=(Route(100, "ppp0"),),
        rules=(*OLD, *BY_MARK),
    )
    state = RunState(sessions={"pppoe": "203.0.113.1"})
    assert shown(plan_of(pbr, config(), seen, True, state)) == [
        "+ rule 99: from 203.0.113.2 lookup main suppress_prefixlength 7",
        "+ rule 100: from 203.0.113.2 lookup 100",
        "- rule 100: from 203.0.113.1 lookup 100",
        "- rule 99: from 203.0.113.1 lookup main suppress_prefixlength 7",
        "- conntrack entries of 203.0.113.1",
    ]


def test_a_lost_address_takes_its_rule_and_keeps_its_flows():
    """PPPoE may come back with the same address, and downloads go on."""
    seen = Observed(tables=(PBR,), rules=(*OLD, *BY_MARK))
    state = RunState(sessions={"pppoe": "203.0.113.1"})
    assert shown(plan_of(pbr, config(), seen, True, state)) == [
        "- rule 100: from 203.0.113.1 lookup 100",
        "- rule 99: from 203.0.113.1 lookup main suppress_prefixlength 7",
    ]


def test_a_changed_table_number_takes_the_old_one_along():
    """Rules and routes with our protocol number are ours in whatever table they are."""
    seen = Observed(
        addresses=(Address("ppp0", "203.0.113.1"),),
        tables=(PBR,),
        routes=(Route(100, "ppp0"), Route(MAIN, "mape0")),
        rules=(*OLD, *BY_MARK),
    )
    found = shown(plan_of(pbr, config(a="dial = false -> table = 300"), seen, True))
    assert "- route default dev ppp0 table 100" in found
    assert "+ route default dev ppp0 table 300" in found
    assert not any("mape0" in line for line in found)


def test_a_rule_by_source_asks_for_no_mark():
    """It is for every packet of that address, as `ip rule add from` makes it."""
    for rule in OLD:
        assert (rule.mark, rule.mask) == (0, 0)
