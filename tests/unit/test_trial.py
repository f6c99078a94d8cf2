"""A trial: what is tried is in use until it is confirmed, or the router is as before."""

from contextlib import suppress
from dataclasses import replace

import pytest
from machine import BASE, CrashError, Machine, config, pending, run
from tried_routers import COUNTS, NEW, OLD, PATH, STARTS, everything, router, tried

from dualwan.errors import BusyError, HostError, StaleError
from dualwan.handle import handle_event, trial
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.reconcile import reconcile

DIALS = config(a="dial = false -> dial = true")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Let the log go nowhere."""
    monkeypatch.setattr("syslog.syslog", lambda *_: None)


@pytest.mark.parametrize("start", STARTS)
def test_the_router_goes_back_to_exactly_what_was_there(start):
    """Kernel and notes are as before, from each start."""
    machine = router(*STARTS[start])
    before = everything(machine)
    tried(machine)
    assert everything(machine) != before
    assert trial.go_back(machine)
    assert everything(machine) == before
    assert not trial.go_back(machine)


@pytest.mark.parametrize("only", [["firewall"], ["snat", "pbr"], ["firewall", "snat", "tunnel"]])
def test_slices_that_were_not_up_are_not_up_afterwards(only):
    """A person had brought up some of them alone."""
    machine = Machine("wan0", "lan0", "lan1")
    run(machine, OLD, Event.APPLY, only=only)
    before = everything(machine)
    tried(machine)
    assert trial.go_back(machine)
    assert everything(machine) == before


def test_the_way_back_is_armed_before_anything_is_applied():
    """At the first step the timer runs and the trial is kept."""
    machine = router(Event.APPLY)
    machine.applied.clear()
    trial.begin(NEW, PATH, machine, 42)
    assert (machine.armed, machine.applied) == (42, [])
    assert machine.trial.before == OLD.text
    assert {table.name for table in machine.kept_tables} == {
        "dualwan_firewall",
        "dualwan_snat",
        "dualwan_pbr",
    }


def test_without_systemd_nothing_is_applied():
    """There would be no way back; the error says so, and no trial is left."""
    machine = router(Event.APPLY)
    machine.systemd = False
    with pytest.raises(HostError, match="systemd does not run"):
        trial.begin(NEW, PATH, machine, 60)
    assert machine.trial is None


def test_what_is_confirmed_stays():
    """The timer is stopped, and there is nothing to go back from."""
    machine = router(Event.APPLY)
    tried(machine)
    assert trial.confirm(machine).tried == NEW.text
    assert machine.armed is None
    assert not trial.go_back(machine)
    assert pending(machine, NEW, Event.APPLY) == []
    assert machine.run_state.applied == NEW.text


def test_another_file_that_is_confirmed_becomes_the_configuration():
    """Events would otherwise go back to what still stands there."""
    machine = router(Event.APPLY)
    trial.begin(replace(NEW, path="/root/new.toml"), PATH, machine, 60)
    trial.confirm(machine)
    assert machine.installed == {PATH: NEW.text}


@pytest.mark.parametrize("over", [False, True])
def test_confirm_without_a_trial_is_an_error(over):
    """Also after the router has gone back, and it says so then."""
    machine = router(Event.APPLY)
    if over:
        tried(machine)
        trial.go_back(machine)
    with pytest.raises(HostError, match="has gone back" if over else "no trial is pending"):
        trial.confirm(machine)


def test_a_second_trial_is_refused_while_one_is_pending():
    """What was there before the first one is not lost; afterwards another one may begin."""
    machine = router(Event.APPLY)
    tried(machine)
    machine.boottime += 18
    with pytest.raises(BusyError, match="goes back in 42 s"):
        trial.begin(OLD, PATH, machine, 60)
    trial.go_back(machine)
    tried(machine)
    assert machine.trial.before == OLD.text


def test_events_keep_working_with_what_is_tried():
    """A reconnect and a flushed ruleset are handled, and the way back stays."""
    machine = router(Event.APPLY)
    tried(machine)
    machine.connect("203.0.113.8")
    run(machine, NEW, Event.PPP_UP)
    machine.flush_ruleset()
    run(machine, NEW, Event.MEND)
    assert pending(machine, NEW, Event.APPLY) == []
    assert machine.armed == 60
    trial.go_back(machine)
    assert pending(machine, OLD, Event.APPLY) == []
    assert machine.run_state.sessions == {"pppoe": "203.0.113.8"}


@pytest.mark.parametrize("event", [Event.MEND, Event.PPP_UP, Event.UP, Event.APPLY])
def test_a_run_that_read_the_tried_configuration_before_cannot_bring_it_back(event):
    """It waited for the lock while the router went back."""
    machine = router(Event.APPLY)
    before = everything(machine)
    tried(machine)
    trial.go_back(machine)
    with pytest.raises(StaleError):
        reconcile(NEW, machine, event)
    assert everything(machine) == before


def test_a_run_that_read_the_old_configuration_before_cannot_end_a_trial():
    """It waited for the lock while the trial began."""
    machine = router(Event.APPLY)
    tried(machine)
    with pytest.raises(StaleError):
        reconcile(OLD, machine, Event.MEND)
    assert pending(machine, NEW, Event.APPLY) == []


def test_ifdown_in_a_trial_is_respected():
    """The router stays down; the configuration alone goes back."""
    machine = router(Event.APPLY)
    tried(machine)
    run(machine, NEW, Event.DOWN)
    machine.unplug("ppp0")
    machine.switch("wan0", up=False)
    run(machine, NEW, Event.POST_DOWN)
    assert trial.go_back(machine)
    assert machine.state.tables == ()
    assert not machine.run_state.wanted
    with pytest.raises(StaleError):
        reconcile(NEW, machine, Event.UP)


def test_a_session_that_the_trial_has_dialled_is_ended():
    """And one that was there stays."""
    machine = router()
    tried(machine, DIALS)
    assert machine.running == {"dsl-provider"}
    trial.go_back(machine)
    assert machine.running == set()
    machine = router()
    handle_event(DIALS, machine, Event.APPLY)
    trial.begin(OLD, PATH, machine, 60)
    handle_event(OLD, machine, Event.APPLY)
    trial.go_back(machine)
    assert machine.running == {"dsl-provider"}
    machine = router()
    machine.running.add("dsl-provider")  # by somebody else
    tried(machine, DIALS)
    trial.go_back(machine)
    assert machine.running == {"dsl-provider"}


@pytest.mark.parametrize("running", [set(), {"dsl-provider"}])
def test_a_trial_killed_right_after_pon_leaves_the_session_as_it_was(running, monkeypatch):
    """It has not noted that it dialled; a session that somebody else had started stays."""
    machine = router()
    machine.running |= running
    trial.begin(DIALS, PATH, machine, 60)

    def killed(_change):
        raise CrashError

    dial = machine.dial

    def dial_and_die(peer, key):
        dial(peer, key)
        machine.save_state = killed
        return True

    monkeypatch.setattr(machine, "dial", dial_and_die)
    with suppress(CrashError):
        handle_event(DIALS, machine, Event.APPLY)
    assert machine.running == {"dsl-provider"}
    del machine.save_state
    trial.go_back(machine)
    assert machine.running == running


def test_a_boot_ends_a_trial():
    """Nothing of it is in the kernel, and events use the text that was applied before."""
    machine = router(Event.APPLY)
    tried(machine)
    machine.boot = "second"
    assert not trial.go_back(machine)
    kept = machine.trial
    assert kept.text_in_use(NEW.text, "second") == OLD.text
    assert kept.text_in_use("edited since", "second") == "edited since"
    with pytest.raises(HostError, match="no trial is pending"):
        trial.confirm(machine)


def test_what_is_written_into_the_file_during_a_trial_is_not_used_after_it():
    """It was never tried; what is written later is used."""
    machine = router(Event.APPLY)
    tried(machine)
    trial.go_back(machine, "a draft")
    kept = machine.trial
    assert kept.text_in_use("a draft", "first") == OLD.text
    assert kept.text_in_use(NEW.text, "first") == OLD.text
    assert kept.text_in_use("another", "first") == "another"


def test_a_state_that_an_earlier_version_left_is_not_tried_on():
    """Its configuration is not known, so there is no way back; the first event notes it."""
    machine = router(Event.APPLY)
    machine.run_state = replace(machine.run_state, applied="")
    with pytest.raises(HostError, match="not known"):
        trial.begin(NEW, PATH, machine, 60)
    run(machine, OLD, Event.MEND)
    tried(machine)
    assert machine.trial.before == OLD.text


def test_what_mends_does_not_decide_which_configuration_is_in_force():
    """An edited file that the watcher has used is not what the owner applied last."""
    machine = router(Event.APPLY)
    run(machine, NEW, Event.MEND)
    assert machine.run_state.applied == OLD.text
    run(machine, NEW, Event.UP)
    assert machine.run_state.applied == NEW.text
    run(machine, None, Event.REMOVE)
    assert machine.run_state.applied == ""


def test_a_configuration_that_is_refused_is_not_in_force():
    """The last one that was applied well stays."""
    machine = router(Event.APPLY)
    machine.refuse = ["dualwan_snat"]
    run(machine, NEW, Event.APPLY)
    assert machine.run_state.applied == OLD.text


def test_an_empty_run_state_is_left_where_nothing_was():
    """From an empty start nothing of ours is left in the kernel, and only counts in the notes."""
    machine = Machine("wan0", "lan0")
    tried(machine, OLD)
    trial.go_back(machine)
    empty = {name: getattr(RunState(), name) for name in ("losses", *COUNTS)}
    assert replace(machine.run_state, **empty) == RunState()
    assert machine.trial.text_in_use(OLD.text, "first") == ""


def test_a_person_may_apply_what_was_not_confirmed():
    """By the command, which forgets the trial; while it is pending only the same one."""
    machine = router(Event.APPLY)
    tried(machine)
    trial.decide_anew(NEW, machine)
    with pytest.raises(BusyError, match="a trial is pending"):
        trial.decide_anew(config(BASE), machine)
    assert machine.armed == 60
    trial.go_back(machine)
    trial.decide_anew(NEW, machine)
    run(machine, NEW, Event.APPLY)
    assert pending(machine, NEW, Event.APPLY) == []


def test_what_is_tried_is_not_kept_as_the_last_that_was_applied_well():
    """A wrong configuration would otherwise be replaced by it; confirmed, it is kept at once."""
    machine = Machine("wan0", "lan0", "lan1")
    handle_event(OLD, machine, Event.APPLY)
    tried(machine)
    handle_event(NEW, machine, Event.MEND)
    assert machine.kept.text == OLD.text
    trial.settle(trial.confirm(machine), machine)
    assert machine.kept.text == NEW.text
    tried(machine, OLD)
    trial.go_back(machine)
    assert machine.kept.text == NEW.text
