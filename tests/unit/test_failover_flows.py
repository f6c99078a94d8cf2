"""Flows of UDP by MAP-E at a failover: they would stay there for as long as they send."""

import pytest
from machine import BASE, Machine, config, pending, run

from dualwan.frozen import replace
from dualwan.model.event import Event
from dualwan.model.resources import Flows
from dualwan.model.state import Health

FAILOVER = config(BASE.replace("[lan]", "failover = true\n[lan]", 1))
SHARED = "192.0.2.18"


@pytest.fixture(name="router")
def _router():
    """Return a router that is up, with both ways."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, FAILOVER, Event.UP, Event.PPP_UP)
    assert forgotten(machine) == []
    return machine


def forgotten(machine):
    """Return the flows that were forgotten."""
    return [one.resource for one in machine.applied if isinstance(one.resource, Flows)]


def breaks(machine, broken=True):
    """Let the probes say that MAP-E does not answer, or does again."""
    machine.run_state = replace(machine.run_state, health=Health(broken=broken))


PROBED = config(
    BASE.replace("[lan]", 'failover = true\nprobe = ["198.51.100.1"]\n[lan]', 1),
)


def test_they_are_forgotten_when_the_lan_leaves_mape(router):
    """Once, after the route has changed; not those of TCP, and not at the way back."""
    breaks(router)
    run(router, PROBED, Event.PREFIX_CHANGED)
    assert forgotten(router) == [Flows(SHARED, udp=True)]
    texts = [step.text for step in router.applied]
    there = texts.index("route default dev mape0 table main metric 4096")
    assert there < texts.index(f"conntrack entries of UDP by {SHARED}")
    assert pending(router, PROBED, Event.APPLY) == []
    breaks(router, broken=False)
    run(router, PROBED, Event.PREFIX_CHANGED)
    assert len(forgotten(router)) == 1


def test_they_are_forgotten_too_when_pppoe_comes_later(router):
    """Until then there was no other way, and they were begun anew by MAP-E."""
    router.unplug("ppp0")
    run(router, PROBED, Event.PPP_DOWN)
    breaks(router)
    run(router, PROBED, Event.PREFIX_CHANGED)
    before = len(forgotten(router))
    router.connect("203.0.113.7")
    run(router, PROBED, Event.PPP_UP)
    assert forgotten(router)[before:] == [Flows(SHARED, udp=True)]
    assert pending(router, PROBED, Event.APPLY) == []


def test_a_reconnect_of_pppoe_forgets_none_while_mape_carries(router):
    """The LAN stays where it is."""
    router.unplug("ppp0")
    run(router, FAILOVER, Event.PPP_DOWN)
    router.connect("203.0.113.7")
    run(router, FAILOVER, Event.PPP_UP, Event.APPLY)
    assert forgotten(router) == []


def test_a_failure_to_forget_them_is_not_made_up_for(router):
    """By then they may be flows of another way; those of TCP are never meant."""
    breaks(router)
    router.refuse = [f"forgetting flows of {SHARED}"]
    run(router, PROBED, Event.PREFIX_CHANGED)
    assert router.run_state.owed_flows == ()
    assert pending(router, PROBED, Event.APPLY) == []
