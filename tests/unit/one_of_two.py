"""A router with another one beside it: its configuration, its roles, and what stands in each."""

from typing import NamedTuple

from machine import BASE, CE, Machine, config

from dualwan.handle import handle_event, role
from dualwan.model.event import Event

ONE_OF_TWO = BASE.replace("dial = false", "dial = true") + "\n[router]\nredundant = true\n"
CONFIG, PEER = config(ONE_OF_TWO), "dsl-provider"
CLOSED = ["dualwan_firewall"]


def after_boot():
    """Return a router after a boot: ifup has run, and keepalived has not spoken yet."""
    machine = Machine("wan0", "lan0")
    for event in (Event.PRE_UP, Event.UP):
        handle_event(CONFIG, machine, event)
    return machine


class There(NamedTuple):
    """What stands on a machine."""

    tables: list
    ce: bool
    tunnel: bool
    dialled: bool


def there(machine):
    """Return what stands."""
    return There(
        sorted(table.name for table in machine.state.tables),
        any(item.address == CE for item in machine.state.addresses),
        bool(machine.state.tunnels),
        PEER in machine.running,
    )


STANDBY = There(CLOSED, ce=False, tunnel=False, dialled=False)
ACTIVE = There(
    ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"], ce=True, tunnel=True, dialled=True
)


def active(machine, asked=10):
    """Make the machine the active router."""
    return role.take(CONFIG, machine, active=True, asked=asked)


def standby(machine, asked=20):
    """Let the machine stand by."""
    return role.take(CONFIG, machine, active=False, asked=asked)
