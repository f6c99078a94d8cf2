"""One event from start to end: reconcile, dial or hang up, ask the line, log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import contextmanager
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Any

from dualwan.config import Config
from dualwan.config.mape import DsLite, Ipip, MapE
from dualwan.errors import DualwanError, HostError
from dualwan.host.api import Host
from dualwan.line.failover import next_health
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import Health, RunState
from dualwan.reconcile import LOCK_SECONDS, Result, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator

HANG_UP_SECONDS = 15.0  # pppd ends the session, runs ip-down, and waits for it


def handle_event(
    config: Config | None, host: Host, event: Event, only: Collection[str] | None = None
) -> Result:
    """Do what ``event`` asks for, and log it; raises DualwanError after logging it.

    ``config`` is None for a removal without one. ``only``: names of slices, and nothing else
    is done; None for the whole router. A stage that fails does not keep the others from being
    done: pppd may refuse to end or to start, and the rest of the event is done all the same.
    """
    run = _Run(config, host, event, only)
    try:
        for stage, events in STAGES:
            if event in events and (only is None or stage is _reconcile):
                stage(run)
    except DualwanError as error:  # cuts the event short; what failed before it is said too
        for sentence in run.failures:
            fail(event, HostError(sentence))
        fail(event, error)
        raise
    try:
        return run.result()
    except HostError as error:
        fail(event, error)
        raise


class _Run:
    """What the stages of one event share: what is done, and what has failed."""

    def __init__(
        self, config: Config | None, host: Host, event: Event, only: Collection[str] | None
    ) -> None:
        self.config, self.host, self.event, self.only = config, host, event, only
        self.done: Result | None = None
        self.failures: list[str] = []

    def reconcile(self) -> Result:
        """Reconcile; log what was applied, however that ends, and what is not as it should be."""
        applied: list[tuple[str, Step]] = []
        try:
            self.done = reconcile(self.config, self.host, self.event, self.only, applied)
        finally:
            for name, step in applied:
                _log(self.event, slice=name).info(f"{step.sign} {step.text}")
        if self.done.plan.changes:
            for warning in self.done.warnings:
                _log(self.event).warning(warning)
        return self.done

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Note a HostError of what is inside, and go on."""
        try:
            yield
        except HostError as error:
            self.failures.append(str(error))

    def say(self, sentence: str) -> None:
        """Log a sentence."""
        _say(self.event, sentence)

    def update_state(self, change: Callable[[RunState], RunState]) -> None:
        """Change the run state under the lock."""
        with self.host.lock(LOCK_SECONDS):
            self.host.save_state(change(self.host.load_state()))

    def result(self) -> Result:
        """Return the last result; raises HostError with all that stands in the way."""
        if self.done is None:
            raise HostError(f"nothing is to be done at {self.event.label}")
        if self.event is Event.PRE_UP:  # that the link is down is no news
            self.done = replace(
                self.done,
                plan=replace(
                    self.done.plan,
                    slices=tuple(replace(item, problems=()) for item in self.done.plan.slices),
                ),
            )
        if problems := (*self.failures, *self.done.problems):
            raise HostError("; ".join(problems))
        return self.done


def _reconcile(run: _Run) -> None:
    run.reconcile()


def _hang_up(run: _Run) -> None:
    """End the PPP session, where that is ours; outside the lock, for pppd runs our hooks."""
    if run.config is None:
        peers = run.host.load_state().dialled
    else:
        peers = (run.config.pppoe.peer,) if run.config.pppoe.dial else ()
    for peer in peers:
        with run.noting_failure():
            if run.host.hang_up(peer, HANG_UP_SECONDS):
                run.say(f"hung up {peer}")
            if peer in run.host.load_state().dialled:  # also where it ended by itself
                run.update_state(
                    lambda state, gone=peer: replace(  # type: ignore[misc]
                        state, dialled=tuple(one for one in state.dialled if one != gone)
                    )
                )


def _dial(run: _Run) -> None:
    """Start the PPP session, where that is ours and the machine is closed; outside the lock."""
    if run.config is None or not run.config.pppoe.dial or run.done is None or not run.done.closed:
        return
    peer = run.config.pppoe.peer
    with run.noting_failure():
        if run.host.dial(peer):
            run.update_state(
                lambda state: replace(state, dialled=tuple(dict.fromkeys((*state.dialled, peer))))
            )
            run.say(f"dialled {peer}")


