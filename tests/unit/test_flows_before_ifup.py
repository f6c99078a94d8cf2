"""An ifup with another softwire, found by the line of DS-Lite after IPIP.

A ping that began by the one service went on by the other, translated to the address of before,
and was never answered. The event before ifup, at which the WAN is down, had noted the address to
come as the one whose flows may live on, so the one of before was forgotten.
"""

import pytest
from machine import BASE, Machine, run

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.model.resources import Flows

HEAD = BASE.partition("[mape]")[0] + "[pppoe]\ndial = false\n\n[mape]\n"
SERVICES = {
    "manual": BASE,
    "other-ports": BASE.replace("psid = 1", "psid = 2").replace(":100:99:f", ":200:99:f"),
    "ipip": HEAD
    + 'mode = "ipip"\nbr = "2001:db8:ffff::9"\nipv4 = "198.51.100.9"\ninterface-id = "::feed"\n',
    "ds-lite": HEAD + 'mode = "ds-lite"\naftr = "2001:db8:ffff::64"\n',
}
PREFIX = "2001:db8:0:100::/64"


def changed(before, now):
    """Let a router with the service BEFORE go down and come up with NOW, as ifupdown does."""
    router = Machine("wan0", "lan0")
    router.announced = {"wan0": (PREFIX,)}
    services = {name: from_text("dualwan.toml", text) for name, text in SERVICES.items()}
    run(router, services[before], Event.PRE_UP, Event.UP, Event.DOWN)
    router.switch("wan0", up=False)
    router.announced = {}
    run(router, services[now], Event.PRE_UP)
    router.switch("wan0", up=True)
    router.applied.clear()
    router.announced = {"wan0": (PREFIX,)}
    assert run(router, services[now], Event.UP, Event.UP) == []
    return [one.resource.address for one in router.applied if isinstance(one.resource, Flows)]


@pytest.mark.parametrize(
    ("before", "now", "address"),
    [
        ("ipip", "ds-lite", "198.51.100.9"),
        ("ds-lite", "ipip", "192.0.0.2"),
        ("ipip", "manual", "198.51.100.9"),
        ("manual", "ds-lite", "192.0.2.18"),
    ],
)
def test_flows_of_the_service_before_are_deleted_once(before, now, address):
    """When the tunnel is made: until then no packet of theirs leaves."""
    assert changed(before, now) == [address]


def test_flows_of_another_port_set_are_deleted():
    """Of the same address: the prefix changed while the WAN was down."""
    assert changed("manual", "other-ports") == ["192.0.2.18"]


@pytest.mark.parametrize("service", SERVICES)
def test_flows_of_the_same_softwire_live_on(service):
    """A download goes on over an ifdown and ifup of the WAN."""
    assert changed(service, service) == []
