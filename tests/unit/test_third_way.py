"""A third way, a second PPP session: all four slices carry it."""

import pytest
from machine import BASE, Machine, config, kernel_state, ours, pending, run

from dualwan.config import from_text
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.plan import Action
from dualwan.model.resources import MAIN, Flows, Route, RouteRule
from dualwan.slices import firewall, pbr, snat

SECOND = """
[way.second]
type = "pppoe"
peer = "second-provider"
interface = "ppp1"
mtu = 1400
"""
FORWARDS = """
[[forward]]
via = "pppoe"
protocol = "tcp"
port = 8080
to = "192.168.1.5"

[[forward]]
via = "second"
protocol = "tcp"
port = 8081
to = "192.168.1.5"
"""
ADDRESSES = ("198.51.100.7", "198.51.100.8")


@pytest.fixture(name="cfg")
def _cfg():
    return config(BASE + SECOND)


@pytest.fixture(name="machine")
def _machine(cfg):
    """Return a router whose three ways are up."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    machine.connect(ADDRESSES[0], "ppp1")
    assert run(machine, cfg, Event.APPLY) == []
    return machine


def rules(table, chain):
    """Return the rules of one chain of a table."""
    return next(
        block.lines for block in table.blocks if (block.kind, block.name) == ("chain", chain)
    )


def test_its_answers_go_back_by_it(machine, cfg):
    """A table and four rules of its own; the other session's are as they were."""
    assert {Route(102, "ppp1"), Route(100, "ppp0")} <= set(machine.state.routes)
    assert set(machine.state.rules) == {
        RouteRule(99, MAIN, "203.0.113.7", suppress=7),
        RouteRule(99, MAIN, mark=0x01000000, mask=0x0F000000, suppress=7),
        RouteRule(100, 100, "203.0.113.7"),
        RouteRule(101, 100, mark=0x01000000, mask=0x0F000000),
        RouteRule(103, MAIN, ADDRESSES[0], suppress=7),
        RouteRule(103, MAIN, mark=0x02000000, mask=0x0F000000, suppress=7),
        RouteRule(104, 102, ADDRESSES[0]),
        RouteRule(105, 102, mark=0x02000000, mask=0x0F000000),
    }
    table = pbr.wanted_table(cfg, derive_line(cfg).ways)
    assert any('"ppp1" : goto in_second' in rule for rule in rules(table, "prerouting"))
    assert "ct state new ct mark set ct mark & 0xf0ffffff | 0x02000000" in rules(table, "in_second")
    assert 'oifname "ppp1" goto out_second' in rules(table, "leaving")
    assert rules(table, "out_second")[0].startswith("fib saddr . oif type != local")
    assert machine.state.sysctls["net/ipv4/conf/ppp1/rp_filter"] == "0"


def test_it_is_closed_and_offers_services_as_the_other(cfg):
    """The firewall knows it as a way out, clamps to its MTU, and lets services in."""
    table = firewall.wanted_table(cfg, derive_line(cfg).ways)
    assert 'iifname { "ppp0", "ppp1" } jump offers' in rules(table, "input")
    assert 'oifname != { "wan0", "mape0", "ppp0", "ppp1" } accept' in rules(table, "output")
    assert all('"ppp1" : jump mss_second' in rule for rule in rules(table, "mss"))
    clamp = "meta nfproto ipv4 tcp option maxseg size set 1360"
    assert rules(table, "mss_second")[0].startswith(clamp)


def test_what_leaves_by_it_is_translated_and_forwards_are_its_own():
    """Masquerade, and a server behind it with a hairpin mark of its own."""
    cfg = from_text("f", BASE + SECOND + FORWARDS)
    table = snat.wanted_table(cfg, derive_line(cfg).ways)
    assert {'oifname "ppp0" masquerade', 'oifname "ppp1" masquerade'} <= set(
        rules(table, "postrouting")
    )
    assert any("8081" in rule for rule in rules(table, "second_inbound"))
    assert not any("8081" in rule for rule in rules(table, "pppoe_inbound"))
    assert "ct mark set ct mark & 0xf0ffffff | 0x0a000000" in rules(table, "second_hairpin")


def test_its_reconnect_touches_nothing_of_the_others(machine, cfg):
    """Another address: one rule changes, its old flows go; the first session keeps its own."""
    machine.connect(ADDRESSES[1], "ppp1")
    machine.applied.clear()
    assert run(machine, cfg, Event.PPP_UP) == []
    changed = [(step.action, step.resource) for step in machine.applied]
    assert (Action.ADD, RouteRule(104, 102, ADDRESSES[1])) in changed
    assert (Action.REMOVE, RouteRule(104, 102, ADDRESSES[0])) in changed
    assert (Action.REMOVE, Flows(ADDRESSES[0])) in changed
    assert "203.0.113.7" not in repr(changed)
    assert machine.run_state.sessions == {"pppoe": "203.0.113.7", "second": ADDRESSES[1]}


@pytest.mark.parametrize("at_once", [False, True], ids=["the other is down", "they swap"])
def test_flows_of_an_address_that_the_other_session_had_are_forgotten_once(machine, cfg, at_once):
    """They have its mark: the kernel would drop them, as none of its packets has that address."""
    machine.connect(ADDRESSES[0]) if at_once else machine.unplug("ppp0")
    machine.connect("203.0.113.7", "ppp1")
    machine.applied.clear()
    run(machine, cfg, Event.PPP_UP)
    gone = {step.resource.address for step in machine.applied if isinstance(step.resource, Flows)}
    assert gone == {"203.0.113.7", ADDRESSES[0]}
    machine.applied.clear()
    machine.connect(ADDRESSES[0])
    run(machine, cfg, Event.PPP_UP, Event.APPLY)
    assert not [step for step in machine.applied if isinstance(step.resource, Flows)]


def test_it_goes_with_the_rest(machine, cfg):
    """`down` leaves nothing of it; a second run of anything plans nothing."""
    assert pending(machine, cfg, Event.APPLY) == []
    before = Machine("wan0", "lan0")
    before.connect("203.0.113.7")
    before.connect(ADDRESSES[0], "ppp1")
    assert run(machine, cfg, Event.REMOVE) == []
    assert ours(machine) == ()
    assert kernel_state(machine) == kernel_state(before)


def test_the_router_stays_closed_while_it_alone_is_up(machine, cfg):
    """After ifdown the firewall outlives the others for as long as it leads outside."""
    machine.unplug("ppp0")
    run(machine, cfg, Event.DOWN)
    machine.switch("wan0", up=False)
    run(machine, cfg, Event.POST_DOWN)
    assert "dualwan_firewall" in {table.name for table in machine.state.tables}
    machine.unplug("ppp1")
    run(machine, cfg, Event.PPP_DOWN)
    assert ours(machine) == ()
