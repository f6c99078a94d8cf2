"""A router in memory whose owner has scripts, and what they are told."""

from machine import Machine, config

from dualwan.handle import handle_event
from dualwan.model.event import Event

SHARED, PPPOE, OTHER = "192.0.2.18", "203.0.113.7", "203.0.113.99"
CONFIG = config()


def with_scripts():
    """Return a machine with scripts and a line, where nothing is up yet."""
    machine = Machine("wan0", "lan0")
    machine.scripts = True
    return machine


def both_up(machine):
    """Bring up both ways of ``machine``, and tell the scripts of them."""
    handle_event(CONFIG, machine, Event.UP)
    ppp_up(machine, PPPOE)
    machine.take_notices()
    return machine


def ppp_up(machine, address):
    """Let the session come up, or have another address."""
    if "ppp0" in machine.state.links:
        machine.unplug("ppp0")
    machine.connect(address)
    handle_event(CONFIG, machine, Event.PPP_UP)


def ppp_down(machine):
    """Let the session go."""
    machine.unplug("ppp0")
    handle_event(CONFIG, machine, Event.PPP_DOWN)


def heard(machine):
    """Return event, way, old and new address of each notice that waits."""
    return [(one.event, one.way, one.old, one.new) for one in machine.take_notices()]
