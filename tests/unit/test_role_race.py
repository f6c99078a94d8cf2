"""Scripts of two roles that overtake each other: what was asked for last is what stands."""

import pytest
from one_of_two import ACTIVE, PEER, STANDBY, active, after_boot, standby, there

from dualwan.reconcile import reconcile


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router after a boot: ifup has run, and keepalived has not spoken yet."""
    assert log == []
    return after_boot()


def test_what_was_asked_for_earlier_does_not_count(machine, log):
    """None of its scripts is waited for by keepalived, so they may come in the wrong order."""
    assert standby(machine, asked=20)
    log.clear()
    assert not active(machine, asked=19)
    assert there(machine) == STANDBY
    assert any("another role was asked for since" in line for line in log)


def test_who_was_overtaken_while_dialling_hangs_up(machine):
    """The other script came between the look at the role and pppd's start."""
    dial = machine.dial

    def late(peer, key):
        machine.dial = dial
        standby(machine)
        return dial(peer, key)

    machine.dial = late
    active(machine)
    assert there(machine) == STANDBY
    assert machine.run_state.dialled == ()


def test_who_was_overtaken_before_hanging_up_lets_the_session_be(machine, monkeypatch):
    """The other script has dialled while this one reconciled."""
    active(machine)

    def overtaken(*arguments):
        monkeypatch.undo()
        done = reconcile(*arguments)
        active(machine, asked=30)
        return done

    monkeypatch.setattr("dualwan.handle.run.reconcile", overtaken)
    ended = []
    machine.hang_up = lambda *arguments: ended.append(arguments)
    standby(machine)
    assert there(machine) == ACTIVE
    assert ended == []


def test_who_was_overtaken_while_hanging_up_dials(machine):
    """The other script saw the session that this one was about to end."""
    active(machine)
    hang_up = machine.hang_up

    def late(*arguments):
        machine.hang_up = hang_up
        active(machine, asked=30)
        return hang_up(*arguments)

    machine.hang_up = late
    standby(machine)
    assert there(machine) == ACTIVE
    assert machine.run_state.dialled == (PEER,)
