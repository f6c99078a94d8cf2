"""What outlives a trial: flows, what a provider was told, and how long the trial is spoken of."""

import pytest
from machine import BASE, Machine, config
from tried_routers import PATH

from dualwan.handle import handle_event, trial
from dualwan.model.event import Event
from dualwan.model.resources import Flows

IPIP = (
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ipip"\nbr = "2001:db8:ffff::9"\nipv4 = "192.0.2.18"\n'
    + 'interface-id = "::feed"\nupdate = "/etc/dualwan/update"\n[pppoe]\ndial = false\n'
)
OLD, NEW = config(IPIP), config(IPIP, a="::feed -> ::f00d", b="192.0.2.18 -> 192.0.2.19")
OTHER = config(IPIP, a="::feed -> ::cafe")
PREFIX = "2001:db8:12:3400"


@pytest.fixture(name="router")
def _router(log):
    """Return a router that was down before a trial, which has gone back, and its update calls."""
    assert log == []
    machine, calls = Machine("wan0", "lan0"), []
    machine.call_update_url = lambda _path, _device, ce: calls.append(ce) or "good"
    machine.announced["wan0"] = (f"{PREFIX}::/64",)
    for event in (Event.UP, Event.DOWN):
        handle_event(OLD, machine, event)
    trial.begin(NEW, PATH, machine, 60)
    handle_event(NEW, machine, Event.APPLY)
    assert trial.go_back(machine)
    machine.applied.clear()
    return machine, calls


def test_the_provider_is_told_again_at_the_next_ifup(router):
    """It knows the end that was tried."""
    machine, calls = router
    handle_event(OLD, machine, Event.UP)
    assert calls == [f"{PREFIX}::feed", f"{PREFIX}::f00d", f"{PREFIX}::feed"]


def test_flows_of_what_was_tried_end_with_the_next_ifup(router):
    """No way has their address then."""
    machine, _ = router
    handle_event(OLD, machine, Event.UP)
    assert "192.0.2.19" in [
        step.resource.address for step in machine.applied if isinstance(step.resource, Flows)
    ]
