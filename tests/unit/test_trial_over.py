"""A trial from which the router has gone back: how long what was tried is left alone."""

import pytest
from machine import config
from tried_routers import NEW, OLD, router

from dualwan.errors import BusyError, HostError
from dualwan.handle import handle_event, trial
from dualwan.model.event import Event

OTHER = config(a="psid = 1 -> psid = 3", b="99:f000:0:100 -> 99:f000:0:300")
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of the configuration, which has the text that was tried."""
    path = tmp_path / "dualwan.toml"
    path.write_text(NEW.text)
    return path


@pytest.fixture(name="machine")
def _machine(path):
    """Return a router that has gone back."""
    machine = router(Event.APPLY)
    trial.begin(NEW, str(path), machine, 60)
    handle_event(NEW, machine, Event.APPLY)
    assert trial.go_back(machine, NEW.text)
    return machine


@pytest.mark.parametrize(("text", "known"), [(OLD, True), (OTHER, False)])
def test_it_is_forgotten_once_the_file_is_another(machine, path, text, known):
    """Of ifup too: `status` says no more that the file is not used."""
    path.write_text(text.text)
    handle_event(text, machine, Event.UP)
    assert (machine.trial is not None) is known


@pytest.mark.parametrize("there", [NEW.text, "[wan", None])
def test_it_is_not_while_an_older_configuration_stands_in_for_the_file(machine, path, there):
    """The file was not changed for good, and with what was tried nobody may reach the router."""
    if there is None:
        path.unlink()
    else:
        path.write_text(there)
    for _ in range(2):
        handle_event(OTHER, machine, Event.UP)
    assert machine.trial.text_in_use(NEW.text, machine.boot) == OLD.text


def test_one_that_begins_meanwhile_goes_on(machine, path):
    """An event that has seen the end of the last one must not take the way back of the next."""
    path.write_text(OTHER.text)
    load = machine.load_trial

    def load_trial():
        found = load()
        if not machine.locked:  # at the end of the event
            machine.load_trial = load
            trial.begin(NEW, str(path), machine, 60)
        return found

    machine.load_trial = load_trial
    handle_event(OTHER, machine, Event.UP)
    assert machine.trial.is_pending(machine.boot)
    assert machine.armed == 60


def test_an_event_does_not_fail_for_it(machine, path):
    """Another run may hold the lock; the next event forgets it."""
    path.write_text(OTHER.text)
    load, lock = machine.load_trial, machine.lock

    def busy(_seconds):
        raise BusyError("another run")

    def load_trial():
        if not machine.locked:  # at the end of the event
            machine.lock = busy
        return load()

    machine.load_trial = load_trial
    handle_event(OTHER, machine, Event.UP)
    machine.load_trial, machine.lock = load, lock
    handle_event(OTHER, machine, Event.UP)
    assert machine.kept.text == OTHER.text
    assert machine.trial is None


@pytest.mark.parametrize("refused", ["keep_elements", "save_trial"])
@pytest.mark.parametrize("cfg", [NEW, OTHER])
def test_one_that_cannot_begin_leaves_it_as_it_is(machine, path, cfg, refused):
    """The disk is full: with what was tried before, which the file still has, nobody may get in."""
    works = getattr(machine, refused)

    def refuse(given):
        if refused == "keep_elements" or (given and given.is_pending(machine.boot)):
            raise HostError("No space left on device")
        works(given)

    setattr(machine, refused, refuse)
    with pytest.raises(HostError, match="No space left"):
        trial.begin(cfg, str(path), machine, 60)
    assert machine.armed is None
    assert machine.trial.text_in_use(NEW.text, machine.boot) == OLD.text


def test_a_disk_that_takes_nothing_more_stops_the_timer_all_the_same(machine, path):
    """Else another trial's way back would come too early."""

    def refuse(_given):
        raise HostError("Read-only file system")

    machine.save_trial = refuse
    with pytest.raises(HostError, match="Read-only"):
        trial.begin(NEW, str(path), machine, 60)
    assert machine.armed is None


def test_a_reboot_within_another_one_does_not_bring_it_back(machine, path):
    """What is tried now stands in another file; and what was applied by hand is no such text."""
    trial.begin(OTHER, str(path), machine, 60)
    machine.boot = "second"
    for text in (NEW.text, OTHER.text):
        assert machine.trial.text_in_use(text, machine.boot) == OLD.text
    assert machine.trial.text_in_use(OLD.text, machine.boot) == OLD.text
    assert machine.trial.text_in_use("later", machine.boot) == "later"
