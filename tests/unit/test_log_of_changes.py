"""Each change is a line in the log, however the event ends."""

import pytest
from machine import (
    Machine,
)
from routers import CONFIG

from dualwan import handle as running
from dualwan.errors import HostError
from dualwan.model.event import Event


def test_each_change_is_a_line_in_the_log(log):
    """What was done, in which slice, because of what; nothing where nothing was done."""
    machine = Machine("wan0", "lan0")
    running.handle_event(CONFIG, machine, Event.UP)
    assert len(log) == len(machine.applied)
    assert "+ nft table ip dualwan_snat (cause=ifup slice=snat)" in log
    log.clear()
    running.handle_event(CONFIG, machine, Event.UP)
    assert log == []


def test_what_a_failed_slice_has_done_is_in_the_log(log):
    """The default route is refused at ifup: the steps of the tunnel before it are logged."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["route default"]
    with pytest.raises(HostError, match="refused"):
        running.handle_event(CONFIG, machine, Event.UP)
    done = [f"{step.sign} {step.text}" for step in machine.applied]
    assert "+ tunnel mape0" in "".join(done)
    assert [line.partition(" (cause")[0] for line in log[:-1]] == done
    assert "refused" in log[-1]


def test_what_the_second_look_did_is_in_the_log(log):
    """A value that moved while the slices were dealt with is set again, and logged again."""
    machine = Machine("wan0", "lan0")
    original = machine.apply

    def meddle(step):
        original(step)
        if step.text.startswith("route default") and len(machine.applied) < 20:
            machine.set_sysctl("net/ipv4/ip_forward", "0")

    machine.apply = meddle
    running.handle_event(CONFIG, machine, Event.UP)
    assert len([step for step in machine.applied if "ip_forward" in step.text]) == 2
    assert len(log) == len(machine.applied)
