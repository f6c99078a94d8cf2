"""One of two routers with zones, blocks and further ways: whatever comes in whatever order.

Roles, ifup, ifdown, sessions and a VPN come and go by chance; what stands afterwards follows from
the last role, and whether the router is to be up, alone.
"""

import random
from contextlib import suppress

import pytest
from machine import BASE, Machine, config, pending

from dualwan.errors import DualwanError
from dualwan.handle import handle_event, role
from dualwan.model.event import Event

HOUSE = config(
    BASE.replace(
        "dial = false",
        'addresses = ["203.0.113.128/29"]\none-to-one = { "203.0.113.131" = "192.168.1.20" }',
    )
    + """
[way.fixed]
type = "ipip"
br = "2001:db8:ffff::1"
ipv4 = "192.0.2.30"
ce = "2001:db8:77::30"
addresses = ["198.51.100.8/29"]
[way.away]
type = "vpn"
interface = "wg0"
[zone.guest]
interfaces = ["guest*"]
ways = ["away"]
[zone.dmz]
interfaces = ["dmz0"]
ways = ["pppoe"]
[[policy]]
way = "fixed"
fallback = "none"
source = "192.168.1.9"
[router]
redundant = true
"""
)
ADDRESSES = ("203.0.113.129", "203.0.113.7", "203.0.113.8")  # the first one is of the block
CLOSED = {"dualwan_firewall"}
pytestmark = pytest.mark.usefixtures("log")


class House:
    """A router on which things happen, and may fail."""

    def __init__(self, chance):
        self.chance, self.asked, self.machine = chance, 0, Machine("wan0", "lan0")

    def events(self, *events):
        """Let EVENTS happen."""
        for event in events:
            with suppress(DualwanError):
                handle_event(HOUSE, self.machine, event)

    def take(self, active):
        """Let keepalived give a role."""
        self.asked += 1
        with suppress(DualwanError):
            role.take(HOUSE, self.machine, active=active, asked=self.asked)

    def ifup(self):
        """Bring the WAN up."""
        self.machine.switch("wan0", up=True)
        self.events(Event.PRE_UP, Event.UP)

    def ifdown(self):
        """Take the WAN down."""
        self.events(Event.DOWN)
        self.machine.switch("wan0", up=False)
        self.events(Event.POST_DOWN)

    def session(self):
        """Let PPPoE come up if it was dialled, or end."""
        if self.machine.run_state.dialled and self.chance.random() < 2 / 3:
            self.machine.connect(self.chance.choice(ADDRESSES))
            self.events(Event.PPP_UP)
        else:
            self.hung_up()

    def hung_up(self):
        """Let PPPoE end."""
        self.machine.unplug("ppp0")
        self.events(Event.PPP_DOWN)

    def vpn(self):
        """Let the VPN come or go, which nobody tells."""
        self.machine.unplug("wg0")
        if self.chance.random() < 2 / 3:
            self.machine.connect(f"10.64.0.{self.chance.randrange(2, 5)}", "wg0", "wireguard")

    def something(self):
        """Let anything happen."""
        self.chance.choice(
            (
                self.ifup,
                self.ifdown,
                self.session,
                self.vpn,
                lambda: self.take(active=True),
                lambda: self.take(active=False),
                lambda: self.events(self.chance.choice((Event.APPLY, Event.MEND, Event.BOOT))),
                lambda: self.events(Event.PREFIX_CHANGED),
            )
        )()

    @property
    def tables(self):
        """The names of the tables."""
        return {table.name for table in self.machine.state.tables}

    @property
    def others(self):
        """What stands besides tables."""
        state = self.machine.state
        return (*state.tunnels, *state.routes, *state.rules, *self.machine.run_state.dialled)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("active", [True, False], ids=["active", "standby"])
def test_the_last_role_counts_whatever_came_before(seed, active):
    """Up, a standby has a firewall alone; down, nothing is left but what closes the VPN."""
    house = House(random.Random(seed))  # noqa: S311 - no secret
    for _ in range(12):
        house.something()
    steps = [house.ifup, lambda: house.take(active)]
    house.chance.shuffle(steps)
    for step in (*steps, house.hung_up):
        step()
    house.events(Event.MEND)
    assert pending(house.machine, HOUSE, Event.APPLY) == []
    assert (house.tables > CLOSED, bool(house.others)) == (active, active)
    assert active or house.tables == CLOSED
    house.ifdown()
    for last in (not active, active):
        house.take(last)
    house.events(Event.MEND, Event.PREFIX_CHANGED)
    assert house.others == ()
    assert house.tables == (CLOSED if "wg0" in house.machine.state.links else set())
