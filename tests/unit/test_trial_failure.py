"""A trial whose apply, or whose way back, is killed or refused at any step."""

import errno
import os
from contextlib import suppress
from dataclasses import replace

import pytest
from machine import CrashError, pending, run
from tried_routers import NEW, OLD, PATH, STARTS, everything, router, tried

from dualwan import files
from dualwan.errors import HostError, KernelError
from dualwan.handle import handle_event, trial
from dualwan.host import in_use, program, trials, way_back
from dualwan.model.event import Event
from dualwan.model.trial import Phase, Trial


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


@pytest.fixture(name="path")
def _path(tmp_path, state_folder, monkeypatch):
    """Return the path of a configuration that is tried, on a disk that is read-only by now."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    path, write = tmp_path / "dualwan.toml", files.write
    path.write_text(NEW.text)
    trials.save(Trial(str(path), str(path), NEW.text, OLD.text, trials.boot_id(), 60.0))

    def refuse(target, *arguments, **options):
        if str(target).startswith(str(state_folder)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        write(target, *arguments, **options)

    monkeypatch.setattr("dualwan.files.write", refuse)
    return path


def test_a_disk_that_is_read_only_by_now_keeps_nobody_from_going_back(path, monkeypatch):
    """As after an error of it: the way back could not be begun, and what was tried stayed."""
    for phase, attempts in ((Phase.RETURNING, 1), (Phase.RETURNING, 2), (Phase.OVER, 2)):
        trial = replace(trials.load(), phase=phase, drafts=("a draft",), attempts=attempts)
        trials.save(trial)
        assert trials.load() == trial
        assert in_use.read(path) == OLD.text
    with pytest.raises(HostError, match="Read-only"):
        trials.save(replace(trial, until=120.0, phase=Phase.PENDING))
    monkeypatch.setattr(trials, "boot_id", lambda: "another boot")
    assert in_use.read(path) == OLD.text


def test_what_is_noted_elsewhere_is_of_that_trial_alone(path, monkeypatch):
    """The next one has all in its own record; and nothing broken is believed."""
    trials.save(replace(trials.load(), phase=Phase.OVER))
    progress = path.parent / "run/trial.json"
    text = progress.read_text()
    for broken in ("", "[]", text.replace("over", "none"), text.replace("60.0", "61.0")):
        progress.write_text(broken)
        assert trials.load().phase is Phase.PENDING
    progress.write_text(text)
    assert trials.load().phase is Phase.OVER
    monkeypatch.undo()
    monkeypatch.setenv("DUALWAN_RUN", str(path.parent / "run"))
    monkeypatch.setenv("DUALWAN_STATE", str(path.parent / "lib"))
    trials.save(trials.load())
    assert not progress.exists()
