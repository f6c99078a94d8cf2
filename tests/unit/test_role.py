"""One of two routers: what it brings up in which role, and what it refuses to."""

from typing import NamedTuple

import pytest
from machine import BASE, CE, Machine, config, pending

from dualwan.errors import BusyError, HostError, KernelError
from dualwan.handle import handle_event, probe, role, sessions
from dualwan.model.event import Event
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Advertisement, CarriedFlows, NftTable, Tunnel
from dualwan.model.state import Health
from dualwan.planning import make_plan
from dualwan.reconcile import reconcile
from dualwan.report.verdict import verdict

ONE_OF_TWO = BASE.replace("dial = false", "dial = true") + "\n[router]\nredundant = true\n"
CONFIG, PEER = config(ONE_OF_TWO), "dsl-provider"
CLOSED = ["dualwan_firewall"]


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router after a boot: ifup has run, and keepalived has not spoken yet."""
    assert log == []
    machine = Machine("wan0", "lan0")
    for event in (Event.PRE_UP, Event.UP):
        handle_event(CONFIG, machine, event)
    return machine


class There(NamedTuple):
    """What stands on a machine."""

    tables: list
    ce: bool
    tunnel: bool
    dialled: bool


def there(machine):
    """Return what stands."""
    return There(
        sorted(table.name for table in machine.state.tables),
        any(item.address == CE for item in machine.state.addresses),
        bool(machine.state.tunnels),
        PEER in machine.running,
    )


STANDBY = There(CLOSED, ce=False, tunnel=False, dialled=False)
ACTIVE = There(
    ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"], ce=True, tunnel=True, dialled=True
)


def active(machine, asked=10):
    """Make the machine the active router."""
    return role.take(CONFIG, machine, active=True, asked=asked)


def standby(machine, asked=20):
    """Let the machine stand by."""
    return role.take(CONFIG, machine, active=False, asked=asked)


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
        assert (peer, seconds) == (PEER, sessions.HANG_UP_SECONDS)
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


def test_a_session_that_does_not_end_keeps_nothing_else_from_going(machine):
    """The failure is told."""
    active(machine)
    machine.refuse = ["hanging up"]
    with pytest.raises(HostError, match="hanging up"):
        standby(machine)
    assert not there(machine).ce
    assert machine.carried[-1] == "standby"


def test_what_was_asked_for_earlier_does_not_count(machine, log):
    """None of its scripts is waited for by keepalived, so they may come in the wrong order."""
    assert standby(machine, asked=20)
    log.clear()
    assert not active(machine, asked=19)
    assert there(machine) == STANDBY
    assert any("another role was asked for since" in line for line in log)


def test_who_was_overtaken_while_dialling_hangs_up(machine):
    """The other script came between the look at the role and pppd's start."""
    dial = machine.dial

    def late(peer, key):
        machine.dial = dial
        standby(machine)
        return dial(peer, key)

    machine.dial = late
    active(machine)
    assert there(machine) == STANDBY
    assert machine.run_state.dialled == ()


def test_who_was_overtaken_before_hanging_up_lets_the_session_be(machine, monkeypatch):
    """The other script has dialled while this one reconciled."""
    active(machine)

    def overtaken(*arguments):
        monkeypatch.undo()
        done = reconcile(*arguments)
        active(machine, asked=30)
        return done

    monkeypatch.setattr("dualwan.handle.run.reconcile", overtaken)
    ended = []
    machine.hang_up = lambda *arguments: ended.append(arguments)
    standby(machine)
    assert there(machine) == ACTIVE
    assert ended == []


def test_who_was_overtaken_while_hanging_up_dials(machine):
    """The other script saw the session that this one was about to end."""
    active(machine)
    hang_up = machine.hang_up

    def late(*arguments):
        machine.hang_up = hang_up
        active(machine, asked=30)
        return hang_up(*arguments)

    machine.hang_up = late
    standby(machine)
    assert there(machine) == ACTIVE
    assert machine.run_state.dialled == (PEER,)


def test_the_active_one_of_a_wan_that_is_down_waits_for_ifup(machine):
    """The role is noted, and used by ifup."""
    handle_event(CONFIG, machine, Event.DOWN)
    active(machine)
    assert there(machine) == STANDBY
    handle_event(CONFIG, machine, Event.UP)
    assert there(machine) == ACTIVE


def test_down_takes_all_away_in_either_role(machine):
    """And what comes later goes by the role."""
    active(machine)
    handle_event(CONFIG, machine, Event.REMOVE)
    assert there(machine) == There([], ce=False, tunnel=False, dialled=False)


def test_conntrackd_that_fails_keeps_nothing_from_being_done(machine, log):
    """At the takeover it is only told."""
    machine.refuse = ["conntrackd commit"]
    active(machine)
    assert there(machine) == ACTIVE
    assert any("conntrackd" in line for line in log)


def test_an_advertisement_that_is_refused_keeps_nothing_from_being_done(machine):
    """The failure is told."""
    machine.refuse = ["neighbour advertisement"]
    with pytest.raises(HostError, match="neighbour advertisement"):
        active(machine)
    assert there(machine) == ACTIVE


def test_ports_that_cannot_be_filled_in_are_owed(machine, log):
    """The tunnel comes up all the same, and the next run makes up for it."""
    machine.refuse = ["ports of 192.0.2.18"]
    active(machine)
    assert any("carrying on flows of 192.0.2.18" in line for line in log)
    assert there(machine) == ACTIVE
    assert machine.run_state.owes_carried_flows
    machine.refuse = []
    assert pending(machine, CONFIG, Event.MEND) == [
        "+ ports of 192.0.2.18 that conntrack has flows with"
    ]
    handle_event(CONFIG, machine, Event.MEND)
    assert not machine.run_state.owes_carried_flows


def test_a_role_that_cannot_be_noted_is_none(machine, log):
    """The disk is full, or another run holds the lock for ever: an error, and no takeover."""
    machine.refuse = ["state.json"]
    with pytest.raises(HostError):
        active(machine)
    assert there(machine) == STANDBY
    assert any("state.json" in line for line in log)
    machine.refuse = []

    def busy(seconds):
        raise BusyError(f"waited {seconds:.0f} s")

    machine.lock = busy
    with pytest.raises(BusyError, match="60 s"):
        active(machine)


def test_a_kernel_that_cannot_be_read_is_an_error(machine):
    """The role stays noted: the next event goes on by it."""
    observe = machine.observe

    def broken(reads):
        raise KernelError(f"no look at {reads.devices}")

    machine.observe = broken
    with pytest.raises(KernelError):
        active(machine)
    machine.observe = observe
    handle_event(CONFIG, machine, Event.MEND)
    assert there(machine)[:3] == ACTIVE[:3]


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
