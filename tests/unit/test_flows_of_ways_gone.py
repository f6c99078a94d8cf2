"""Flows of a way that is configured no more, and of one that is there again after an ifdown.

The kernel would drop what follows for as long as the hosts send: no way has their address.
"""

import pytest
from machine import BASE, Machine, config, run
from way_texts import session

from dualwan.model.event import Event
from dualwan.model.resources import Flows

SESSION = session("a", 1)
SOFTWIRE = """
[way.a]
type = "ipip"
br = "2001:db8:ffff::1"
ipv4 = "192.0.2.30"
ce = "2001:db8:77::30"
"""
BESIDE = SOFTWIRE.replace("way.a", "way.b").replace("::30", "::31").replace(".30", ".31")
ADDRESSES = {SESSION: "198.51.100.7", SOFTWIRE: "192.0.2.30"}


def router(text):
    """Return a router that is up by this configuration, with both sessions that it may have."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    machine.connect("198.51.100.7", "ppp1")
    run(machine, config(text), Event.UP)
    machine.applied.clear()
    return machine


def forgotten(machine):
    """Return the addresses whose flows were deleted since."""
    return [step.resource.address for step in machine.applied if isinstance(step.resource, Flows)]


@pytest.mark.parametrize("way", [SESSION, SOFTWIRE], ids=["session", "softwire"])
@pytest.mark.parametrize("left", ["", BESIDE], ids=["alone", "beside another"])
def test_those_of_a_way_that_is_taken_out_go_once(way, left):
    """With the first event that knows of it."""
    machine, after = router(BASE + left + way), config(BASE + left)
    run(machine, after, Event.UP)
    assert forgotten(machine).count(ADDRESSES[way]) == 1
    machine.applied.clear()
    run(machine, after, Event.UP, Event.APPLY)
    assert forgotten(machine) == []


@pytest.mark.parametrize("way", [SESSION, SOFTWIRE], ids=["session", "softwire"])
def test_those_of_a_way_that_is_renamed_go(way):
    """Its address is the same, but they have marks of before."""
    machine = router(BASE + way)
    run(machine, config(BASE + way.replace("way.a", "way.b")), Event.APPLY)
    assert forgotten(machine) == [ADDRESSES[way]]


def test_those_that_could_not_be_deleted_go_later():
    """As any that are owed."""
    machine, after = router(BASE + SOFTWIRE), config(BASE)
    machine.refuse = ["conntrack"]
    run(machine, after, Event.APPLY)
    machine.refuse = ()
    run(machine, after, Event.MEND)
    assert forgotten(machine) == ["192.0.2.30"]
