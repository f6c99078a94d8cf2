"""Several PPP sessions are ended together: an ifdown has a minute for all that it does."""

import os
import signal

import pytest
from machine import BASE, Machine
from way_texts import session

from dualwan.config import from_text
from dualwan.errors import HostError
from dualwan.handle import handle_event, sessions
from dualwan.hook import DEADLINE_SECONDS
from dualwan.host import pppd
from dualwan.model.event import Event
from dualwan.ppp.session import Pppd

CONFIG = from_text(
    "dualwan.toml",
    BASE.replace("dial = false", "dial = true") + session("two", 1) + session("three", 2),
)
PEERS = ["dsl-provider", "peer-two", "peer-three"]
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """Return a router that is up, whose pppds wait for a script of ip-down.d that hangs."""
    machine = Machine("wan0", "lan0")
    handle_event(CONFIG, machine, Event.UP)
    machine.clock_now = 0.0
    machine.events = []

    def hang_up(peer, seconds):
        machine.events.append((machine.clock_now, tuple(machine.ending)))
        machine.clock_now += seconds
        raise HostError(f"pppd of {peer} did not end within {seconds:.0f} s")

    machine.hang_up = hang_up
    monkeypatch.setattr(sessions, "monotonic", lambda: machine.clock_now, raising=False)
    return machine


def test_sessions_that_do_not_end_leave_time_for_the_rest(machine):
    """Of three with 30 s each, one after the other, the deadline left all else as it was."""
    assert sorted(machine.running) == sorted(PEERS)
    with pytest.raises(HostError, match="pppd of peer-three did not end"):
        handle_event(CONFIG, machine, Event.DOWN)
    assert machine.clock_now < DEADLINE_SECONDS - 20
    assert machine.state.tunnels == ()


def test_each_is_asked_before_one_is_waited_for(machine):
    """So that those that end take the time of one."""
    with pytest.raises(HostError):
        handle_event(CONFIG, machine, Event.DOWN)
    assert machine.events[0] == (0.0, tuple(PEERS))


def test_one_that_cannot_be_ended_keeps_none_of_the_others_from_it(monkeypatch):
    """It is named when it is waited for."""
    asked = []

    def terminated(one, peer):
        asked.append((one, peer))
        if peer == "dsl-provider":
            raise HostError("cannot be ended")

    monkeypatch.setattr(pppd, "pppd_of", lambda peer: [f"{peer} 1", f"{peer} 2"])
    monkeypatch.setattr(pppd, "_terminated", terminated)
    pppd.ask_to_end(PEERS[:2])
    assert asked == [(f"{peer} {number}", peer) for peer in PEERS[:2] for number in (1, 2)]


def test_one_that_was_asked_to_end_is_waited_for_and_not_asked_again(monkeypatch, tmp_path):
    """A second SIGTERM makes pppd end its script of ip-down, and go without waiting for it.

    One that another hanging up finds is asked once more.
    """
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))
    lasting, sent = Pppd(os.getpid(), ("pppd", "call", PEERS[0])), []
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [lasting])
    monkeypatch.setattr(pppd.processes, "pppd", lambda _pid: lasting)
    monkeypatch.setattr(pppd.signal, "pidfd_send_signal", lambda *given: sent.append(given[1]))
    pppd.ask_to_end(PEERS[:1])
    for times in (1, 2):
        with pytest.raises(HostError, match="did not end within 0 s"):
            pppd.hang_up(PEERS[0], 0.01)
        assert sent.count(signal.SIGTERM) == times