def _await_prefix(run: _Run) -> None:
    """Wait for the prefix that the softwire follows from; PPPoE is dialled by then."""
    if run.config is not None and run.done is not None and run.done.plan.line.softwire is None:
        run.host.await_prefix(run.config.prefix_source, run.config.mape.wait)
        run.reconcile()


def _refresh(run: _Run) -> None:
    """Ask the line what it alone knows; reconcile where it says something new.

    Outside the lock, and last, so that a slow server holds up nothing.
    """
    if _is_news(run):
        run.reconcile()


def _refresh_first(run: _Run) -> None:
    """Ask the line before anything is done: a person waits for the result."""
    _is_news(run)


def _is_news(run: _Run) -> bool:
    """Ask the line; whether it says anything else than before."""
    mape = run.config.mape if run.config else None
    if run.event is Event.PREFIX_CHANGED and not run.host.load_state().wanted:
        return False  # after ifdown: what the line does then is nobody's business
    if isinstance(mape, DsLite):
        return _refresh_aftr(run, mape.aftr)
    if run.config is None or not isinstance(mape, MapE) or not mape.provisioning:
        return False
    from dualwan.line.provisioning.refresh import cached_answers, refresh  # noqa: PLC0415 - loaded by need

    before = [item.answer for item in cached_answers(run.config, run.host)]
    for sentence in refresh(run.config, run.host, on_request=run.event is Event.APPLY):
        run.say(sentence)
    return before != [item.answer for item in cached_answers(run.config, run.host)]


def _refresh_aftr(run: _Run, aftr: str) -> bool:
    """Look up DS-Lite's other end; whether it is elsewhere than before."""
    try:
        address = aftr if ":" in aftr else run.host.resolve(aftr)
    except DualwanError as error:
        fail(run.event, error)  # the address of last time counts on
        return False
    if address == run.host.load_state().aftr:
        return False
    with run.noting_failure():
        run.update_state(lambda state: replace(state, aftr=address))
    return True


def _notify_provider(run: _Run) -> None:
    """Tell IPIP's provider our end of the tunnel, once for each."""
    mape = run.config.mape if run.config else None
    softwire = run.done.plan.line.softwire if run.done else None
    if not isinstance(mape, Ipip) or not mape.update or softwire is None:
        return
    ce = str(softwire.ce)
    if run.host.load_state().notified_ce == ce:
        return
    try:
        answer = run.host.call_update_url(mape.update)
    except DualwanError as error:
        fail(run.event, error)  # the next event tries again
        return
    run.say(f"told the provider that our end is {ce}; it said: {answer}")
    with run.noting_failure():
        run.update_state(lambda state: replace(state, notified_ce=ce))


# What is done at which events, in this order. Hanging up comes first and dialling late, both
# outside the lock: pppd runs our own hooks, which take it.
STAGES: tuple[tuple[Callable[[_Run], None], tuple[Event, ...]], ...] = (
    (_refresh_first, (Event.APPLY,)),
    (_hang_up, (Event.DOWN, Event.REMOVE)),
    (_reconcile, tuple(Event)),
    (_dial, (Event.UP, Event.APPLY)),
    (_await_prefix, (Event.UP,)),
    (_refresh, (Event.UP, Event.PREFIX_CHANGED)),
    (_notify_provider, (Event.UP, Event.PREFIX_CHANGED, Event.APPLY)),
)


def probe(config: Config, host: Host) -> Health:
    """Ping once through the default way, note the answer, and reconcile if that flipped it."""
    answered = host.any_answers(config.mape.tunnel, [str(one) for one in config.wan.probe])
    with host.lock(LOCK_SECONDS):
        state = host.load_state()
        health = next_health(state.health, answered, time(), config.wan.hold_down)
        host.save_state(replace(state, health=health))
    if health.broken != state.health.broken:
        _say(
            Event.PREFIX_CHANGED,
            "MAP-E does not answer: the LAN takes PPPoE"
            if health.broken
            else "MAP-E answers again: the LAN takes it",
        )
        handle_event(config, host, Event.PREFIX_CHANGED)
    return health


def _say(event: Event, sentence: str) -> None:
    _log(event).info(sentence)


def fail(event: Event, error: DualwanError) -> None:
    """Log an error as one line."""
    _log(event).error(str(error).replace("\n", " "))


def _log(event: Event, **context: str) -> Any:
    from dualwan.log import logger  # noqa: PLC0415 - after the work: it takes 50 ms to load

    return logger(cause=event.label, **context)
