"""One event from start to end: reconcile, dial or hang up, log. What cli and events share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from time import time

from dualwan.config import Config
from dualwan.config.mape import DsLite, Ipip, MapE
from dualwan.errors import DualwanError, KernelError
from dualwan.host.api import Host
from dualwan.line.failover import Health, after
from dualwan.reconcile import LOCK_SECONDS, Plan, Result, reconcile
from dualwan.slices import firewall
from dualwan.slices.goals import NAMES, Event

ENDS = (Event.DOWN, Event.REMOVE)
BEGINS = (Event.UP, Event.APPLY)
LEARNS = (Event.UP, Event.LINE)
TELLS = (Event.UP, Event.LINE, Event.APPLY)
HANG_UP_SECONDS = 15.0  # pppd ends the session, runs ip-down, and waits for it


def happen(config: Config, host: Host, event: Event, only: Collection[str] = NAMES) -> Result:
    """Do what EVENT asks for and log it; raises DualwanError after logging it.

    Hanging up comes first and dialling last, both outside the lock: pppd runs our own
    hooks, which take it. PPPoE is dialled also where MAP-E has to wait. The line is asked
    for its rule last, so that a slow server holds up nothing; a person waits for it first.
    """
    whole = set(only) == set(NAMES)
    dials = config.pppoe.dial and whole
    try:
        if whole and event is Event.APPLY:
            _learned(config, host, event)
        if dials and event in ENDS and host.hang_up(config.pppoe.peer, HANG_UP_SECONDS):
            _say(event, f"hung up {config.pppoe.peer}")
        result = _reconciled(config, host, event, only)
        closed = firewall.NAME not in result.failures
        if dials and closed and event in BEGINS and host.dial(config.pppoe.peer):
            _say(event, f"dialled {config.pppoe.peer}")
        if event is Event.UP and result.plan.line.softwire is None:
            host.await_prefix(config.prefix_source, config.mape.wait)
            result = _reconciled(config, host, event, only)
        if whole and event in LEARNS and _learned(config, host, event):
            result = _reconciled(config, host, event, only)
        if whole and event in TELLS:
            _told(result.plan, host, event)
        if event is Event.PRE_UP:  # that the link is down is no news
            result = replace(result, plan=replace(result.plan, slices=tuple(
                replace(item, problems=()) for item in result.plan.slices)))
        if result.problems:
            raise KernelError("; ".join(result.problems))
    except DualwanError as error:
        fail(event, error)
        raise
    return result


def probe(config: Config, host: Host) -> Health:
    """Probe MAP-E once, note what it said, and have the LAN follow where that changed."""
    targets = [str(target) for target in config.wan.probe]
    answered = host.any_answers(config.mape.tunnel, targets)
    with host.lock(LOCK_SECONDS):
        memory = host.remembered()
        health = after(memory.health, answered, time(), config.wan.hold_down)
        host.remember(replace(memory, health=health))
    if health.broken != memory.health.broken:
        _say(Event.LINE, "MAP-E does not answer: the LAN takes PPPoE" if health.broken
             else "MAP-E answers again: the LAN takes it")
        happen(config, host, Event.LINE)
    return health


def _reconciled(config: Config, host: Host, event: Event, only: Collection[str]) -> Result:
    result = reconcile(config, host, event, only)
    if result.plan.changes:
        from dualwan.log import logger  # noqa: PLC0415 - after the work: it takes 50 ms to load

        for name, step in result.applied:
            logger(cause=event.value, slice=name).info(f"{step.sign} {step.text}")
        for warning in result.plan.warnings:
            logger(cause=event.value).warning(warning)
    return result


def _learned(config: Config, host: Host, event: Event) -> bool:
    """Ask the line what it alone knows, outside the lock; whether there is anything new."""
    if event is Event.LINE and not host.remembered().wanted:
        return False  # after ifdown: what the line does then is nobody's business
    if isinstance(config.mape, DsLite):
        return _found_aftr(config.mape.aftr, host, event)
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return False
    from dualwan.line.provisioning.refresh import known, learn  # noqa: PLC0415 - as in reconcile

    before = [item.answer for item in known(config, host)]
    for sentence in learn(config, host, by_hand=event is Event.APPLY):
        _say(event, sentence)
    return before != [item.answer for item in known(config, host)]


def _found_aftr(aftr: str, host: Host, event: Event) -> bool:
    """Look up DS-Lite's other end; whether it is elsewhere than before."""
    try:
        address = aftr if ":" in aftr else host.resolve(aftr)
    except DualwanError as error:
        fail(event, error)  # the address of last time counts on
        return False
    with host.lock(LOCK_SECONDS):
        memory = host.remembered()
        host.remember(replace(memory, aftr=address))
    return address != memory.aftr


def _told(plan: Plan, host: Host, event: Event) -> None:
    """Tell IPIP's provider our end of the tunnel, once for each."""
    mape, softwire = plan.config.mape, plan.line.softwire
    if not isinstance(mape, Ipip) or not mape.update or softwire is None or (
            host.remembered().told == str(softwire.ce)):
        return
    try:
        said = host.call_update_url(mape.update)
    except DualwanError as error:
        fail(event, error)  # the next event tries again
        return
    _say(event, f"told the provider that our end is {softwire.ce}; it said: {said}")
    with host.lock(LOCK_SECONDS):
        host.remember(replace(host.remembered(), told=str(softwire.ce)))


def _say(event: Event, sentence: str) -> None:
    from dualwan.log import logger  # noqa: PLC0415 - after the work: it takes 50 ms to load

    logger(cause=event.value).info(sentence)


def fail(event: Event, error: DualwanError) -> None:
    """Log ERROR as one line."""
    from dualwan.log import logger  # noqa: PLC0415 - only errors need it

    logger(cause=event.value).error(str(error).replace("\n", " "))
