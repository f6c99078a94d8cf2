"""How often the run state is read and written in one run."""

from dataclasses import replace

import pytest
from machine import Machine, config

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.journal import Journal
from dualwan.model.event import Event


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """Return a router that is up on both ways, with nothing counted yet."""
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    handle_event(config(), machine, Event.UP)
    machine.loads = machine.saves = 0
    return machine


def test_a_reconnect_reads_the_state_once_and_writes_it_once(machine):
    """Only one slice has something to note: pbr, the new address."""
    machine.connect("203.0.113.8")
    handle_event(config(), machine, Event.PPP_UP)
    assert (machine.loads, machine.saves) == (1, 1)
    assert machine.run_state.sessions == {"pppoe": "203.0.113.8"}


def test_an_event_that_changes_nothing_writes_nothing(machine):
    """A repeated hook reads the state once and leaves the disk alone."""
    handle_event(config(), machine, Event.PPP_UP)
    assert (machine.loads, machine.saves) == (1, 0)


def test_ifup_writes_the_state_once_for_each_slice(monkeypatch):
    """And once at the end, for what the last one has done; then that it has looked around.

    The second stanza finds nothing to do and has looked: it reads once, and writes nothing.
    """
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    machine = Machine("wan0", "lan0")
    handle_event(config(), machine, Event.UP)
    assert machine.loads == 2
    assert machine.saves <= 4 + 1 + 1
    machine.loads = machine.saves = 0
    handle_event(config(), machine, Event.UP)
    assert (machine.loads, machine.saves) == (1, 0)


def test_what_was_done_is_written_also_where_the_verification_fails(machine, monkeypatch):
    """The kernel cannot be read a second time: the state says what was applied before that."""
    machine.connect("203.0.113.8")
    original, looks = machine.observe, []

    def observe(reads):
        looks.append(reads)
        if len(looks) > 1:
            raise HostError("netlink: No buffer space available")
        return original(reads)

    monkeypatch.setattr(machine, "observe", observe)
    with pytest.raises(HostError, match="No buffer space"):
        handle_event(config(), machine, Event.PPP_UP)
    assert machine.run_state.sessions == {"pppoe": "203.0.113.8"}


def test_the_first_event_after_an_upgrade_brings_up_every_slice(machine):
    """The run state is another version's: a reconnect replaces the tables that it left, once."""
    table = next(item for item in machine.state.tables if item.name == "dualwan_snat")
    machine.state = replace(
        machine.state,
        tables=tuple(
            replace(item, blocks=item.blocks[:-1]) if item is table else item
            for item in machine.state.tables
        ),
    )
    handle_event(config(), machine, Event.PPP_UP)
    assert table not in machine.state.tables, "of this version, it is not looked at"
    machine.run_state = replace(machine.run_state, version="0.0.9")
    handle_event(config(), machine, Event.PPP_UP)
    assert table in machine.state.tables
    machine.applied.clear()
    handle_event(config(), machine, Event.PPP_UP)
    assert machine.applied == []


def test_what_was_saved_is_not_saved_again(machine):
    """Only what has been noted since is a reason to write."""
    with machine.lock(0):
        journal = Journal(machine, [])
        journal.note(replace(journal.state, aftr="2001:db8::1"))
        journal.save()
        journal.save()
        assert machine.saves == 1
        journal.note(replace(journal.state, aftr="2001:db8::2"))
        assert journal.close() == ""
    assert (machine.saves, machine.run_state.aftr) == (2, "2001:db8::2")
