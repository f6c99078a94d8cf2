"""One of two routers: what it brings up in which role, and what it refuses to."""

import pytest
from machine import BASE, CE, Machine, config, pending
from one_of_two import ACTIVE, CONFIG, PEER, STANDBY, There, active, after_boot, standby, there

from dualwan.handle import handle_event, probe, sessions
from dualwan.model.event import Event
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Advertisement, CarriedFlows, NftTable, Tunnel
from dualwan.model.state import Health
from dualwan.planning import make_plan
from dualwan.report.verdict import verdict


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router after a boot: ifup has run, and keepalived has not spoken yet."""
    assert log == []
    return after_boot()


def test_a_boot_begins_as_standby(machine):
    """Closed: the firewall stands, and nothing else of ours."""
    assert there(machine) == STANDBY
    assert pending(machine, CONFIG, Event.APPLY) == []


@pytest.mark.parametrize(
    "event", [Event.UP, Event.PREFIX_CHANGED, Event.PPP_UP, Event.PPP_DOWN, Event.APPLY, Event.MEND]
)
def test_no_event_opens_a_standby(machine, event):
    """Nor does it dial, nor does what the watcher mends."""
    handle_event(CONFIG, machine, event)
    assert there(machine) == STANDBY


def test_a_router_without_another_one_needs_no_role(log):
    """Without [router] all is as ever."""
    assert log == []
    machine = Machine("wan0", "lan0")
    handle_event(config(BASE.replace("dial = false", "dial = true")), machine, Event.UP)
    assert there(machine) == ACTIVE
    assert not any(isinstance(step.resource, Advertisement) for step in machine.applied)
    assert not any(isinstance(step.resource, CarriedFlows) for step in machine.applied)


def test_the_active_one_has_all(machine):
    """Tunnel, CE, translation, session; and nothing is left to do."""
    assert active(machine)
    assert there(machine) == ACTIVE
    assert pending(machine, CONFIG, Event.APPLY) == []


def test_it_takes_over_in_the_right_order(machine):
    """Translation, the ports of what goes on, the CE, the tunnel, and then it says who it is."""
    machine.applied.clear()
    active(machine)
    kinds = [
        type(step.resource)
        for step in machine.applied
        if isinstance(step.resource, NftTable | CarriedFlows | Address | Tunnel | Advertisement)
    ]
    assert kinds == [
        *(NftTable, CarriedFlows),
        *(Address, Tunnel, Address, Advertisement),
        *(NftTable, Advertisement),
    ]
    assert machine.carried == ["commit", "active"]


def test_what_was_carried_has_the_ports_that_flows_share(machine):
    """The address, its ports without those of forwards, and the names of the sets."""
    plan = make_plan(CONFIG, machine, Event.APPLY)
    assert not any(isinstance(step.resource, CarriedFlows) for step in plan.slices[-1].steps)
    active(machine)
    (found,) = (
        step.resource for step in machine.applied if isinstance(step.resource, CarriedFlows)
    )
    assert found.address == "192.0.2.18"
    assert sum(high - low + 1 for low, high in found.ports) == 1008
    assert found.sets.table == "ip dualwan_snat"
    (table,) = (one for one in machine.state.tables if one.name == "dualwan_snat")
    sizes = {block.name: block.lines for block in table.blocks}
    rooms = {found.sets.carried: found.sets.room}
    rooms |= {found.sets.mappings[name]: room for name, room in found.sets.endpoints.items()}
    for name, room in rooms.items():
        assert f"size {room}" in sizes[name]


def test_the_same_role_again_changes_nothing_but_tells_its_neighbours(machine):
    """After a split brain the line's router may know the other one."""
    active(machine)
    machine.applied.clear()
    machine.carried.clear()
    active(machine, asked=11)
    assert [type(step.resource) for step in machine.applied] == [Advertisement]
    assert machine.carried == ["active"]  # what is in the kernel is right


def test_a_standby_keeps_the_configuration_that_it_closed_with(machine):
    """It may never have worked before it is to take over, and its file be wrong by then."""
    assert machine.kept.text == CONFIG.text
    machine.kept = None
    for event in (Event.DOWN, Event.POST_DOWN, Event.MEND):
        handle_event(CONFIG, machine, event)
    assert machine.kept is None  # after an ifdown nothing is to be there


def test_it_gives_up_the_tunnel_first(machine):
    """Then it hangs up, and then what served the session goes."""
    active(machine)
    machine.connect("203.0.113.7")
    before = []

    def hang_up(peer, seconds):
        assert peer == PEER
        assert 0 <= sessions.HANG_UP_SECONDS - seconds < 20
        before.append(there(machine))
        machine.running.discard(peer)
        machine.unplug("ppp0")
        return True

    machine.hang_up = hang_up
    assert standby(machine)
    assert before == [ACTIVE._replace(ce=False, tunnel=False)]
    assert there(machine) == STANDBY
    assert machine.carried == ["commit", "active", "standby"]
    assert machine.applied[-1] == Step(Action.REMOVE, Advertisement("wan0", CE))
    assert not machine.run_state.in_transition


def test_the_active_one_of_a_wan_that_is_down_waits_for_ifup(machine):
    """The role is noted, and used by ifup."""
    handle_event(CONFIG, machine, Event.DOWN)
    active(machine)
    assert there(machine) == STANDBY
    handle_event(CONFIG, machine, Event.UP)
    assert there(machine) == ACTIVE


def test_a_standby_forwards_nothing(machine):
    """So what announces it to the LAN as a router has to stop (docs/two-routers.md)."""
    name = "net/ipv6/conf/all/forwarding"
    for take, value in ((None, "0"), (active, "1"), (standby, "0")):
        assert take is None or take(machine)
        assert machine.state.sysctls[name] == value


def test_down_takes_all_away_in_either_role(machine):
    """And what comes later goes by the role."""
    active(machine)
    handle_event(CONFIG, machine, Event.REMOVE)
    assert there(machine) == There([], ce=False, tunnel=False, dialled=False)


def test_a_standby_is_not_probed(machine):
    """It has no way that could answer; and what was found before it gave up is forgotten."""
    machine.locked = True
    broken = Health(broken=True, streak=3)
    machine.save_state(machine.run_state.__class__(**{**vars(machine.run_state), "health": broken}))
    machine.locked = False
    assert probe.probe(CONFIG, machine) == broken
    active(machine)
    assert machine.run_state.health == Health()


def test_a_unit_does_not_dial_for_a_standby(machine):
    """The watcher asked for it before the role was another one."""
    active(machine)
    standby(machine)
    sessions.dial_for_unit(CONFIG, machine, PEER)
    assert not there(machine).dialled


def test_the_verdict_of_a_standby(machine):
    """It is as it is to be; unless it is open."""
    found = verdict(CONFIG, make_plan(CONFIG, machine, Event.APPLY))
    assert found == (True, "", "standby")
    active(machine)
    standby(machine)
    machine.plug("mape0", "ip6tnl")
    machine.state = machine.state.__class__(
        **{
            **vars(machine.state),
            "tunnels": (Tunnel("mape0", CE, "2001:db8:ffff::9", "wan0", 1460),),
        }
    )
    found = verdict(CONFIG, make_plan(CONFIG, machine, Event.APPLY))
    assert (found.works, found.cause[:6]) == (False, "tunnel")
