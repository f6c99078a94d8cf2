"""The role of this machine where two routers share a line: to take over, and to step back.

keepalived starts a process for each change of its state and waits for none. Of two that meet the
one counts that it started last (``asked``), in whichever order they get the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.errors import DualwanError
from dualwan.frozen import replace
from dualwan.handle import handle_event, sessions
from dualwan.handle.run import Run, fail, log, tell
from dualwan.line.role import stands_by
from dualwan.model.event import Event
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Advertisement
from dualwan.model.state import Health, Role, RunState

if TYPE_CHECKING:
    from dualwan.host.api import Host

ROLE_SECONDS = 60.0  # to wait for other runs: nobody gives the role a second time


def take(config: Config, host: Host, *, active: bool, asked: int) -> bool:
    """Take a role; return whether it is the last one that was asked for.

    ``asked``: see RunState's Role. Raises DualwanError, which is logged too.
    """
    event = Event.ACTIVE if active else Event.STANDBY
    try:
        if not _noted(host, event, Role(active, asked, followed=False)):
            tell(event, "another role was asked for since")
            return False
    except DualwanError as error:
        fail(event, error)
        raise
    handle_event(config, host, event)
    return True


def note_for_later(host: Host, *, active: bool, asked: int) -> bool:
    """Note a role while the configuration in use knows of none; return whether it is being tried.

    Nobody gives it a second time, and the router may go back to a configuration that needs it, or
    be given one. Raises HostError.
    """
    with host.lock(ROLE_SECONDS):
        trial, state = host.load_trial(), host.load_state()
        if asked >= state.role.asked:
            host.save_state(replace(state, role=Role(active, asked, followed=False)))
    return trial is not None and trial.is_due(host.boot_id())


def _noted(host: Host, event: Event, role: Role) -> bool:
    """Note ``role`` unless another one was asked for later; return whether it is noted.

    Who takes over puts the other router's flows into the kernel before there is a way that flows
    could begin on. conntrackd is told under the lock only: the order in which it hears of two
    changes of role is theirs.
    """
    with host.lock(ROLE_SECONDS):
        state = host.load_state()
        if role.asked < state.role.asked:
            return False
        if role.active and not state.role.active:
            _logging(event, host.commit_flows)
            state = replace(state, health=Health())  # the probes spoke of another time
        host.save_state(replace(state, role=role))
    return True


def _logging(event: Event, call: Callable[[], None]) -> None:
    """Do what keeps nothing else from being done if it fails, which is logged."""
    try:
        call()
    except DualwanError as error:
        fail(event, error)


def step_back(run: Run) -> None:
    """Hang up, remove what served the session, and let the other router's flows come.

    The tunnel is gone by then: two machines with the CE harm each other, two sessions do not. If
    both were active, the line's router may know the CE as this machine's: the other one is asked to
    say that it has it.
    """
    if not run.stands_by():  # asked for since
        return
    sessions.hang_up(run)
    if not run.stands_by():  # asked for meanwhile, and dialled perhaps before the session ended
        sessions.dial(run)
        return
    run.reconcile()
    with run.noting_failure(), run.host.lock(ROLE_SECONDS):
        state = run.host.load_state()
        if not stands_by(run.config, state):
            return
        with run.noting_failure():
            run.host.follow_flows(active=False)
        if run.config:
            for ce in state.ces.values():
                _apply(run, Step(Action.REMOVE, Advertisement(run.config.wan.interface, ce)))
        _note_followed(run, state)


def announce(run: Run) -> None:
    """Advertise the CE once more, and let the flows of this router go to the other.

    Also where nothing had to be done: after a split brain the other one may have advertised it.
    """
    with run.noting_failure(), run.host.lock(ROLE_SECONDS):
        state = run.host.load_state()
        if stands_by(run.config, state):
            return
        for item in state.addresses:  # ours, on the WAN
            _apply(run, Step(Action.ADD, Advertisement(item.device, item.address)))
        with run.noting_failure():
            run.host.follow_flows(active=True)
        _note_followed(run, state)


def _apply(run: Run, step: Step) -> None:
    """Apply ``step``; if it is refused, the rest is done all the same."""
    with run.noting_failure():
        run.host.apply(step)
        log(run.event).info(f"{step.sign} {step.text}")


def _note_followed(run: Run, state: RunState) -> None:
    """Note that nothing is left to do of the role, unless something has failed."""
    if not run.failures:
        run.host.save_state(replace(state, role=state.role._replace(followed=True)))


def catch_up(run: Run) -> None:
    """Do what a change of role has left undone: its process was killed, or a program refused."""
    if run.host.load_state().role.active:
        sessions.dial(run)
        announce(run)
    else:
        step_back(run)
