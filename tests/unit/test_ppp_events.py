"""P2, P4, P5 as events: what the slices make of a session that has another interface."""

import pytest
from machine import BASE, Machine, config, pending

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.planning import make_plan
from dualwan.ppp.session import NO_DEVICE, Pppd, Session
from dualwan.report import status

DIALS = config(a="dial = false -> dial = true")
OURS, LTE = Pppd(10, ("pppd", "call", "dsl-provider")), Pppd(20, ("pppd", "call", "lte"))
ADDRESS, FOREIGN = "203.0.113.7", "10.64.0.9"


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router that is up, where another pppd has ppp0 and ours has no session yet."""
    assert log == []
    machine = Machine("wan0", "lan0")
    machine.connect(FOREIGN)
    machine.ppp = (Session("ppp0", LTE, FOREIGN),)
    handle_event(DIALS, machine, Event.UP)
    return machine


def connect(machine, device="ppp1"):
    """Let our session come up on DEVICE, with its event."""
    machine.connect(ADDRESS, device)
    machine.ppp = (*machine.ppp, Session(device, OURS, ADDRESS))
    handle_event(DIALS, machine, Event.PPP_UP)


def named(machine):
    """Return which of ppp0 and ppp1 our tables, routes and rules name."""
    text = repr((machine.state.tables, machine.state.routes, machine.state.rules))
    return {
        name for name in ("ppp0", "ppp1", NO_DEVICE) if f'"{name}"' in text or f"'{name}'" in text
    }


def test_nothing_is_offered_on_another_session(machine, log):
    """P5: no table, route or rule names its interface, and the log says why."""
    assert named(machine) == {NO_DEVICE}
    assert FOREIGN not in repr(machine.state.rules)
    assert any("dsl-provider has no session, and ppp0" in line for line in log)
    assert pending(machine, DIALS, Event.APPLY) == []


def test_our_session_works_on_the_unit_that_it_got(machine, log):
    """P4: tables, table 100 and the rules are those of ppp1."""
    connect(machine)
    assert named(machine) == {"ppp1"}
    assert any(rule.source == ADDRESS for rule in machine.state.rules)
    assert any(route.device == "ppp1" and route.table == 100 for route in machine.state.routes)
    assert "another pppd has ppp0 (process 20, peer lte)" in "".join(log)
    assert pending(machine, DIALS, Event.APPLY) == []


def test_the_status_is_that_of_our_session(machine):
    """With its interface and address, or with none, and the reason as a warning."""

    def shown():
        plan = make_plan(DIALS, machine, Event.APPLY)
        return status.text(status.as_data(DIALS, plan)).splitlines()

    assert "PPPoE    ppp0 down, no address, peer dsl-provider" in shown()
    assert any(line.startswith("warning: dsl-provider has no session") for line in shown())
    connect(machine)
    assert f"PPPoE    ppp1 up, {ADDRESS}, peer dsl-provider" in shown()
    assert any(line.startswith("warning: dsl-provider is on ppp1") for line in shown())


def test_when_the_other_is_gone_ours_moves_to_its_name(machine):
    """The next session is on ppp0 again; the late end of the old one changes nothing."""
    connect(machine)
    machine.unplug("ppp0")
    machine.connect(ADDRESS, "ppp0")
    machine.ppp = (Session("ppp0", OURS, ADDRESS),)
    machine.unplug("ppp1")
    handle_event(DIALS, machine, Event.PPP_UP)
    assert named(machine) == {"ppp0"}
    before = machine.state
    handle_event(DIALS, machine, Event.PPP_DOWN)
    assert machine.state == before


def test_the_end_of_our_session_leaves_the_other_alone(machine):
    """After ip-down there is no session of ours, and ppp0 is still another's."""
    connect(machine)
    machine.unplug("ppp1")
    machine.ppp = machine.ppp[:1]
    handle_event(DIALS, machine, Event.PPP_DOWN)
    assert named(machine) == {NO_DEVICE}
    assert FOREIGN in repr(machine.state.addresses)


def test_all_of_it_goes_with_down(machine):
    """By the protocol number and the names of the tables, as ever."""
    connect(machine)
    handle_event(DIALS, machine, Event.REMOVE)
    assert named(machine) == set()


# --- one pppd --------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Event.UP, Event.APPLY])
def test_a_second_pppd_is_ended_by_the_next_event(log, event):
    """P2: whatever started it, and though it has no session yet."""
    machine = Machine("wan0", "lan0")
    machine.doubled = {"dsl-provider"}
    handle_event(DIALS, machine, event)
    assert machine.doubled == set()
    assert any(line.startswith("ended a second pppd of dsl-provider") for line in log)


def test_the_event_of_a_second_session_ends_one(log):
    """Two interfaces of one peer; a single one is not looked into."""
    machine = Machine("wan0", "lan0")
    handle_event(DIALS, machine, Event.UP)
    machine.doubled = {"dsl-provider"}
    connect(machine, "ppp0")
    assert machine.doubled
    machine.ppp = (Session("ppp0", OURS._replace(pid=9), ADDRESS),)
    connect(machine)
    assert not machine.doubled
    assert log


def test_a_second_pppd_that_cannot_be_ended_is_said_and_the_rest_goes(log):
    """One line in the log; the slices are up."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["end a pppd"]
    with pytest.raises(HostError, match="end a pppd of dsl-provider"):
        handle_event(DIALS, machine, Event.UP)
    assert len(machine.state.tables) == 3
    assert "end a pppd" in log[-1]


def test_whoever_does_not_dial_ends_nothing():
    """Another program's pppd is its own affair."""
    machine = Machine("wan0", "lan0")
    machine.doubled = {"dsl-provider"}
    handle_event(config(BASE), machine, Event.UP)
    assert machine.doubled
