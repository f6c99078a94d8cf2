"""A router that goes back while another event, a person or another trial comes in between."""

import pytest
from machine import config, ours, pending, run
from tried_routers import NEW, OLD, PATH, router, tried

from dualwan.errors import HostError
from dualwan.handle import handle_event, trial
from dualwan.model.event import Event

DIALS = config(a="dial = false -> dial = true")
pytestmark = pytest.mark.usefixtures("log")


def ifdown(machine):
    """Take the WAN down, as the configuration of before says."""
    handle_event(OLD, machine, Event.DOWN)
    machine.unplug("ppp0")
    machine.switch("wan0", up=False)
    handle_event(OLD, machine, Event.POST_DOWN)


def ifup(machine):
    """Bring the WAN up, as the configuration of before says."""
    run(machine, OLD, Event.PRE_UP, Event.UP)


def down(machine):
    """Do as `dualwan-hook down` does."""
    trial.forget(machine)
    handle_event(OLD, machine, Event.REMOVE)


def while_it_hangs_up(machine, by):
    """Let ``by`` happen while the router that goes back ends what the trial has dialled."""
    hang_up = machine.hang_up

    def late(*arguments):
        machine.hang_up = hang_up
        done = hang_up(*arguments)
        by(machine)
        return done

    machine.hang_up = late


@pytest.mark.parametrize("by", [ifdown, down])
def test_who_goes_back_brings_nothing_up_that_was_taken_down_meanwhile(by):
    """It had seen that the router was to be up, and then hung up for as long as 30 s."""
    machine = router(Event.APPLY)
    tried(machine, DIALS)
    while_it_hangs_up(machine, by)
    assert trial.go_back(machine)
    assert ours(machine) == ()
    assert not machine.run_state.wanted
    assert machine.running == set()


def test_a_trial_that_was_forgotten_meanwhile_stays_so():
    """`down` decides anew: what was tried may be applied again."""
    machine = router(Event.APPLY)
    tried(machine, DIALS)
    while_it_hangs_up(machine, down)
    trial.go_back(machine)
    assert machine.trial is None
    assert machine.run_state.applied == ""
    run(machine, DIALS, Event.APPLY)
    assert pending(machine, DIALS, Event.APPLY) == []


def test_what_was_applied_after_a_down_stays():
    """From another file than the usual one, while the router still hung up to go back."""
    machine, other = router(Event.APPLY), config(a="psid = 1 -> psid = 3")

    def anew(machine):
        down(machine)
        handle_event(other, machine, Event.APPLY)

    tried(machine, DIALS)
    while_it_hangs_up(machine, anew)
    trial.go_back(machine)
    assert pending(machine, other, Event.APPLY) == []


def test_a_router_that_was_down_is_not_opened_below_an_ifup():
    """The WAN is up by then: what goes back to nothing took the firewall away from it."""
    machine = router(Event.UP, Event.DOWN, Event.POST_DOWN)
    tried(machine, DIALS)
    while_it_hangs_up(machine, ifup)
    trial.go_back(machine)
    assert pending(machine, OLD, Event.APPLY) == []
    assert machine.run_state.wanted
    assert not machine.trial.is_due(machine.boot)


def test_what_is_dialled_too_late_for_a_trial_is_hung_up():
    """Its time was over while pon worked; the way back had nothing to end by then."""
    machine = router(Event.APPLY)
    trial.begin(DIALS, PATH, machine, 5)
    dial = machine.dial

    def late(*arguments):
        machine.dial = dial
        trial.go_back(machine)
        return dial(*arguments)

    machine.dial = late
    handle_event(DIALS, machine, Event.APPLY)
    assert machine.running == set()
    assert machine.run_state.dialled == ()
    assert pending(machine, OLD, Event.APPLY) == []


def begun_with_the_wan_down():
    """Return a router on which a trial has begun after an ifdown."""
    machine = router(Event.UP)
    ifdown(machine)
    trial.begin(DIALS, PATH, machine, 60)
    with pytest.raises(HostError, match="ifup wan0 brings it up"):
        handle_event(DIALS, machine, Event.APPLY)
    return machine


def test_a_router_that_was_down_is_not_opened_below_an_ifup_of_the_trial():
    """The WAN came up within it, by hand or by its cable, and would have no firewall any more."""
    machine = begun_with_the_wan_down()
    handle_event(DIALS, machine, Event.PRE_UP)
    machine.switch("wan0", up=True)
    handle_event(DIALS, machine, Event.UP)
    trial.go_back(machine)
    assert pending(machine, OLD, Event.APPLY) == []
    assert machine.run_state.wanted
    assert machine.running == set()
    assert not machine.trial.is_due(machine.boot)


def test_a_router_that_was_down_is_down_again_after_an_ifdown_of_the_trial():
    """What was brought up within it was taken down within it."""
    machine = begun_with_the_wan_down()
    machine.switch("wan0", up=True)
    handle_event(DIALS, machine, Event.UP)
    handle_event(DIALS, machine, Event.DOWN)
    machine.switch("wan0", up=False)
    handle_event(DIALS, machine, Event.POST_DOWN)
    trial.go_back(machine)
    assert ours(machine) == ()
    assert not machine.run_state.wanted


@pytest.mark.parametrize("end", [trial.confirm, trial.forget])
def test_the_next_trial_keeps_its_way_back(end):
    """Another person's began right after the end of this one, and before its timer was stopped."""
    machine = router(Event.APPLY)
    tried(machine)
    disarm = machine.disarm

    def late():
        machine.disarm = disarm
        if not machine.locked:
            trial.begin(OLD, PATH, machine, 60)
        disarm()

    machine.disarm = late
    end(machine)
    if machine.trial is None:
        trial.begin(NEW, PATH, machine, 60)
    assert machine.armed == 60


def test_a_session_without_ifup_may_be_tried_on():
    """What its own event has brought is by a configuration that is known, also after `down`."""
    machine = router(Event.UP, Event.REMOVE)
    run(machine, OLD, Event.MEND)
    assert machine.run_state.applied == ""
    run(machine, OLD, Event.PPP_UP)
    tried(machine)
    assert machine.trial.before == OLD.text
