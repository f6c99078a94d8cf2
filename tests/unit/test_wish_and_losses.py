"""What a run that is ended must not lose: the wish to be up, and what was counted."""

import pytest
from machine import CrashError, Machine, config, pending, run

from dualwan.errors import KernelError
from dualwan.model.event import Event
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable
from dualwan.reconcile import reconcile
from dualwan.slices import snat

COUNTED = Losses({"192.168.1.10": 3}, 2, 1)


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (Event.PRE_UP, True),
        (Event.UP, True),
        (Event.APPLY, True),
        (Event.DOWN, False),
        (Event.REMOVE, False),
    ],
)
def test_the_wish_is_noted_before_the_first_step(event, wanted):
    """A run that is killed at once leaves what later events go by."""
    machine = Machine("wan0", "lan0")
    if not wanted:
        assert run(machine, config(), Event.UP) == []
    machine.crash_after = 0
    with pytest.raises(CrashError):
        reconcile(config(), machine, event)
    assert machine.run_state.wanted is wanted


def test_an_event_after_a_killed_ifup_brings_up_the_rest():
    """PPPoE's, or the line's: the router was to be up, so it is."""
    machine = Machine("wan0", "lan0")
    machine.crash_after = 0
    with pytest.raises(CrashError):
        reconcile(config(), machine, Event.UP)
    machine.crash_after = None
    assert run(machine, config(), Event.PREFIX_CHANGED) == []
    assert pending(machine, config(), Event.APPLY) == []
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN, Event.PREFIX_CHANGED])
@pytest.mark.parametrize("up", [True, False])
def test_other_events_leave_the_wish_as_it_is(event, up):
    """What PPPoE and the line do says nothing of what the owner wants."""
    machine = Machine("wan0", "lan0")
    assert run(machine, config(), Event.UP) == []
    if not up:
        assert run(machine, config(), Event.DOWN) == []
    assert run(machine, config(), event) == []
    assert machine.run_state.wanted is up


class Counting(Machine):
    """A machine whose counters begin anew where the table that has them is loaded whole."""

    def apply(self, step):
        """See Machine."""
        item, was = step.resource, step.was
        super().apply(step)
        whole = step.sign != "~" or not (isinstance(was, NftTable) and was.intact)
        if isinstance(item, NftTable) and item.name == snat.TABLE.name and whole:
            self.counted = Losses()

    @property
    def counted(self):
        """What the table has counted."""
        return Losses(self.element_counts, *self.named_counts.values())

    @counted.setter
    def counted(self, losses):
        self.element_counts = dict(losses.refused)
        self.named_counts = {"no_port": losses.no_port, "untranslated": losses.untranslated}


def test_what_was_counted_outlives_a_table_that_somebody_edited():
    """It is loaded anew, whole, so that its counters begin at 0: the notes have what they had."""
    machine = Counting("wan0", "lan0")
    machine.counted = Losses()
    assert run(machine, config(), Event.UP) == []
    machine.counted = COUNTED
    machine.edit_table(snat.TABLE.name)
    assert run(machine, config(), Event.APPLY) == []
    assert machine.run_state.losses + machine.counted == COUNTED
    assert machine.counted == Losses()


def test_what_was_counted_is_not_counted_twice():
    """A table that is changed in place goes on counting, and the notes stay as they were."""
    machine = Counting("wan0", "lan0")
    machine.counted = Losses()
    assert run(machine, config(), Event.UP) == []
    machine.counted = COUNTED
    assert run(machine, config(a='"lan0" -> "lan0", "lan1"'), Event.APPLY) == []
    assert machine.counted == COUNTED
    assert machine.run_state.losses == Losses()


def test_a_table_that_could_not_be_loaded_loses_no_count():
    """The next run, which loads it, has them still."""
    machine = Counting("wan0", "lan0")
    machine.counted = Losses()
    assert run(machine, config(), Event.UP) == []
    machine.counted = COUNTED
    machine.edit_table(snat.TABLE.name)
    machine.refuse_after = 0
    try:
        assert reconcile(config(), machine, Event.APPLY).problems
    except KernelError:
        pytest.fail("a slice that fails is told, not raised")
    machine.refuse_after = None
    assert run(machine, config(), Event.APPLY) == []
    assert machine.run_state.losses + machine.counted == COUNTED
