"""Probes that have ended while MAP-E counts as broken: the LAN would stay on PPPoE for good."""

import pytest
from config_texts import PROBED
from machine import Machine, config
from one_of_two import ONE_OF_TWO

from dualwan.findings import find, probes
from dualwan.frozen import replace
from dualwan.handle import handle_event
from dualwan.handle.probe import probe
from dualwan.host.around import probes as around
from dualwan.line.failover import FAILS
from dualwan.model.event import Event
from dualwan.model.state import Health, Role, RunState
from dualwan.model.surroundings import Surroundings

BROKEN = RunState(wanted=True, health=Health(broken=True, since=1000.0), probed=2000.0)


@pytest.fixture(name="silent")
def _silent(monkeypatch):
    """Return a function that says what is seen with a run state, 2400 s after boot."""

    def silent(state, cfg=None):
        monkeypatch.setattr(around.store, "load_state", lambda: state)
        monkeypatch.setattr(around, "clock_gettime", lambda _clock: 2400.0)
        return around.silent(cfg)

    return silent


def test_a_timer_that_was_stopped_is_named():
    """With what starts it again; it is in the way of the router's work."""
    [found] = find(config(PROBED), Surroundings(unprobed=400.0), [("probes", "stopped")])
    assert found.code == "probe-stopped"
    assert "stays on PPPoE for good" in found.seen
    assert "systemctl enable --now dualwan-probe.timer" in found.remedy
    assert not found.is_notice


@pytest.mark.parametrize("seconds", [None, 0.0, 20.0, probes.LONGEST_SECONDS - 1])
def test_probes_that_go_on_are_not(seconds):
    """Nor those of another program, some minutes apart; nor a default way that answers."""
    assert not [*probes.stopped(config(PROBED), Surroundings(unprobed=seconds))]


def test_without_probes_nothing_counts_as_broken():
    """What they said before they were taken out of the file does not."""
    assert not [*probes.stopped(config(), Surroundings(unprobed=400.0))]


def test_the_time_is_that_since_the_last_probe(silent):
    """Or since the way was lost, after an upgrade from a version that noted no probe."""
    assert silent(BROKEN) == 400.0
    assert silent(replace(BROKEN, probed=0.0)) == 1400.0


def test_where_nobody_is_to_be_asked_nobody_is_missed(silent):
    """A way that answers, a router that was taken down, and one that stands by."""
    assert silent(replace(BROKEN, health=Health())) is None
    assert silent(replace(BROKEN, wanted=False)) is None
    standby = replace(BROKEN, role=Role(active=False, asked=5))
    assert silent(standby, config(ONE_OF_TWO)) is None
    assert silent(standby, config()) == 400.0


@pytest.mark.usefixtures("log")
def test_each_probe_notes_when_it_was(monkeypatch):
    """Also one that changes nothing else."""
    machine, now = Machine("wan0", "lan0"), [1000.0]
    monkeypatch.setattr("dualwan.handle.probe.clock_gettime", lambda _clock: now[0])
    handle_event(config(PROBED), machine, Event.UP)
    for _ in range(FAILS + 1):
        now[0] += 20.0
        probe(config(PROBED), machine)
        assert machine.run_state.probed == now[0]
