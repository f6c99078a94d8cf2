"""LAN hosts that take PPPoE by `via-pppoe`, and what they have while it is down."""

import re

import pytest
from machine import BASE, Machine, config, marks_of, pending, run

from dualwan.model.event import Event
from dualwan.model.resources import Route, RouteRule
from dualwan.slices import marks
from dualwan.slices.tunnel import LAST_METRIC

CHOSEN = BASE.replace(
    'interfaces = ["lan0"]',
    """interfaces = ["lan0"]
via-pppoe = ["192.168.1.20/32", "192.168.2.0/24"]
fallback = "{}\"""",
)
BY_PPPOE, NOWHERE = Route(100, "ppp0"), Route(100, "", LAST_METRIC)
BY_ADDRESS = RouteRule(100, 100, "203.0.113.7")
PPPOE_MARK, MAPE_MARK, MASK = 0x01000000, 0x03000000, 0x0F000000
BY_MARK = RouteRule(101, 100, mark=PPPOE_MARK, mask=MASK)


def table_100(machine):
    """Return the routes of PPPoE's own table."""
    return {route for route in machine.state.routes if route.table == BY_PPPOE.table}


def to_table_100(machine):
    """Return the rules that lead there."""
    return {rule for rule in machine.state.rules if rule.table == BY_PPPOE.table}


@pytest.mark.parametrize(
    ("word", "down", "up"), [("mape", set(), {BY_PPPOE}), ("none", {NOWHERE}, {BY_PPPOE, NOWHERE})]
)
def test_what_chosen_hosts_have_while_pppoe_is_down(word, down, up):
    """With "none" nothing: their table leads nowhere, so that they do not go on to MAP-E's.

    With "mape" their table is empty and the next rule, main's, has the default route.
    """
    cfg, machine = config(CHOSEN.format(word)), Machine("wan0", "lan0")
    assert run(machine, cfg, Event.UP) == []
    assert (table_100(machine), to_table_100(machine)) == (down, {BY_MARK})
    machine.connect("203.0.113.7")
    assert run(machine, cfg, Event.PPP_UP) == []
    assert (table_100(machine), to_table_100(machine)) == (up, {BY_MARK, BY_ADDRESS})
    assert pending(machine, cfg, Event.APPLY) == []
    machine.unplug("ppp0")
    assert run(machine, cfg, Event.PPP_DOWN) == []
    assert (table_100(machine), to_table_100(machine)) == (down, {BY_MARK})
    assert run(machine, cfg, Event.REMOVE) == []
    assert (table_100(machine), machine.state.rules) == (set(), ())


def test_the_way_out_goes_before_the_way_nowhere():
    """By its metric: both stand in one table while PPPoE is up."""
    assert BY_PPPOE.metric < NOWHERE.metric


def test_nowhere_is_for_chosen_hosts_only():
    """Without `via-pppoe` the word has no meaning, and nothing of it is there."""
    text = CHOSEN.format("none").replace('via-pppoe = ["192.168.1.20/32", "192.168.2.0/24"]\n', "")
    machine = Machine("wan0", "lan0")
    assert run(machine, config(text), Event.UP) == []
    assert table_100(machine) == set()


def test_the_word_is_changed_while_pppoe_is_down():
    """Applied, it holds at once, both ways."""
    machine = Machine("wan0", "lan0")
    for word, routes in (("none", {NOWHERE}), ("mape", set()), ("none", {NOWHERE})):
        assert run(machine, config(CHOSEN.format(word)), Event.APPLY) == []
        assert table_100(machine) == routes


def test_chosen_hosts_are_marked_on_the_way_out_only():
    """From the LAN, by source network, neither to the router itself nor within the LAN.

    Nor are answers, which leave by the way that the flow came in.
    """
    text = marks_of(config(CHOSEN.format("mape")))
    [line] = [line.strip() for line in text.splitlines() if "192.168.1.20" in line]
    assert line == (
        'iifname { "lan0" } ip saddr { 192.168.1.20/32, 192.168.2.0/24 } ct direction original '
        'fib daddr type != local fib daddr oifname != { "lan0" } '
        f"{marks.assign('meta mark', PPPOE_MARK)}"
    )
    chain = re.search(r"chain prerouting {\n(.*?)\n\t}", text, re.DOTALL)[1]
    assert line in chain
    assert "192.168.1.20" not in marks_of(config())


@pytest.mark.parametrize(("word", "kept"), [("mape", True), ("none", False)])
def test_a_flow_that_began_by_mape_stays_there_when_pppoe_comes(word, kept):
    """With "mape" a chosen host's flows may have: they have a mark, a rule and a table too."""
    cfg, machine = config(CHOSEN.format(word)), Machine("wan0", "lan0")
    assert run(machine, cfg, Event.UP) == []
    kept_by = (RouteRule(102, 101, mark=MAPE_MARK, mask=MASK), Route(101, "mape0"))
    assert [item in (*machine.state.rules, *machine.state.routes) for item in kept_by] == [kept] * 2
    assert (marks.assign("ct mark", MAPE_MARK) in marks_of(cfg)) is kept
