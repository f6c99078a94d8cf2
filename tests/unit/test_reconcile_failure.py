"""Runs that are killed, refused or undone: what is told, and what the next run mends."""

from dataclasses import replace

import pytest
from machine import (
    CrashError,
    Machine,
    kernel_state,
    ours,
    pending,
    run,
)
from routers import ADDRESSES, CONFIG, router

from dualwan.errors import HostError
from dualwan.model.event import Event
from dualwan.model.resources import Route
from dualwan.nft.table import NftTable
from dualwan.reconcile import reconcile


def steps_of(events, address):
    """Return how many steps EVENTS take."""
    return len(router(*events, address=address).applied)


@pytest.mark.parametrize("how", ["crash_after", "refuse_after"])
@pytest.mark.parametrize("at", range(steps_of((Event.UP,), ADDRESSES[0])))
def test_a_run_that_stops_anywhere_is_mended_by_the_next(how, at):
    """Killed or refused at any step: the next run ends as if nothing had been, and so does down."""
    machine = router(address=ADDRESSES[0])
    setattr(machine, how, at)
    try:
        done = reconcile(CONFIG, machine, Event.UP)
        assert done.problems or done.owed
    except CrashError:
        assert how == "crash_after"
    again = replace(machine.state)
    assert run(machine, CONFIG, Event.UP) == []
    whole = router(Event.UP, address=ADDRESSES[0])
    assert kernel_state(machine) == kernel_state(whole)
    assert pending(machine, CONFIG, Event.APPLY) == []

    machine.state = again
    assert run(machine, CONFIG, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router(address=ADDRESSES[0]))


@pytest.mark.parametrize("how", ["crash_after", "refuse_after"])
@pytest.mark.parametrize(
    "at",
    range(steps_of((Event.UP, Event.REMOVE), ADDRESSES[0]) - steps_of((Event.UP,), ADDRESSES[0])),
)
def test_a_removal_that_stops_anywhere_is_finished_by_the_next(how, at):
    """Killed or refused at any step of `down`: another `down` leaves nothing.

    What was refused is said: as a problem, or as a warning where the step only helps.
    """
    machine = router(Event.UP, address=ADDRESSES[0])
    setattr(machine, how, at)
    try:
        done = reconcile(CONFIG, machine, Event.REMOVE)
        assert done.problems or done.owed
    except CrashError:
        assert how == "crash_after"
    assert run(machine, CONFIG, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router(address=ADDRESSES[0]))


def test_a_slice_that_is_refused_holds_back_only_what_needs_it():
    """Without translation no tunnel; PPPoE's way back and the firewall stand all the same."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["dualwan_snat"]
    problems = run(machine, CONFIG, Event.UP)
    assert any("dualwan_snat" in problem for problem in problems)
    assert "tunnel waits for snat" in problems
    assert {table.name for table in machine.state.tables} == {"dualwan_firewall", "dualwan_pbr"}
    assert machine.state.tunnels == ()
    assert Route(100, "ppp0") in machine.state.routes


def test_nothing_is_opened_before_the_firewall_stands():
    """Where the kernel refuses the firewall, nothing else is brought up."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["dualwan_firewall"]
    run(machine, CONFIG, Event.UP)
    assert ours(machine) == ()
    assert machine.state.sysctls["net/ipv4/ip_forward"] == "0"


def test_taking_down_does_not_wait_for_what_fails():
    """A table that cannot be removed does not keep the tunnel up."""
    machine = router(Event.UP)
    machine.refuse = ["dualwan_pbr"]
    assert run(machine, CONFIG, Event.REMOVE)
    assert [table.name for table in machine.state.tables] == ["dualwan_pbr"]
    assert machine.state.tunnels == ()


def test_a_table_that_is_loaded_and_not_recorded_is_told_and_noted():
    """A run directory that takes no more: the step is done, and counts as done; the next mends."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["tables/dualwan_firewall.json"]
    result = reconcile(CONFIG, machine, Event.UP)
    assert result.failures["firewall"].endswith("No space left on device")
    assert ("firewall", "+ nft table inet dualwan_firewall") in [
        (name, f"{step.sign} {step.text}") for name, step in result.applied
    ]
    assert machine.run_state.tables == ("dualwan_firewall",)
    assert "snat waits for firewall" in result.problems
    machine.refuse = ()
    assert pending(machine, CONFIG, Event.APPLY, ("firewall",)) == [
        "~ nft table inet dualwan_firewall (somebody changed it)",
        "- conntrack entries of flows from outside",
    ]
    assert run(machine, CONFIG, Event.UP) == []
    assert kernel_state(machine) == kernel_state(router(Event.UP))


class Undoer(Machine):
    """A machine on which somebody removes what we add."""

    def apply(self, step):
        """Do STEP, and undo it if it is about nft."""
        super().apply(step)
        if isinstance(step.resource, NftTable):
            self.flush_ruleset()


def test_what_does_not_last_is_told():
    """Success is what the kernel shows afterwards, not that no call failed."""
    machine = Undoer("wan0", "lan0")
    problems = run(machine, CONFIG, Event.APPLY, only=("snat",))
    assert problems == ["the kernel did not end as planned: + nft table ip dualwan_snat"]


def test_nothing_is_done_blindly():
    """Where nft does not show its tables, a run stops before the first change."""
    machine = router()
    machine.state = replace(machine.state, tables=None)
    with pytest.raises(HostError, match="nft shows its tables to root only"):
        reconcile(CONFIG, machine, Event.APPLY)
    assert machine.applied == []


def test_a_table_loaded_before_a_refusal_is_known_as_ours():
    """A slice whose later step was refused does not make our own table look changed."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["route default dev ppp0"]
    assert run(machine, CONFIG, Event.UP)
    assert "dualwan_pbr" in {table.name for table in machine.state.tables}
    machine.refuse = ()
    assert not [step for step in pending(machine, CONFIG, Event.APPLY) if "nft table" in step]
