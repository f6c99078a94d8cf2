"""A trial whose apply, or whose way back, is killed or refused at any step."""

from contextlib import suppress

import pytest
from machine import CrashError, pending, run
from tried_routers import NEW, OLD, PATH, STARTS, everything, router, tried

from dualwan.errors import HostError, KernelError
from dualwan.handle import handle_event, trial
from dualwan.host import program, way_back
from dualwan.model.event import Event


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Let the log go nowhere."""
    monkeypatch.setattr("syslog.syslog", lambda *_: None)


def ended_early(number, kind, start, *, apply_first):
    """End a run after ``number`` steps, go back, and compare; return whether it had as many.

    The run is the apply of what is tried, or the first attempt to go back (``apply_first``).
    """
    machine = router(*STARTS[start])
    before = everything(machine)
    trial.begin(NEW, PATH, machine, 60)
    if apply_first:
        handle_event(NEW, machine, Event.APPLY)
    setattr(machine, kind, number)
    with suppress(CrashError, HostError):
        trial.go_back(machine) if apply_first else handle_event(NEW, machine, Event.APPLY)
    ended = getattr(machine, kind) is None
    machine.crash_after = machine.refuse_after = None
    trial.go_back(machine)
    assert everything(machine) == before, number
    return ended


@pytest.mark.parametrize("start", ["nothing", "up", "after ifdown with the link up"])
@pytest.mark.parametrize("kind", ["crash_after", "refuse_after"])
def test_an_apply_that_ends_early_is_gone_back_from(start, kind):
    """Killed or refused after any of its steps: the same state as before."""
    number = 0
    while ended_early(number, kind, start, apply_first=False):
        number += 1
    assert number > 3


@pytest.mark.parametrize("start", ["nothing", "up", "after ifdown with the link up"])
@pytest.mark.parametrize("kind", ["crash_after", "refuse_after"])
def test_going_back_that_ends_early_is_finished_by_the_next_attempt(start, kind):
    """Systemd starts it again."""
    number = 0
    while ended_early(number, kind, start, apply_first=True):
        number += 1
    assert number > 3


def test_what_cannot_be_put_back_is_left_to_events_after_some_attempts():
    """The trial is over then, and what was tried is not used any more."""
    machine = router(Event.APPLY)
    tried(machine)
    machine.refuse = ["dualwan_snat"]
    for _ in range(trial.ATTEMPTS):
        with pytest.raises(HostError, match="refused"):
            trial.go_back(machine)
    assert not trial.go_back(machine)
    machine.refuse = ()
    run(machine, OLD, Event.MEND)
    assert pending(machine, OLD, Event.APPLY) == []


def test_an_unobservable_kernel_ends_no_trial():
    """The next attempt goes on."""
    machine = router(Event.APPLY)
    before = everything(machine)
    tried(machine)

    def observe(_reads):
        raise KernelError("netlink: No buffer space available")

    machine.observe = observe
    with pytest.raises(HostError, match="No buffer space"):
        trial.go_back(machine)
    del machine.observe
    assert trial.go_back(machine)
    assert everything(machine) == before


def test_a_timer_that_cannot_be_stopped_ends_no_command(monkeypatch):
    """On a starved machine. Without a trial it does nothing; `confirm` has confirmed by then."""
    called = []

    def refuse(argv):
        called.append(argv[1])
        raise HostError("systemctl did not end within 10 s")

    monkeypatch.setattr(program, "run", refuse)
    way_back.disarm()
    assert called == ["stop", "reset-failed"]
