"""There is no moment without a default route, and none in which an answer finds no rule."""

from dataclasses import replace

import pytest
from machine import BASE, Machine, config, run

from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Address, Route, RouteRule
from dualwan.model.state import Health

FAILOVER = BASE.replace('"wan0"\n', '"wan0"\nfailover = true\nprobe = ["192.0.2.1"]\n')


class Watched(Machine):
    """A router that notes after each step which ways out main has, and where answers are led."""

    def __init__(self, *devices):
        super().__init__(*devices)
        self.ways_out, self.led = [], []

    def apply(self, step):
        """Do the step, and look."""
        super().apply(step)
        self.ways_out.append({one.device for one in self.state.routes if one.table == MAIN})
        self.led.append({one.table for one in self.state.rules if one.table != MAIN})


@pytest.fixture(name="router")
def _router():
    machine = Watched("wan0", "lan0")
    machine.connect("203.0.113.7")
    assert run(machine, config(FAILOVER), Event.UP, Event.PPP_UP) == []
    machine.ways_out.clear()
    machine.led.clear()
    return machine


@pytest.mark.parametrize("broken", [True, False])
def test_a_failover_and_a_return_leave_the_default_route_standing(router, broken):
    """The new route is there before the old one goes: only their metrics differ."""
    states = [Health(broken=broken), Health(broken=not broken)]
    for health in states:
        router.run_state = replace(router.run_state, health=health)
        assert run(router, config(FAILOVER), Event.PREFIX_CHANGED) == []
    assert len(router.ways_out) >= 2
    assert all("mape0" in ways for ways in router.ways_out)


def test_another_address_leaves_the_default_route_standing(router):
    """The kernel takes a device's routes with its last IPv4 address."""
    moved = config(FAILOVER, a='"192.0.2.18" -> "192.0.2.19"')
    assert run(router, moved, Event.APPLY) == []
    assert all("mape0" in ways for ways in router.ways_out)
    there = [one.address for one in router.state.addresses if one.device == "mape0"]
    assert there == ["192.0.2.19"]
    assert Route(MAIN, "mape0") in router.state.routes


def test_the_last_address_takes_the_routes_along(router):
    """So that the double shows what the order is for."""
    router.lose_address(Address("mape0", "192.0.2.18"))
    assert not [one for one in router.state.routes if one.device == "mape0"]
    assert run(router, config(FAILOVER), Event.APPLY) == []
    assert Route(MAIN, "mape0") in router.state.routes


def test_rules_that_change_leave_answers_led(router):
    """Other numbers of rules and table, another mask, as after an upgrade from 0.1.0."""
    renumbered = config(FAILOVER, a="dial = false -> dial = false\npriority = 500\ntable = 300")
    assert run(router, renumbered, Event.APPLY) == []
    assert router.led
    assert all(tables & {100, 300} and tables & {101, 301} for tables in router.led)
    old = [
        RouteRule(one.priority, one.table, one.source, one.mark, one.mask and 0x03000000)
        for one in router.state.rules
        if one.table != MAIN
    ]
    router.led.clear()
    router.state = replace(router.state, rules=tuple(old))
    assert run(router, renumbered, Event.APPLY) == []
    assert all({300, 301} <= tables for tables in router.led)
    assert not {one.mask for one in router.state.rules} & {0x03000000}
