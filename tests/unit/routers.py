"""Routers in memory that others use too, for the tests of reconciliation."""

from dataclasses import replace

from hypothesis import strategies as st
from machine import (
    Machine,
    config,
    run,
)

from dualwan.model.event import Event
from dualwan.model.resources import Address
from dualwan.nft.table import NftTable

CONFIG = config()
FOREIGN = (NftTable("inet", "filter"), NftTable("ip", "dualwan"))
OTHERS = (Address("wan0", "2001:db8:0:100::5"), Address("lan0", "192.168.1.1"))
ADDRESSES = ("203.0.113.1", "203.0.113.2")


def router(*events, address=""):
    """Return a router with its WAN up, after EVENTS; with ADDRESS PPPoE is up too."""
    machine = Machine("wan0", "lan0")
    if address:
        machine.connect(address)
    run(machine, CONFIG, *events)
    return machine


def populated():
    """Return a router that others use too, as it was before we came."""
    machine = Machine("wan0", "lan0")
    machine.set_sysctl("net/ipv4/ip_forward", "1")
    machine.state = replace(machine.state, tables=FOREIGN, addresses=OTHERS)
    return machine


HOOKS = st.sampled_from(
    [Event.PRE_UP, Event.UP, Event.DOWN, Event.POST_DOWN, Event.PPP_UP, Event.PPP_DOWN]
)
