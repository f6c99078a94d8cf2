"""All stages of one event: reconcile, dial or hang up, refresh what the line told, log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import contextmanager
from dataclasses import replace
from time import CLOCK_BOOTTIME, clock_gettime
from typing import TYPE_CHECKING, Any

from dualwan.config import Config
from dualwan.config.mape import DsLite, Ipip, MapE
from dualwan.errors import DualwanError, HostError
from dualwan.host.api import Host
from dualwan.line.failover import next_health
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.model.state import Health, RunState
from dualwan.reconcile import LOCK_SECONDS, make_plan, reconcile
from dualwan.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

HANG_UP_SECONDS = 15.0  # pppd ends the session and waits for its ip-down hooks


def handle_event(
    config: Config | None, host: Host, event: Event, only: Collection[str] | None = None
) -> Result:
    """Handle ``event`` and log it; raises DualwanError, which is logged too.

    ``config`` is None for a removal without configuration. ``only``: reconcile these slices and
    skip all other stages; None for the whole router. If pppd refuses to start or to end, the
    other stages still run.
    """
    return _handle(_Run(config, host, event, only))


def _handle(run: _Run) -> Result:
    """Run the stages of an event, and log its failures; see handle_event."""
    try:
        for stage, events in STAGES:
            if run.event in events and (run.only is None or stage is _reconcile):
                stage(run)
    except DualwanError as error:  # ends the event; earlier failures are logged too
        for sentence in run.failures:
            fail(run.event, HostError(sentence))
        fail(run.event, error)
        raise
    try:
        return run.result()
    except HostError as error:
        fail(run.event, error)
        raise


class _Run:
    """The state that the stages of one event share: the last result, and failures."""

    def __init__(
        self, config: Config | None, host: Host, event: Event, only: Collection[str] | None
    ) -> None:
        self.config, self.host, self.event, self.only = config, host, event, only
        self.done: Result | None = None
        self.failures: list[str] = []

    def reconcile(self, scope: Event | None = None) -> Result:
        """Reconcile, and log the warnings and the steps applied, also if an error ends the run.

        ``scope``: an event whose scope counts instead of this one's.
        """
        applied: list[tuple[str, Step]] = []
        try:
            self.done = reconcile(self.config, self.host, scope or self.event, self.only, applied)
        finally:
            for name, step in applied:
                _log(self.event, slice=name).info(f"{step.sign} {step.text}")
        if self.done.plan.changes:
            for warning in self.done.warnings:
                _log(self.event).warning(warning)
        return self.done

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Add a HostError of the body to ``failures``, and continue."""
        try:
            yield
        except HostError as error:
            self.failures.append(str(error))

    def say(self, sentence: str) -> None:
        """Log ``sentence``."""
        _say(self.event, sentence)

    def update_state(self, change: Callable[[RunState], RunState]) -> None:
        """Change the run state under the lock."""
        with self.host.lock(LOCK_SECONDS):
            self.host.save_state(change(self.host.load_state()))

    def result(self) -> Result:
        """Return the last result; raises HostError with all failures and problems."""
        if self.done is None:
            raise HostError(f"nothing is to be done at {self.event.label}")
        if self.event is Event.PRE_UP:  # its problem is that the link is down, as expected
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
    """End the PPP session if we dial it. Without the lock, because pppd runs our hooks."""
    if run.config is None:
        peers = run.host.load_state().dialled
    else:
        peers = (run.config.pppoe.peer,) if run.config.pppoe.dial else ()
    for peer in peers:
        with run.noting_failure():
            if run.host.hang_up(peer, HANG_UP_SECONDS):
                run.say(f"hung up {peer}")
            if peer in run.host.load_state().dialled:  # also if it ended by itself
                run.update_state(
                    lambda state, gone=peer: replace(  # type: ignore[misc]
                        state, dialled=tuple(one for one in state.dialled if one != gone)
                    )
                )


def _dial(run: _Run) -> None:
    """Start the PPP session if we dial it and the firewall is loaded. Without the lock.

    A change of the line dials only for the first time since boot or ifdown, and with the WAN up:
    where no program tells us that it is (systemd-networkd), the watcher does.
    """
    if run.config is None or not run.config.pppoe.dial or run.done is None or not run.done.closed:
        return
    peer = run.config.pppoe.peer
    if run.event is Event.PREFIX_CHANGED:
        state = run.host.load_state()
        is_up = run.done.plan.observed.is_up(run.config.wan.interface)
        if peer in state.dialled or not state.wanted or not is_up:
            return
    with run.noting_failure():
        if run.host.dial(peer):
            run.update_state(
                lambda state: replace(state, dialled=tuple(dict.fromkeys((*state.dialled, peer))))
            )
            run.say(f"dialled {peer}")


