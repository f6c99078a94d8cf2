"""The role of this machine where two routers share a line: to take over, and to step back.

keepalived starts a process for each change of its state, and does not wait for the previous one. Of
two such processes the one that was started last counts (``asked``), whichever gets the lock first.
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

ROLE_SECONDS = 60.0  # to wait for other runs: keepalived does not give a role twice


def take(config: Config, host: Host, *, active: bool, asked: int) -> bool:
    """Take a role; return False if keepalived has given another role since.

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
    """Note a role that the configuration in use does not need; return whether a trial is pending.

    keepalived does not give a role twice, and the router may return to a configuration that needs
    it, or get one. Raises HostError.
    """
    with host.lock(ROLE_SECONDS):
        trial, state = host.load_trial(), host.load_state()
        if asked >= state.role.asked:
            host.save_state(replace(state, role=Role(active, asked, followed=False)))
    return trial is not None and trial.is_due(host.boot_id())


def _noted(host: Host, event: Event, role: Role) -> bool:
    """Note ``role`` unless another one was given later; return whether it is noted.

    At a takeover the other router's flows are put into the kernel here, before any way is up on
    which new flows could begin. conntrackd gets its orders under the lock only, so that it gets
    them in the order of the changes of role.
    """
    with host.lock(ROLE_SECONDS):
        state = host.load_state()
        if role.asked < state.role.asked:
            return False
        if role.active and not state.role.active:
            _logging(event, host.commit_flows)
            state = replace(state, health=Health())  # earlier probes are out of date
        host.save_state(replace(state, role=role))
    return True


def _logging(event: Event, call: Callable[[], None]) -> None:
    """Call ``call``; log its failure, and go on."""
    try:
        call()
    except DualwanError as error:
        fail(event, error)


def step_back(run: Run) -> None:
    """Hang up, remove what served the session, and hand the flows over to the other router.

    The tunnel has been removed by then: two machines with the CE harm each other, two sessions do
    not. If both routers were active, the line's router may send for the CE to this machine, so the
    other router is asked (ask_owner) to advertise the CE; not by a WAN that is down, as after the
    ifdown that made keepalived say so.
    """
    if not run.stands_by():  # another role was given since
        return
    sessions.hang_up(run)
    if not run.stands_by():  # active again, but its dial may have met the old session
        sessions.dial(run)
        return
    seen = run.reconcile().plan.observed
    with run.noting_failure(), run.host.lock(ROLE_SECONDS):
        state = run.host.load_state()
        if not stands_by(run.config, state):
            return
        with run.noting_failure():
            run.host.follow_flows(active=False)
        if run.config and seen.is_up(run.config.wan.interface):
            for ce in state.ces.values():
                _apply(run, Step(Action.REMOVE, Advertisement(run.config.wan.interface, ce)))
        _note_followed(run, state)


def announce(run: Run) -> None:
    """Advertise the CE once more, and let conntrackd send this router's flows to the other.

    Also if no step was needed: after a split brain the other router may have advertised the CE.
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
    """Apply ``step``; note a refusal as a failure, and go on."""
    with run.noting_failure():
        run.host.apply(step)
        log(run.event).info(f"{step.sign} {step.text}")


def _note_followed(run: Run, state: RunState) -> None:
    """Note that the change of role is complete, unless something has failed."""
    if not run.failures:
        run.host.save_state(replace(state, role=state.role._replace(followed=True)))


def catch_up(run: Run) -> None:
    """Complete a change of role whose process was killed, or met a failure."""
    if run.host.load_state().role.active:
        sessions.dial(run)
        announce(run)
    else:
        step_back(run)
