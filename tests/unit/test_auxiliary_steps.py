"""Steps that only help: they keep nothing from being done, and the next run makes up for them."""

import pytest
from machine import Machine, config, kernel_state, pending, run

from dualwan.errors import KernelError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.resources import Flows, Solicitation
from dualwan.reconcile import reconcile

CONFIG = config()
UNREACHABLE = {"router solicitation": "Network is unreachable"}


def machine_without_router():
    """Return a machine whose line has not told of a router yet."""
    machine = Machine("wan0", "lan0")
    machine.router_answers = False
    machine.switch("wan0", up=False)
    machine.switch("wan0", up=True)
    assert not machine.state.ipv6_default
    return machine


def solicitations(machine):
    """Return how many router solicitations were sent."""
    return sum(isinstance(step.resource, Solicitation) for step in machine.applied)


def test_a_solicitation_that_cannot_be_sent_keeps_nothing_back(log):
    """In the second after the link came up: CE, tunnel and route stand, and the run succeeds."""
    machine, other = machine_without_router(), machine_without_router()
    machine.refuse = UNREACHABLE
    done = handle_event(CONFIG, machine, Event.UP)
    run(other, CONFIG, Event.UP)
    assert kernel_state(machine) == kernel_state(other)
    assert done.owed == (
        "router solicitation on wan0: Network is unreachable; the next event tries again",
    )
    assert any("Network is unreachable" in line for line in log)
    assert not any("did not end as planned" in line for line in log)


@pytest.mark.parametrize("event", [Event.UP, Event.APPLY, Event.PPP_UP, Event.MEND])
def test_the_solicitation_is_made_up_for_once(event):
    """By the next event, whatever it concerns; and not while the line has told of a router."""
    machine = machine_without_router()
    machine.refuse = UNREACHABLE
    run(machine, CONFIG, Event.UP)
    assert solicitations(machine) == 0
    run(machine, CONFIG, Event.APPLY)
    machine.refuse = []
    run(machine, CONFIG, event)
    assert solicitations(machine) == 1
    assert machine.run_state.owed_solicitations == ()
    run(machine, CONFIG, event)
    assert solicitations(machine) == 1


def test_a_router_that_is_heard_meanwhile_is_not_asked():
    """There is nothing to be made up for then."""
    machine = machine_without_router()
    machine.refuse = UNREACHABLE
    run(machine, CONFIG, Event.UP)
    machine.advertise("wan0")
    assert pending(machine, CONFIG, Event.APPLY) == []


def forgotten(machine):
    """Return the addresses whose flows were deleted."""
    return [step.resource.address for step in machine.applied if isinstance(step.resource, Flows)]


def reconnected(address="203.0.113.99"):
    """Return a machine whose session came back while conntrack could not be asked."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.UP)
    machine.refuse = ["conntrack entries"]
    machine.connect(address)
    done = reconcile(CONFIG, machine, Event.PPP_UP)
    assert done.problems == ()
    assert len(done.owed) == 1
    assert machine.run_state.owed_flows == ("203.0.113.7",)
    return machine


def test_flows_that_cannot_be_deleted_keep_nothing_back():
    """The rule of the new address stands, and so does what is noted of the session."""
    machine = reconnected()
    assert {rule.source for rule in machine.state.rules} == {"", "203.0.113.99"}
    assert machine.run_state.sessions == {"pppoe": "203.0.113.99"}


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN, Event.APPLY, Event.REMOVE])
def test_flows_are_deleted_by_the_next_event(event):
    """Once, as soon as conntrack can be asked."""
    machine = reconnected()
    machine.refuse = []
    run(machine, CONFIG, event)
    assert "203.0.113.7" in forgotten(machine)
    assert machine.run_state.owed_flows == ()
    run(machine, CONFIG, event)
    assert forgotten(machine).count("203.0.113.7") == 1


def test_flows_of_an_address_that_came_back_are_kept():
    """They can go on."""
    machine = reconnected()
    machine.refuse = []
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.PPP_UP)
    assert "203.0.113.7" not in forgotten(machine)


def test_counters_that_cannot_be_read_keep_no_slice_back():
    """What a table has counted only helps `status`."""
    machine = Machine("wan0", "lan0")
    run(machine, CONFIG, Event.UP)

    def counts(*_):
        raise KernelError("nft table ip dualwan_snat: Operation not supported")

    machine.counts = counts
    machine.edit_table("dualwan_snat")
    assert run(machine, CONFIG, Event.APPLY) == []
    assert pending(machine, CONFIG, Event.APPLY) == []
