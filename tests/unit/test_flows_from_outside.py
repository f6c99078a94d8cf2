"""Flows that began outside while the firewall was missing: when they are forgotten, and which."""

import pytest
from machine import BASE, Machine, config, pending, run

from dualwan.model.event import Event
from dualwan.model.resources import InboundFlows
from dualwan.model.usage import Losses
from dualwan.reconcile import reconcile

CONFIG = config()
TEXT = "- conntrack entries of flows from outside"


def forgotten(machine):
    """Return the resources that were forgotten."""
    return [one.resource for one in machine.applied if isinstance(one.resource, InboundFlows)]


def router():
    """Return a router that came up by ifup."""
    machine = Machine("wan0", "lan0")
    machine.switch("wan0", up=False)
    run(machine, CONFIG, Event.PRE_UP)
    machine.switch("wan0", up=True)
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.UP)
    return machine


def test_at_ifup_there_is_nothing_to_forget():
    """The firewall stands before the line is up; PPPoE's events load none."""
    machine = router()
    run(machine, CONFIG, Event.PPP_UP)
    run(machine, CONFIG, Event.APPLY)
    assert forgotten(machine) == []


@pytest.mark.parametrize("event", [Event.MEND, Event.APPLY, Event.PPP_UP, Event.UP])
def test_a_firewall_that_was_missing_on_a_line_that_is_up_forgets_them(event):
    """Whoever loads it again; the WAN, the tunnel and PPPoE lead outside."""
    machine = router()
    machine.flush_ruleset()
    run(machine, CONFIG, event)
    assert forgotten(machine) == [
        InboundFlows(("wan0", "mape0", "ppp0"), offered=(22, 25, 80, 443))
    ]
    assert pending(machine, CONFIG, Event.APPLY) == []


def test_the_first_apply_on_a_line_that_is_up_says_so():
    """The machine was open until now."""
    assert TEXT in pending(Machine("wan0", "lan0"), CONFIG, Event.APPLY)


def test_a_changed_firewall_forgets_nothing():
    """It is replaced in one transaction, so the router was never open."""
    machine = router()
    machine.edit_table("dualwan_firewall")
    run(machine, CONFIG, Event.APPLY)
    assert forgotten(machine) == []


def test_flows_to_an_open_port_are_kept():
    """On the router, through pinholes, to servers: in its middle no connection is a new one."""
    opened = config(
        BASE
        + '[firewall]\ninbound = ["ssh", "https", "udp/443", "tcp/8443"]\n'
        + '[[forward]]\nprotocol = "tcp"\nport = 8080\nto = "2001:db8:5::5"\n'
        + '[[forward]]\nvia = "pppoe"\nprotocol = "udp"\nport = 99\nto = "192.168.1.10:9"\n'
    )
    machine = Machine("wan0", "lan0")
    run(machine, opened, Event.APPLY)
    (found,) = forgotten(machine)
    assert found.offered == (22, 443, 8443)
    assert found.inside == (8080,)
    assert found.servers == ("192.168.1.10",)


def test_what_began_in_a_zone_goes_too():
    """Whether or not the line is up: the machine was open to its hosts."""
    zoned = config(BASE + '[zone.dmz]\ninterfaces = ["dmz*"]\n')
    machine = Machine("wan0", "lan0")
    machine.switch("wan0", up=False)
    run(machine, zoned, Event.PRE_UP)
    (found,) = forgotten(machine)
    assert found.zones == ("dmz*",)
    assert pending(machine, zoned, Event.PRE_UP) == []


def test_behind_one_nic_are_hosts_of_the_lan_too():
    """Theirs stay, for the same device leads to them."""
    shared = config(BASE.replace('interfaces = ["lan0"]', 'interfaces = ["wan0"]'))
    machine = Machine("wan0")
    run(machine, shared, Event.APPLY)
    (found,) = forgotten(machine)
    assert "wan0" not in found.devices


def test_what_could_not_be_forgotten_is_made_up_for():
    """The firewall stands; the next event forgets, once."""
    machine = router()
    machine.flush_ruleset()
    machine.refuse = ["flows from outside"]
    done = reconcile(CONFIG, machine, Event.MEND)
    assert (done.problems, len(done.owed)) == ((), 1)
    assert "dualwan_firewall" in machine.table_names()
    machine.refuse = []
    run(machine, CONFIG, Event.PPP_UP)
    assert len(forgotten(machine)) == 1
    run(machine, CONFIG, Event.APPLY)
    assert len(forgotten(machine)) == 1
    assert machine.run_state.losses == Losses()