def _keep_one(run: _Run) -> None:
    """End a second pppd of the peer that we dial, which another program has started.

    Between two events of ifupdown one that has no session yet is harmless.
    """
    if run.config is None or not run.config.pppoe.dial:
        return
    peer = run.config.pppoe.peer
    of_peer = [one for one in run.host.sessions() if peer in one.pppd.peers]
    if run.event is Event.PPP_UP and len(of_peer) <= 1:
        return
    with run.noting_failure():
        if run.host.keep_one(peer):
            run.say(f"ended a second pppd of {peer}; status names what else starts it")


def _await_prefix(run: _Run) -> None:
    """Wait for the prefix that the softwire is derived from. PPPoE is dialled before.

    Not while a watcher runs, which reports the prefix whenever it comes; and not a second time
    after ifup has waited in vain for another stanza of the WAN.
    """
    if run.config is None or run.done is None or run.done.plan.line.softwire is not None:
        return
    if run.host.is_watched() or run.host.load_state().awaited:
        return
    if not run.host.await_prefix(run.config.prefix_source, run.config.mape.wait):
        with run.noting_failure():
            run.update_state(lambda state: replace(state, awaited=True))
    run.reconcile()


def _refresh(run: _Run) -> None:
    """Ask the line's servers, and reconcile if they have news.

    Without the lock and after reconciling, so that a slow server delays nothing.
    """
    if _is_news(run):
        run.reconcile()


def _refresh_first(run: _Run) -> None:
    """Ask the line's servers before reconciling: a person waits for the whole result."""
    _is_news(run)


def _is_news(run: _Run) -> bool:
    """Ask the line's servers; return whether the answer differs from the last one."""
    mape = run.config.mape if run.config else None
    if run.event is Event.PREFIX_CHANGED and not run.host.load_state().wanted:
        return False  # after ifdown the line does not matter
    if run.config is not None and isinstance(mape, DsLite):
        return _refresh_aftr(run, run.config, mape.aftr)
    if run.config is None or not isinstance(mape, MapE) or not mape.provisioning:
        return False
    from dualwan.line.provisioning.refresh import (  # noqa: PLC0415 - only provisioning needs it
        cached_answers,
        refresh,
    )

    before = [item.answer for item in cached_answers(run.config, run.host)]
    for sentence in refresh(run.config, run.host, on_request=run.event is Event.APPLY):
        run.say(sentence)
    return before != [item.answer for item in cached_answers(run.config, run.host)]


def _refresh_aftr(run: _Run, config: Config, name: str) -> bool:
    """Look up the address of DS-Lite's AFTR; return whether it has changed."""
    from dualwan.line.provisioning.aftr import remember  # noqa: PLC0415 - only DS-Lite needs it

    if ":" in name:
        return False
    try:
        address = run.host.resolve(name, config.prefix_source)
    except DualwanError as error:
        fail(run.event, error)  # the last address stays in use
        return False
    with run.noting_failure():
        remember(name, address, next(iter(run.host.prefixes(config.prefix_source)), ""), run.host)
    state = run.host.load_state()
    if (state.aftr, state.aftr_name) == (address, name):
        return False
    with run.noting_failure():
        run.update_state(lambda state: replace(state, aftr=address, aftr_name=name))
    return True


def _find_aftr(run: _Run) -> None:
    """Look up DS-Lite's AFTR at an event of PPPoE, as long as no name server has told it."""
    mape = run.config.mape if run.config else None
    if isinstance(mape, DsLite) and ":" not in mape.aftr:
        state = run.host.load_state()
        if state.wanted and state.aftr_name != mape.aftr and _is_news(run):
            run.reconcile(Event.PREFIX_CHANGED)  # the tunnel is none of PPPoE's slices


def _notify_provider(run: _Run) -> None:
    """Make IPIP's update call, once for each address of our end of the tunnel."""
    config = run.config
    mape = config.mape if config else None
    softwire = run.done.plan.line.softwire if run.done else None
    if config is None or not isinstance(mape, Ipip) or not mape.update or softwire is None:
        return
    ce = str(softwire.ce)
    if run.host.load_state().notified_ce == ce:
        return
    try:
        _notify(run, config, mape, ce)
    except DualwanError as error:
        fail(run.event, error)  # the next event tries again


