"""A role that keepalived gives while the configuration in use knows of no other router.

Nobody gives it a second time.
"""

import pytest
from machine import Machine
from one_of_two import ACTIVE, CONFIG, ONE_OF_TWO, STANDBY, active, standby, there
from tried_routers import PATH

from dualwan.config import from_text
from dualwan.handle import handle_event, role, trial
from dualwan.model.event import Event

ALONE = from_text(PATH, ONE_OF_TWO.replace("redundant = true", "redundant = false"))


@pytest.fixture(name="router")
def _router(log):
    """Return the active router of two, on which a configuration of one that is alone is tried."""
    assert log == []
    made = Machine("wan0", "lan0")
    handle_event(CONFIG, made, Event.UP)
    active(made, asked=10)
    return made


def try_alone(router):
    """Begin a trial of a configuration that knows of no other router, and apply it."""
    trial.begin(ALONE, PATH, router, 60)
    handle_event(ALONE, router, Event.APPLY)


def test_it_holds_once_the_router_has_gone_back(router):
    """What is tried knows of no role, and works meanwhile."""
    try_alone(router)
    assert role.note_for_later(router, active=False, asked=20)
    assert there(router) == ACTIVE
    trial.go_back(router)
    handle_event(CONFIG, router, Event.MEND)
    assert there(router) == STANDBY


def test_the_last_one_counts(router):
    """Of two that meet, whichever gets the lock first."""
    try_alone(router)
    for asked, to_be_active in ((30, False), (20, True)):
        assert role.note_for_later(router, active=to_be_active, asked=asked)
    assert (router.run_state.role.active, router.run_state.role.asked) == (False, 30)


def test_it_is_noted_without_a_trial_too(router):
    """While the file says that this router is alone: another one may have taken over meanwhile."""
    handle_event(ALONE, router, Event.APPLY)
    assert not role.note_for_later(router, active=False, asked=20)
    handle_event(ALONE, router, Event.MEND)
    assert there(router) == ACTIVE
    handle_event(CONFIG, router, Event.APPLY)
    assert there(router) == STANDBY
    assert router.run_state.role.followed


def test_one_that_was_given_earlier_is_not_noted(router):
    """Than the one in force."""
    handle_event(ALONE, router, Event.APPLY)
    assert not role.note_for_later(router, active=False, asked=9)
    handle_event(CONFIG, router, Event.APPLY)
    assert there(router) == ACTIVE


def test_it_holds_for_a_router_that_was_down_before_the_trial(router):
    """The notes are those of before the trial, but for this."""
    for event in (Event.DOWN, Event.POST_DOWN):
        handle_event(CONFIG, router, event)
    trial.begin(CONFIG, PATH, router, 60)
    handle_event(CONFIG, router, Event.APPLY)
    standby(router, asked=20)
    trial.go_back(router)
    handle_event(CONFIG, router, Event.UP)
    assert there(router) == STANDBY


def test_the_command_says_nothing_of_it(run, machine, config):
    """It is refused only where no trial is pending: this router has no other one."""
    config.write_text(ALONE.text)
    code, _, err = run("role", "standby")
    assert (code, "this router has no other one" in err) == (2, True)
    assert machine.run_state.role.stepped_back
    trial.begin(ALONE, PATH, machine, 60)
    assert run("role", "standby") == (0, "", "")
    assert not machine.run_state.role.active
    assert run("role")[0] == 2


@pytest.mark.usefixtures("state_folder")
@pytest.mark.parametrize("text", [None, "[wan\n", f"{CONFIG.text}[lam]\n"])
def test_it_is_noted_without_a_configuration(run, machine, config, text):
    """A file that is wrong, or not there yet: keepalived was started first."""
    config.unlink()
    if text is not None:
        config.write_text(text)
    assert run("role", "active")[0] == 3
    assert run("role")[0] == 3
    config.write_text(CONFIG.text)
    assert run()[0] == 0
    assert run("role")[1] == "active\n"
    assert there(machine) == ACTIVE
