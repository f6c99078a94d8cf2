"""What an event changes, and what it leaves as it is."""

import pytest
from machine import (
    CE,
    Machine,
    kernel_state,
    pending,
    run,
    wanted_of,
)
from routers import ADDRESSES, CONFIG, router

from dualwan.host.fake import FakeHost
from dualwan.model.event import Event
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Flows, Route, RouteRule
from dualwan.model.usage import Losses
from dualwan.planning import make_plan
from dualwan.slices import firewall


@pytest.mark.parametrize("address", ["", *ADDRESSES[:1]])
@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("before", [(), (Event.UP,), (Event.UP, Event.DOWN), (Event.REMOVE,)])
def test_the_second_run_plans_nothing(before, event, address):
    """Whatever happened before, the same event twice does nothing the second time."""
    machine = router(*before, event, address=address)
    assert pending(machine, CONFIG, event) == []
    machine.applied.clear()
    run(machine, CONFIG, event)
    assert machine.applied == []


def test_hooks_of_two_stanzas_are_as_good_as_one():
    """Debian runs each hook once a stanza."""
    once = router(Event.PRE_UP, Event.UP)
    twice = router(Event.PRE_UP, Event.PRE_UP, Event.UP, Event.UP)
    assert kernel_state(once) == kernel_state(twice)


def test_planning_changes_nothing():
    """A dry run is a plan: neither the kernel nor the notes change, and no lock is taken."""
    machine = router()
    before = machine.state
    assert make_plan(CONFIG, machine, Event.APPLY).changes > 0
    assert machine.state == before


def test_a_new_pppoe_address_touches_neither_tunnel_nor_snat():
    """Only the rule that names it changes, and the old flows go."""
    machine = router(Event.UP, Event.PPP_UP, address=ADDRESSES[0])
    machine.connect(ADDRESSES[1])
    machine.applied.clear()
    run(machine, CONFIG, Event.PPP_UP)
    assert {(step.sign, type(step.resource)) for step in machine.applied} == {
        ("~", type(machine.applied[0].resource)),
        ("+", Route),
        ("-", RouteRule),
        ("+", RouteRule),
        ("-", Flows),
    }
    assert Flows(ADDRESSES[0]) in [step.resource for step in machine.applied]
    assert ADDRESSES[0] not in repr(
        (machine.state.rules, machine.state.routes, machine.state.tables)
    )


def test_the_same_address_again_keeps_its_flows():
    """A short cut of PPPoE does not end connections that could go on."""
    machine = router(Event.UP, Event.PPP_UP, address=ADDRESSES[0])
    machine.unplug("ppp0")
    run(machine, CONFIG, Event.PPP_DOWN)
    machine.connect(ADDRESSES[0])
    machine.applied.clear()
    run(machine, CONFIG, Event.PPP_UP)
    assert not [step for step in machine.applied if isinstance(step.resource, Flows)]


def test_only_the_named_slices_are_touched():
    """--slice snat loads one table and looks at nothing else."""
    machine = router()
    run(machine, CONFIG, Event.APPLY, only=("snat",))
    assert [step.text for step in machine.applied] == ["nft table ip dualwan_snat"]
    assert not machine.run_state.wanted


def test_what_a_table_counted_is_remembered_when_it_goes():
    """Twice up and down: status counts since the machine started."""
    machine = router()
    for _ in range(2):
        run(machine, CONFIG, Event.APPLY)
        machine.named_counts = {"no_port": 2, "untranslated": 1}
        machine.element_counts = {"192.168.1.10": 3}
        run(machine, CONFIG, Event.APPLY)  # changes nothing, and counts nothing twice
        run(machine, CONFIG, Event.REMOVE)
    assert machine.run_state.losses == Losses({"192.168.1.10": 6}, 4, 2)


def test_the_firewall_is_first_up_and_last_down():
    """Closed first, open last."""
    machine = router(Event.UP, address=ADDRESSES[0])
    assert machine.applied[0].text == "nft table inet dualwan_firewall"
    machine.applied.clear()
    run(machine, CONFIG, Event.REMOVE)
    assert machine.applied[-1] == Step(Action.REMOVE, wanted_of(firewall, CONFIG))


def test_ipv6_never_loses_its_default_route():
    """accept_ra is 2 before forwarding is on, the first time and after ifdown."""
    machine = router(Event.UP, Event.DOWN, Event.UP)
    assert machine.state.ipv6_default
    assert not machine.lost_ipv6_default


def test_somebody_who_flushes_or_edits_is_mended():
    """`nft flush ruleset`, or a rule added to a table of ours: the next run restores."""
    machine = router(Event.UP)
    whole = kernel_state(machine)
    for event in (Event.APPLY, Event.PREFIX_CHANGED, Event.PPP_UP, Event.PPP_DOWN):
        machine.flush_ruleset()
        run(machine, CONFIG, event)
        assert kernel_state(machine) == whole
    machine.edit_table("dualwan_firewall")
    assert pending(machine, CONFIG, Event.APPLY) == [
        "~ nft table inet dualwan_firewall (somebody changed it)"
    ]
    run(machine, CONFIG, Event.APPLY)
    assert kernel_state(machine) == whole


def test_the_host_in_memory_is_a_host():
    """Anybody may see a plan for a machine that is not there."""
    host = FakeHost()
    assert host.dial("peer", "pppoe.peer") is True
    assert host.dial("peer", "pppoe.peer") is False
    assert host.hang_up("peer", 1) is True
    with host.lock(1):
        assert host.locked
    assert not host.locked
    assert make_plan(CONFIG, host, Event.APPLY).changes
    assert CE in repr(make_plan(CONFIG, Machine("wan0"), Event.APPLY).slices)
