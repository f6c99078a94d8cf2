"""A change of role in which something fails: the rest of it is done, and the failure told."""

import pytest
from machine import config, pending
from one_of_two import (
    ACTIVE,
    CONFIG,
    ONE_OF_TWO,
    STANDBY,
    active,
    after_boot,
    standby,
    there,
)

from dualwan.errors import BusyError, HostError, KernelError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.planning import make_plan


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router after a boot: ifup has run, and keepalived has not spoken yet."""
    assert log == []
    return after_boot()


def test_a_session_that_does_not_end_keeps_nothing_else_from_going(machine):
    """The failure is told."""
    active(machine)
    machine.refuse = ["hanging up"]
    with pytest.raises(HostError, match="hanging up"):
        standby(machine)
    assert not there(machine).ce
    assert machine.carried[-1] == "standby"


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


def test_ports_that_are_owed_concern_no_event_of_a_router_that_is_alone(machine, log):
    """Each of PPPoE would look at all of it in vain. They are filled in after that."""
    machine.refuse = ["ports of 192.0.2.18"]
    active(machine)
    alone = config(ONE_OF_TWO.replace("redundant = true", "redundant = false"))
    handle_event(alone, machine, Event.APPLY)
    assert "tunnel" not in make_plan(alone, machine, Event.PPP_UP).goals
    machine.refuse = []
    log.clear()
    handle_event(CONFIG, machine, Event.APPLY)
    assert "+ ports of 192.0.2.18 that conntrack has flows with" in " ".join(log)
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


@pytest.mark.parametrize("goes", ["ifdown", "down", "gone"])
def test_a_wan_that_is_down_keeps_nobody_from_standing_by(machine, log, goes):
    """Keepalived says it right then: nobody sends to this machine by it, so nobody is asked."""
    active(machine)
    if goes == "ifdown":
        handle_event(CONFIG, machine, Event.DOWN)
    if goes == "gone":
        machine.unplug("wan0")
    else:
        machine.switch("wan0", up=False)
    log.clear()
    standby(machine)
    assert machine.run_state.role.followed
    assert [line for line in log if "has the CE" in line or "is down" in line] == []
