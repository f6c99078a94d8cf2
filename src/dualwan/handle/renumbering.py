"""Follow a line that announces another prefix while addresses of the old one live on (RFC 8978).

The line's routers are asked after the other work of an event, without the lock, so that little is
delayed. Each router is asked once about each other prefix, and again when a person runs the
command.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.handle.run import Run, fail
from dualwan.line import renumbering
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.planning import usable_prefixes


def follow(run: Run) -> None:
    """Ask the line's routers about a second prefix; follow it if they announce it alone."""
    config = run.config
    if config is None or config.fixed:
        return
    if run.event is Event.UP and run.host.is_watched():
        return  # the watcher asks, and nobody waits for it
    state = run.host.load_state()
    if not state.wanted or not state.prefix:
        return
    try:
        found = _found(run, config, state)
    except HostError as error:  # follow the prefix once the old one has expired
        fail(run.event, error)
        return
    with run.noting_failure():
        if found != state:
            run.update_state(
                lambda now: replace(
                    now, routers=found.routers, asked=found.asked, successor=found.successor
                )
            )
    if found.successor != state.successor:
        run.tell(
            f"the router of {config.prefix_source} announces {found.successor} and no longer"
            f" {state.prefix}: following it"
        )
        run.reconcile(Event.PREFIX_CHANGED)


def _found(run: Run, config: Config, state: RunState) -> RunState:
    """Return ``state`` with the routers of the line and their answers; raises HostError."""
    device = config.prefix_source
    prefixes, now = run.host.prefixes(device), run.host.routers(device)
    if state.prefix not in prefixes:
        return state
    if not state.routers and len(now) == 1:  # the usual line with one router
        state = replace(state, routers=tuple(now))
    if len(prefixes) == 1:
        return state
    usable = usable_prefixes(config, run.host, state, prefixes)
    others = [prefix for prefix in usable if prefix != state.prefix]
    routers = renumbering.trusted(state.routers, now) if state.routers else now
    questions = renumbering.questions(others, routers)
    if run.event is not Event.APPLY and {*questions} <= {*state.asked}:
        return state
    return _asked(run, device, others, routers, state) if questions else state


def _asked(
    run: Run, device: str, others: list[str], routers: frozenset[str], state: RunState
) -> RunState:
    """Return ``state`` with the answers of ``routers``; raises HostError."""
    said = run.host.announcements(device, routers)
    questions = renumbering.questions(others, routers)
    state = replace(state, asked=renumbering.with_asked(state.asked, questions))
    if not state.routers:  # the line's announce the prefix in use
        return replace(state, routers=renumbering.owners(state.prefix, said))
    successor = renumbering.successor(state.prefix, others, routers, said)
    if not successor:
        return state
    owners = renumbering.owners(successor, said)
    return replace(state, routers=owners, asked=(), successor=successor)
