"""Originals of sysctls on devices that are not ours any more, or not what they were."""

import pytest
from machine import BASE, Machine, config, pending, run

from dualwan.model.event import Event
from dualwan.model.plan import Action
from dualwan.ppp.session import Pppd, Session
from dualwan.slices.tunnel.sysctls import accept_ra, rp_filter

MOVED = config(wan="wan0 -> wan1")
DIALS = config(BASE.replace("dial = false", "dial = true"))
OF_WAN0, OF_PPP0 = accept_ra("wan0"), rp_filter("ppp0")


@pytest.mark.parametrize("as_before", [False, True])
def test_what_a_wan_of_before_has_since_is_not_ours(as_before):
    """It was put back when it was given up, unless it was unplugged or as before by then."""
    machine = Machine("wan0", "wan1", "lan0")
    run(machine, config(), Event.UP)
    if as_before:
        machine.set_sysctl(OF_WAN0, "1")
    else:
        machine.unplug("wan0")
    run(machine, MOVED, Event.APPLY)
    machine.plug("wan0")
    machine.set_sysctl(OF_WAN0, "0")
    assert pending(machine, MOVED, Event.MEND) == []
    run(machine, MOVED, Event.REMOVE)
    assert machine.state.sysctls[OF_WAN0] == "0"


def plugged_in_anew():
    """Return a router whose WAN was out after ifup, which the watcher saw, and is there again."""
    machine = Machine("wan0", "lan0")
    run(machine, config(), Event.UP)
    machine.unplug("wan0")
    run(machine, config(), Event.PREFIX_CHANGED)
    machine.plug("wan0")
    return machine


def test_a_wan_that_was_plugged_in_anew_is_put_back_as_it_came():
    """The one before it may have been set otherwise."""
    machine = plugged_in_anew()
    machine.set_sysctl(OF_WAN0, "0")
    run(machine, config(), Event.PREFIX_CHANGED)
    assert machine.state.sysctls[OF_WAN0] == "2"
    run(machine, config(), Event.REMOVE)
    assert machine.state.sysctls[OF_WAN0] == "0"


def test_a_wan_that_was_plugged_in_anew_is_put_back_after_forwarding():
    """A router that accepts advertisements only if it is none would miss them in between."""
    machine = plugged_in_anew()
    run(machine, config(), Event.PREFIX_CHANGED)
    machine.applied.clear()
    run(machine, config(), Event.REMOVE)
    names = [one.resource.name for one in machine.applied if one.action is Action.RESTORE]
    assert names == ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", OF_WAN0]


@pytest.mark.parametrize("seen_gone", [False, True])
@pytest.mark.parametrize("event", [Event.PPP_UP, Event.DOWN])
def test_a_session_of_another_pppd_keeps_its_filter(event, seen_gone):
    """It has got the interface that ours had, perhaps before anybody saw ours go."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    machine.ppp = (Session("ppp0", Pppd(10, ("pppd", "call", "dsl-provider")), "203.0.113.7"),)
    run(machine, DIALS, Event.UP)
    assert machine.state.sysctls[OF_PPP0] == "0"
    machine.unplug("ppp0")
    if seen_gone:
        machine.ppp = ()
        run(machine, DIALS, Event.PPP_DOWN)
    machine.connect("10.0.0.1")
    machine.ppp = (Session("ppp0", Pppd(20, ("pppd", "call", "vpn")), "10.0.0.1"),)
    machine.set_sysctl(OF_PPP0, "2")
    run(machine, DIALS, event)
    assert machine.state.sysctls[OF_PPP0] == "2"


def test_the_filter_of_a_session_that_stays_is_put_back():
    """One that others dial outlives `down`."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, config(), Event.UP, Event.REMOVE)
    assert machine.state.sysctls[OF_PPP0] == "1"
