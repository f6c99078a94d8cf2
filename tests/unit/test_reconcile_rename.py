"""Names that change while the line is up, and changes that are refused half way."""

import pytest
from machine import CE, Machine, config, ours, run

from dualwan.model.event import Event

C = config()
RENAMED = config(a='psid = 1 -> psid = 1\ntunnel = "mape1"')
OTHER_WAN = config(a='"wan0" -> "wan1"')


def up(*devices):
    """Return a router with these devices and everything up."""
    machine = Machine(*devices)
    run(machine, C, Event.UP)
    return machine


def test_a_sysctl_of_the_tunnel_need_not_be_put_back():
    """Somebody set it, we mended it; it goes with the tunnel."""
    machine = up("wan0", "lan0")
    machine.set_sysctl("net/ipv4/conf/mape0/rp_filter", "1")
    assert run(machine, C, Event.APPLY) == []
    assert run(machine, C, Event.REMOVE) == []


@pytest.mark.parametrize("at", range(12))
def test_a_renamed_tunnel_leaves_no_old_one(at):
    """Whichever step of the change is refused, the next run ends with the new one only."""
    machine = up("wan0", "lan0")
    machine.refuse_after = at
    run(machine, RENAMED, Event.APPLY)
    machine.refuse_after = None
    assert run(machine, RENAMED, Event.APPLY) == []
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape1"]
    assert "mape0" not in machine.state.links


def test_a_renamed_wan_takes_the_ce_address_along():
    """The address is taken from the interface that was the WAN."""
    machine = up("wan0", "wan1", "lan0")
    assert run(machine, OTHER_WAN, Event.APPLY) == []
    assert [item.device for item in machine.state.addresses if item.address == CE] == ["wan1"]


def test_a_renamed_wan_is_cleaned_up():
    """What is of ours on an interface that the configuration names no longer goes too."""
    machine = up("wan0", "wan1", "lan0")
    run(machine, OTHER_WAN, Event.REMOVE)
    assert ours(machine) == ()


def test_a_failure_that_repeats_notes_an_address_once():
    """A cable that comes and goes does not fill the memory."""
    machine = Machine("wan0", "lan0")
    for _ in range(3):
        machine.refuse = ["tunnel mape0"]
        run(machine, C, Event.APPLY)
        machine.unplug("wan0")
        machine.plug("wan0")
    assert len(machine.run_state.addresses) == 1
