"""What is left of this program once it is taken down: nothing."""

import pytest
from machine import (
    CE,
    Machine,
    config,
    kernel_state,
    run,
)
from routers import ADDRESSES, CONFIG, populated, router

from dualwan.model.event import Event
from dualwan.model.state import RunState


@pytest.mark.parametrize("goodbye", [(Event.REMOVE,), (Event.DOWN, "down", Event.POST_DOWN)])
def test_nothing_of_ours_stays_and_all_of_others_does(goodbye):
    """Taking down leaves the kernel as it was: sysctls, addresses, tables, rules."""
    machine = populated()
    if "down" in goodbye:
        before = populated()
        before.switch("wan0", up=False)
    else:
        before = populated()
    run(machine, CONFIG, Event.PRE_UP, Event.UP, Event.UP)
    machine.connect(ADDRESSES[0])
    run(machine, CONFIG, Event.PPP_UP)
    machine.unplug("ppp0")
    for word in goodbye:
        if word == "down":
            machine.switch("wan0", up=False)
        else:
            run(machine, CONFIG, word)
    assert kernel_state(machine) == kernel_state(before)
    applied = CONFIG.text if "down" in goodbye else ""  # in force again at the next ifup
    assert machine.run_state == RunState(
        softwires={"mape": "192.0.2.18"}, ces={"mape": CE}, routed=(), applied=applied
    )


def test_a_watcher_that_waited_for_it_brings_nothing_back():
    """It had seen a change before `dualwan-hook down` took the lock; PPPoE is somebody else's."""
    machine = populated()
    machine.connect(ADDRESSES[0])
    before = kernel_state(machine)
    run(machine, CONFIG, Event.UP, Event.PPP_UP, Event.REMOVE, Event.MEND, Event.PREFIX_CHANGED)
    assert kernel_state(machine) == before


def test_what_somebody_set_meanwhile_does_not_count_as_the_original():
    """The value that stood before the first of our runs is put back."""
    machine = router(Event.UP)
    machine.set_sysctl("net/ipv6/conf/wan0/accept_ra", "0")
    run(machine, CONFIG, Event.APPLY, Event.REMOVE)
    assert machine.state.sysctls["net/ipv6/conf/wan0/accept_ra"] == "1"


def test_a_sysctl_that_goes_with_its_device_is_no_obstacle():
    """rp_filter of the tunnel, noted because somebody had set it, is gone with the tunnel."""
    machine = router(Event.UP)
    machine.set_sysctl("net/ipv4/conf/mape0/rp_filter", "1")
    assert run(machine, CONFIG, Event.APPLY, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router())


def test_a_lan_that_left_the_configuration_gets_its_sysctl_back():
    """What the configuration names no longer is put back by the next run."""
    machine = Machine("wan0", "lan0", "lan1")
    for name in ("lan0", "lan1"):  # as somebody has set it
        machine.set_sysctl(f"net/ipv6/conf/{name}/accept_ra", "2")
    run(machine, config(a='["lan0"] -> ["lan0", "lan1"]'), Event.UP)
    assert machine.state.sysctls["net/ipv6/conf/lan1/accept_ra_defrtr"] == "0"
    run(machine, CONFIG, Event.APPLY)
    assert machine.state.sysctls["net/ipv6/conf/lan1/accept_ra_defrtr"] == "1"
    assert machine.state.sysctls["net/ipv6/conf/lan0/accept_ra_defrtr"] == "0"
