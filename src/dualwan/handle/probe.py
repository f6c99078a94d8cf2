"""The probe of the default way, and the failover that follows from it."""

from __future__ import annotations

from time import CLOCK_BOOTTIME, clock_gettime

from dualwan.config import Config
from dualwan.frozen import replace
from dualwan.handle import run_stages
from dualwan.handle.run import Run, tell
from dualwan.host.api import Host
from dualwan.line.failover import next_health
from dualwan.line.role import stands_by
from dualwan.model.event import Event
from dualwan.model.state import Health, RunState
from dualwan.reconcile import LOCK_SECONDS


def probe(config: Config, host: Host) -> Health:
    """Ping once through the default way, update its health, and reconcile if that has flipped.

    If a slice then fails, the next probe reconciles again. Does not ping after an ifdown or on a
    standby, where no way can answer. Raises DualwanError.
    """
    before = host.load_state()
    if not _may_answer(config, before):
        return before.health
    answered = host.any_answers(config.mape.tunnel, [str(one) for one in config.wan.probe])
    now = clock_gettime(CLOCK_BOOTTIME)
    with host.lock(LOCK_SECONDS):
        state = host.load_state()
        if not _may_answer(config, state):  # taken down during the ping
            return state.health
        # 0.1.0 noted the time by the wall clock, which is later than any since boot.
        last = state.health._replace(since=min(state.health.since, now))
        health = next_health(last, answered, now, config.wan.hold_down)
        flipped = health.broken != last.broken
        health = health._replace(followed=last.followed and not flipped)
        host.save_state(replace(state, health=health, probed=now))
    if flipped:
        tell(
            Event.PREFIX_CHANGED,
            "MAP-E does not answer: the LAN takes PPPoE"
            if health.broken
            else "MAP-E answers again: the LAN takes it",
        )
    return health if health.followed else _follow(config, host, health)


def _may_answer(config: Config, state: RunState) -> bool:
    return state.wanted and not stands_by(config, state)


def _follow(config: Config, host: Host, health: Health) -> Health:
    """Reconcile after a flip; save ``health`` as followed unless a slice has failed.

    If an ifup or a change of role has reset the health meanwhile, it is left so.
    """
    run = Run(config, host, Event.PREFIX_CHANGED, None)
    run.reason = "probe"
    followed = health._replace(followed=True)
    try:
        run_stages(run)
    finally:
        if run.done is not None and not run.done.failures:
            run.update_state(
                lambda state: replace(state, health=followed) if state.health == health else state
            )
    return followed