def _notify(run: _Run, config: Config, mape: Ipip, ce: str) -> str:
    """Make the update call and note it; return the provider's reply. Raises DualwanError."""
    answer = run.host.call_update_url(mape.update, config.prefix_source, ce)
    run.say(f"told the provider that our end is {ce}; it said: {answer}")
    with run.noting_failure():
        run.update_state(lambda state: replace(state, notified_ce=ce))
    return answer


def notify_provider(config: Config, host: Host) -> str:
    """Make IPIP's update call, also if it was made before; return the provider's reply.

    Raises DualwanError, which is logged too.
    """
    run = _Run(config, host, Event.APPLY, None)
    try:
        line = make_plan(config, host, Event.APPLY).line
        if not isinstance(config.mape, Ipip) or line.softwire is None:
            raise HostError(line.missing or "[mape] is not a fixed address by IPIP")
        return _notify(run, config, config.mape, str(line.softwire.ce))
    except DualwanError as error:
        fail(run.event, error)
        raise


def _name_findings(run: _Run) -> None:
    """Log each finding that the last look did not have."""
    if run.config is not None and run.done is not None:
        from dualwan.findings import find  # noqa: PLC0415 - only these events look around

        found, known = find(run.config, run.host.surroundings(run.config)), run.done.plan.state
        for one in found:
            if one.digest not in known.findings:
                _log(run.event, code=one.code).warning(one.text)
        if (now := tuple(one.digest for one in found)) != known.findings:
            with run.noting_failure():
                run.update_state(lambda state: replace(state, findings=now))


# Stages in order, and their events. Hanging up comes first and dialling after reconciling, both
# without the lock: pppd runs our own hooks, which take it.
STAGES: tuple[tuple[Callable[[_Run], None], tuple[Event, ...]], ...] = (
    (_refresh_first, (Event.APPLY,)),
    (_hang_up, (Event.DOWN, Event.REMOVE)),
    (_reconcile, tuple(Event)),
    (_dial, (Event.UP, Event.PREFIX_CHANGED, Event.APPLY)),
    (_keep_one, (Event.UP, Event.APPLY, Event.PPP_UP)),
    (_await_prefix, (Event.UP,)),
    (_refresh, (Event.UP, Event.PREFIX_CHANGED)),
    (_find_aftr, (Event.PPP_UP, Event.PPP_DOWN)),
    (_notify_provider, (Event.UP, Event.PREFIX_CHANGED, Event.APPLY)),
    (_name_findings, (Event.UP, Event.APPLY)),
)


def probe(config: Config, host: Host) -> Health:
    """Ping once through the default way, update its health, and reconcile if that has flipped.

    If a slice fails then, the next probe reconciles again. Raises DualwanError.
    """
    answered = host.any_answers(config.mape.tunnel, [str(one) for one in config.wan.probe])
    now = clock_gettime(CLOCK_BOOTTIME)
    with host.lock(LOCK_SECONDS):
        state = host.load_state()
        # A later time is one of 0.1.0, by the wall clock.
        before = state.health._replace(since=min(state.health.since, now))
        health = next_health(before, answered, now, config.wan.hold_down)
        flipped = health.broken != before.broken
        health = health._replace(followed=before.followed and not flipped)
        host.save_state(replace(state, health=health))
    if flipped:
        _say(
            Event.PREFIX_CHANGED,
            "MAP-E does not answer: the LAN takes PPPoE"
            if health.broken
            else "MAP-E answers again: the LAN takes it",
        )
    return health if health.followed else _follow(config, host, health)


def _follow(config: Config, host: Host, health: Health) -> Health:
    """Reconcile after a flip; save ``health`` as followed unless a slice has failed."""
    run = _Run(config, host, Event.PREFIX_CHANGED, None)
    health = health._replace(followed=True)
    try:
        _handle(run)
    finally:
        if run.done is not None and not run.done.failures:
            run.update_state(lambda state: replace(state, health=health))
    return health


def _say(event: Event, sentence: str) -> None:
    _log(event).info(sentence)


def fail(event: Event, error: DualwanError) -> None:
    """Log ``error`` as one line."""
    _log(event).error(str(error).replace("\n", " "))


def warn(event: Event, sentence: str) -> None:
    """Log ``sentence`` as a warning."""
    _log(event).warning(sentence)


def _log(event: Event, **context: str) -> Any:
    from dualwan.log import logger  # noqa: PLC0415 - structlog takes 50 ms; load it after the work

    return logger(cause=event.label, **context)
