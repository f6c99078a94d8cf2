"""Another prefix that leads to the same address with other ports."""

from config_texts import AUTO
from machine import Machine, run

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.model.resources import Flows

OLD, NEW = "2400:4050:5c71:af00::/64", "2400:4050:5c71:b000::/64"  # PSID 47 and 48
SHARED = "153.241.113.198"


def forgotten(machine):
    """Return the addresses whose flows were forgotten so far."""
    return [step.resource.address for step in machine.applied if isinstance(step.resource, Flows)]


def test_flows_on_the_old_ports_are_forgotten(tmp_path):
    """Once, at the change; neither at the first ifup nor at a later event."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (OLD,)
    config = from_text("f", AUTO, tmp_path)
    run(machine, config, Event.UP, Event.UP)
    assert forgotten(machine) == []
    machine.announced["wan0"] = (NEW,)
    run(machine, config, Event.PREFIX_CHANGED, Event.PREFIX_CHANGED, Event.UP)
    assert forgotten(machine) == [SHARED]
