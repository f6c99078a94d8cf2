"""The PPP sessions that we dial. All without the lock, because pppd runs our own hooks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.config.ways import section_of
from dualwan.errors import DualwanError, HostError
from dualwan.frozen import replace
from dualwan.handle.run import Run, fail
from dualwan.line.role import stands_by
from dualwan.model.event import Event
from dualwan.model.state import RunState

if TYPE_CHECKING:
    from dualwan.host.api import Host

HANG_UP_SECONDS = 30.0  # LCP takes up to 6 s, and pppd waits for its ip-down hooks
LEAST_SECONDS = 1.0  # for each peer, even when the others have used up the time
NOTE_SECONDS = 2.0  # to wait for another run's lock; hanging up is more important


def dialled_by(config: Config) -> tuple[str, ...]:
    """Return the peers that this program dials by ``config``."""
    return tuple(one.peer for one in config.sessions.values() if one.dial)


def _dial_peer(config: Config, host: Host, peer: str) -> bool:
    """Start ``peer``, one of ``dialled_by``; return whether it was started. Raises HostError."""
    name = next(name for name, one in config.sessions.items() if one.peer == peer)
    return host.dial(peer, f"{section_of(name, config)}.peer")


def _to_hang_up(run: Run) -> tuple[str, ...]:
    """Return the peers that we dial, and those that we dialled for an earlier configuration."""
    if run.config is None:
        return run.host.load_state().dialled
    named = {one.peer for one in run.config.sessions.values()}
    left = (peer for peer in run.host.load_state().dialled if peer not in named)
    return (*dialled_by(run.config), *left)


def hang_up(run: Run) -> None:
    """End the PPP sessions that we dial. Without the lock, because pppd runs our hooks."""
    peers = _to_hang_up(run)
    if peers and run.event.wanted is False:
        now = run.host.since_boot()
        with suppress(DualwanError):  # or the watcher would dial again when the session ends
            run.update_state(
                lambda state: replace(state, in_transition=True, transition_at=now), NOTE_SECONDS
            )
    end(run, peers)


def end(run: Run, peers: Sequence[str]) -> None:
    """End the sessions of ``peers`` within HANG_UP_SECONDS in all, and note that; see hang_up."""
    if len(peers) > 1:  # in parallel, or it would take longer than an event may
        run.host.ask_to_end(peers)
    until = monotonic() + HANG_UP_SECONDS
    for peer in peers:
        with run.noting_failure():
            if run.host.hang_up(peer, max(until - monotonic(), LEAST_SECONDS)):
                run.tell(f"hung up {peer}")
            if peer in run.host.load_state().dialled:  # also if it ended by itself
                run.update_state(lambda state, gone=peer: _without(state, gone))  # type: ignore[misc]


def dial(run: Run) -> None:
    """Start the PPP sessions that we dial if the firewall is loaded. Without the lock.

    A change of the line dials only for the first time since boot or ifdown, and with the WAN up:
    where no program tells us that it is (systemd-networkd), the watcher does. In the middle of an
    ifup or ifdown that is left to its own event, but by who takes over.
    """
    _dial_peers(run, first=run.event is Event.PREFIX_CHANGED)


def dial_once_closed(run: Run) -> None:
    """Dial for the first time if this has loaded the firewall, without which no event dials."""
    if run.done is not None and run.done.closes:
        _dial_peers(run, first=True)


def _dial_peers(run: Run, *, first: bool) -> None:
    """Start the PPP sessions that we dial; ``first``: not those that were started before."""
    if run.config is None or run.done is None or not run.done.closed:
        return
    peers = dialled_by(run.config)
    if not peers or run.stands_by():
        return
    state = run.host.load_state()
    if not _may_dial(run, state):
        return
    if first:
        if not run.done.plan.observed.is_up(run.config.wan.interface):
            return
        peers = tuple(peer for peer in peers if peer not in state.dialled)
    for peer in peers:
        started = _dial(run, run.config, peer)
        if run.stands_by():  # asked for while it was dialled
            hang_up(run)
            return
        if started and _is_overtaken(run, state):
            end(run, [peer])
            return


def _may_dial(run: Run, state: RunState) -> bool:
    """Whether the router is to be up: keepalived gives a role also after an ifdown.

    Where a full /run keeps that from being noted, the event says so.
    """
    if not run.is_noted():
        return bool(run.event.wanted) or state.wanted
    of_role = run.event in (Event.ACTIVE, Event.STANDBY)
    return state.wanted and (of_role or not _in_transition(run.host, state))


def _dial(run: Run, config: Config, peer: str) -> bool:
    """Start ``peer``, and note it; return whether it was started."""
    started = False
    with run.noting_failure():
        if started := _dial_peer(config, run.host, peer):
            run.tell(f"dialled {peer}")
        if peer not in run.host.load_state().dialled:  # also if a run was killed right after pon
            run.update_state(lambda state: replace(state, dialled=(*state.dialled, peer)))
    return started


def _is_overtaken(run: Run, before: RunState) -> bool:
    """Whether the router was taken down since, or is about to be: there was no pppd to end yet.

    Of an ifup that has begun since, its own event dials. ``before``: the state before dialling. So
    it is if the router has gone back from the trial of this configuration.
    """
    trial = run.host.load_trial()
    if run.config and trial and trial.is_taken_back(run.config.text, run.host.boot_id()):
        return True
    if not run.is_noted():
        return False
    state = run.host.load_state()
    began = state.transition_at != before.transition_at
    return not state.wanted or (began and _in_transition(run.host, state))


def _in_transition(host: Host, state: RunState) -> bool:
    return bool(state.transition_left(host.since_boot()))


def catch_up(run: Run) -> None:
    """Dial or hang up, and tell conntrackd, if a change of role has left that undone."""
    if run.config is None or run.done is None or not run.config.router.redundant:
        return
    state = run.host.load_state()
    if not state.role.followed and not _in_transition(run.host, state):
        from dualwan.handle import role  # noqa: PLC0415 - mostly nothing is left

        role.catch_up(run)


def dial_for_unit(config: Config, host: Host, peer: str) -> None:
    """Dial ``peer`` for a confined unit that has asked for it, if it is still to be dialled.

    The unit has noted the peer as dialled. A failure is raised and takes back that note, so that
    the unit may ask again. So does an ifup or ifdown under way: one that fails leaves it to the
    watcher.
    """
    state, run = host.load_state(), Run(config, host, Event.PREFIX_CHANGED, None)
    ours = peer in dialled_by(config) and not stands_by(config, state)
    if not ours or not state.wanted:
        return
    if _in_transition(host, state):
        run.update_state(lambda state: _without(state, peer))
        return
    try:
        if _dial_peer(config, host, peer) and _is_overtaken(run, state):
            end(run, [peer])
    except HostError as error:
        fail(run.event, error)
        run.update_state(lambda state: _without(state, peer))
        raise


def _without(state: RunState, peer: str) -> RunState:
    return replace(state, dialled=tuple(one for one in state.dialled if one != peer))


def keep_one(run: Run) -> None:
    """End a second pppd of a peer that we dial, which another program has started.

    At ppp-up only if two have an interface: one without a session is harmless until the next ifup.
    """
    for peer in dialled_by(run.config) if run.config else ():
        of_peer = [one for one in run.host.sessions() if peer in one.pppd.peers]
        if run.event is Event.PPP_UP and len(of_peer) <= 1:
            continue
        with run.noting_failure():
            if run.host.keep_one(peer):
                run.tell(f"ended a second pppd of {peer}; status names what else starts it")
