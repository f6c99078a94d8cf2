"""One of two routers, and the line's servers: what is old is asked for at a takeover."""

import pytest
from asked_line import GOOD, ORIGIN, OTHER, PREFIX, TEXT, ipv4
from machine import Machine

from dualwan.config import from_text
from dualwan.handle import handle_event, role
from dualwan.line.provisioning.answer import DAY
from dualwan.model.event import Event

REDUNDANT = "[router]\nredundant = true\n"
AFTR, ADDRESS, MOVED = "gw.example.jp", "2001:db8:ffff::9", "2001:db8:ffff::10"
BY_AFTR = TEXT.replace(
    'provider = "auto"\nprovisioning = ["hb46pp", "dhcpv6"]\n',
    f'mode = "ds-lite"\naftr = "{AFTR}"\n',
)
pytestmark = pytest.mark.usefixtures("log")


def worked_before(text):
    """Return a configuration, and a router of it that has worked once, and stands by."""
    cfg, machine = from_text("dualwan.toml", text + REDUNDANT), Machine("wan0", "lan0")
    machine.announced["wan0"], machine.clock = (PREFIX,), 1_000_000
    machine.answers["hb46pp"] = (ORIGIN, machine.clock, GOOD)
    machine.names[AFTR] = ADDRESS
    role.take(cfg, machine, active=True, asked=1)
    handle_event(cfg, machine, Event.UP)
    role.take(cfg, machine, active=False, asked=2)
    return cfg, machine


def test_an_aftr_that_has_moved_meanwhile_is_found_at_the_takeover():
    """Not ten minutes later, and first of all the tunnel is there."""
    cfg, machine = worked_before(BY_AFTR)
    machine.names[AFTR] = MOVED
    role.take(cfg, machine, active=True, asked=3)
    assert [tunnel.remote for tunnel in machine.state.tunnels] == [MOVED]


def test_a_rule_that_has_run_out_is_asked_for_at_the_takeover():
    """One that holds is not."""
    cfg, machine = worked_before(TEXT)
    machine.asked.clear()
    role.take(cfg, machine, active=True, asked=3)
    assert machine.asked == []
    role.take(cfg, machine, active=False, asked=4)
    machine.clock += DAY
    machine.answers["hb46pp"] = (ORIGIN, machine.clock, OTHER)
    role.take(cfg, machine, active=True, asked=5)
    assert machine.asked == ["hb46pp"]
    assert ipv4(cfg, machine).startswith("198.51.100.")


def test_a_standby_asks_when_it_comes_up():
    """So that it is ready: at the takeover nothing waits for a server."""
    cfg, machine = from_text("dualwan.toml", TEXT + REDUNDANT), Machine("wan0", "lan0")
    machine.announced["wan0"], machine.clock = (PREFIX,), 1_000_000
    machine.answers["hb46pp"] = (ORIGIN, machine.clock, GOOD)
    handle_event(cfg, machine, Event.UP)
    machine.asked.clear()
    role.take(cfg, machine, active=True, asked=1)
    assert machine.asked == []
    assert machine.state.tunnels


def test_who_is_asked_to_stand_by_meanwhile_does_so():
    """A slow server answers when the other router has the line already."""
    cfg, machine = worked_before(BY_AFTR)

    def late(*arguments):
        del machine.resolve
        role.take(cfg, machine, active=False, asked=4)
        return machine.resolve(*arguments)

    machine.names[AFTR], machine.resolve = MOVED, late
    role.take(cfg, machine, active=True, asked=3)
    assert machine.state.tunnels == ()
    assert {table.name for table in machine.state.tables} == {"dualwan_firewall"}
