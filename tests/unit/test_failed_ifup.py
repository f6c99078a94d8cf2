"""An ifup that fails between its first hook and its last: no event tells that it has ended.

So it is with dhclient on a line that is not there yet, as after a power cut, when the router boots
sooner than the ONU.
"""

import pytest
from config_texts import DIALS_BY_RULE
from machine import Machine
from test_watcher_delegated import settle

from dualwan import watcher
from dualwan.config import from_text
from dualwan.errors import BusyError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.state import TRANSITION_SECONDS
from dualwan.watcher import Carried, Look

CONFIG = from_text("dualwan.toml", DIALS_BY_RULE)
PREFIX = "2001:db8:12:3400::/64"
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of the configuration."""
    path = tmp_path / "dualwan.toml"
    path.write_text(DIALS_BY_RULE)
    return path


@pytest.fixture(name="machine")
def _machine():
    """Return a machine on which ifup has called the first hooks alone; the WAN is up."""
    machine = Machine("wan0", "lan0")
    handle_event(CONFIG, machine, Event.PRE_UP)
    return machine


@pytest.mark.parametrize("after", [TRANSITION_SECONDS / 2, TRANSITION_SECONDS * 2])
def test_pppoe_is_dialled_all_the_same(machine, path, after):
    """Once the line is there, but not before ifup must have ended."""
    carried = settle(machine, path, Carried())
    machine.boottime += after
    machine.announced["wan0"] = (PREFIX,)
    carried = settle(machine, path, carried)
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    if after < TRANSITION_SECONDS:
        assert machine.running == set()
        seconds, carried = Look(carried, path, machine).run()
        assert seconds == TRANSITION_SECONDS - after
        machine.boottime += seconds
        carried = settle(machine, path, carried)
    assert machine.running == {"dsl-provider"}
    machine.running.clear()
    settle(machine, path, carried)
    assert machine.running == set()


def test_a_run_that_is_in_the_way_then_only_delays_it(machine, path, monkeypatch):
    """The look after it handles what that one could not."""
    machine.announced["wan0"] = (PREFIX,)
    carried = settle(machine, path, Carried())
    machine.boottime += TRANSITION_SECONDS

    def busy(*_):
        raise BusyError("another run")

    with monkeypatch.context() as patched:
        patched.setattr(watcher, "handle_event", busy)
        carried = settle(machine, path, carried)
    settle(machine, path, carried)
    assert machine.running == {"dsl-provider"}


def test_a_way_that_is_lost_later_is_told_as_lost(machine):
    """And not as taken down, which it would be in the middle of an ifdown."""
    machine.scripts = True
    machine.boottime += TRANSITION_SECONDS
    machine.connect("203.0.113.7")
    handle_event(CONFIG, machine, Event.PPP_UP)
    machine.take_notices()
    machine.unplug("ppp0")
    handle_event(CONFIG, machine, Event.PPP_DOWN)
    assert [(one.event, one.way) for one in machine.take_notices()] == [("lost", "pppoe")]
