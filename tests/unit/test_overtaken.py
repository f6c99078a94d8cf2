"""An ifup that is overtaken while it waits without the lock: what was decided meanwhile stands."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, ours

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event

BY_RULE = config(DIALS_BY_RULE)
DS_LITE = config(
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ds-lite"\naftr = "gw.example.net"\n[pppoe]\ndial = false\n'
)
PREFIX = "2001:db8:12:3400::/64"
pytestmark = pytest.mark.usefixtures("log")


def down(machine):
    """Let a person take everything down (`dualwan-hook down`, or the removal of the package)."""
    handle_event(None, machine, Event.REMOVE)


def overtaken(machine, name, by):
    """Let ``by`` happen during the next call of a method of ``machine``."""
    method = getattr(machine, name)

    def late(*arguments):
        setattr(machine, name, method)
        by(machine)
        return method(*arguments)

    setattr(machine, name, late)


def is_down(machine):
    """Whether nothing of ours is there, and nothing is to be."""
    return not ours(machine) and not machine.running and not machine.run_state.wanted


def test_who_waits_for_the_prefix_brings_nothing_back():
    """The person took everything down in those 30 s: `down` says that nothing is left."""
    machine = Machine("wan0", "lan0")

    def announced(machine):
        down(machine)
        machine.announced["wan0"] = (PREFIX,)

    overtaken(machine, "await_prefix", announced)
    handle_event(BY_RULE, machine, Event.UP)
    assert is_down(machine)


def test_who_asks_a_server_brings_nothing_back():
    """A name server that is slow to answer, and has news."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (PREFIX,)
    machine.names = {"gw.example.net": "2001:db8:ffff::9"}
    overtaken(machine, "resolve", down)
    handle_event(DS_LITE, machine, Event.UP)
    assert is_down(machine)


def test_a_full_run_directory_keeps_no_prefix_from_being_followed():
    """What is wanted cannot be noted there, and is not known from it."""
    machine = Machine("wan0", "lan0")

    def announced(machine):
        machine.announced["wan0"] = (PREFIX,)

    overtaken(machine, "await_prefix", announced)
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match=r"state\.json"):
        handle_event(BY_RULE, machine, Event.UP)
    assert {table.name for table in machine.state.tables} >= {"dualwan_firewall", "dualwan_snat"}
