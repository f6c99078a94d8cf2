"""How long ifup waits for the line's prefix, and that it waits once."""

from contextlib import suppress

import pytest
from config_texts import DIALS_BY_RULE
from machine import Machine, config, pending, run

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.planning import make_plan
from dualwan.report import status

CONFIG = config(DIALS_BY_RULE)
PREFIX = "2001:db8:12:3400::/64"


class Silent(Machine):
    """A line that announces nothing; it takes down who waits for it."""

    def __init__(self, *devices):
        super().__init__(*devices)
        self.waits = []

    def await_prefix(self, device, seconds):
        """Wait in vain."""
        self.waits.append(seconds)
        return super().await_prefix(device, seconds)


@pytest.fixture(autouse=True)
def _quiet(log):
    return log


def stanza(machine):
    """Let ifup bring up one stanza of the WAN."""
    for event in (Event.PRE_UP, Event.UP):
        with suppress(HostError):  # no prefix yet
            handle_event(CONFIG, machine, event)


def test_ifup_does_not_wait_while_a_watcher_runs():
    """The watcher hears of the prefix whenever it comes: the boot is not held up."""
    machine = Silent("wan0", "lan0")
    machine.watched = True
    stanza(machine)
    stanza(machine)
    assert machine.waits == []


def test_without_a_watcher_ifup_waits_once():
    """The second stanza of the same WAN does not wait again; after ifdown the next ifup does."""
    machine = Silent("wan0", "lan0")
    stanza(machine)
    stanza(machine)
    assert machine.waits == [30]
    for event in (Event.DOWN, Event.POST_DOWN):
        handle_event(CONFIG, machine, event)
    stanza(machine)
    assert machine.waits == [30, 30]


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN, Event.MEND])
def test_any_event_after_the_first_prefix_starts_map_e(event):
    """Without the watcher too: an ifup has given up, then the line announces its prefix."""
    machine = Silent("wan0", "lan0")
    stanza(machine)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, CONFIG, event) == []
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    assert pending(machine, CONFIG, Event.APPLY) == []


@pytest.mark.parametrize(
    ("watched", "words"), [(True, "within a second"), (False, "at the next event")]
)
def test_status_says_what_is_waited_for(watched, words):
    """And who will act on it; once the prefix is there, nothing is waited for."""
    machine = Silent("wan0", "lan0")
    stanza(machine)
    plan = make_plan(CONFIG, machine, Event.APPLY)
    data = status.as_data(CONFIG, plan, watched=watched)
    [sentence] = data["waiting"]
    assert sentence.startswith("MAP-E waits for a usable IPv6 prefix on wan0, and starts ")
    assert words in sentence
    assert data["watcher"] is watched
    assert f"waiting: {sentence}" in status.text(data)
    machine.announced["wan0"] = (PREFIX,)
    plan = make_plan(CONFIG, machine, Event.APPLY)
    assert status.as_data(CONFIG, plan, watched=watched)["waiting"] == []
