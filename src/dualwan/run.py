"""One event from start to end: reconcile, dial or hang up, log. What cli and events share."""

from __future__ import annotations

from collections.abc import Collection

from dualwan.config import Config
from dualwan.errors import DualwanError
from dualwan.host.protocol import Host
from dualwan.reconcile import Plan, reconcile
from dualwan.targets import NAMES, Event

HANG_UP_SECONDS = 15.0  # pppd ends the session, runs ip-down, and waits for it


def happen(config: Config, host: Host, event: Event, only: Collection[str] = NAMES) -> Plan:
    """Do what EVENT asks for and log it; raises DualwanError after logging it.

    Hanging up comes first and dialling last, both outside the lock: pppd runs our own
    hooks, which take it.
    """
    dials = config.pppoe.dial and set(only) == set(NAMES)
    try:
        ends = event in (Event.DOWN, Event.REMOVE) and dials
        if ends and host.hang_up(config.pppoe.peer, HANG_UP_SECONDS):
            _say(event, f"hung up {config.pppoe.peer}")
        plan = reconcile(config, host, event, only)
        _log_changes(event, plan)
        begins = event in (Event.UP, Event.APPLY) and dials
        if begins and host.dial(config.pppoe.peer):
            _say(event, f"dialled {config.pppoe.peer}")
    except DualwanError as error:
        fail(event, error)
        raise
    return plan


def _log_changes(event: Event, plan: Plan) -> None:
    if not plan.changes:
        return
    from dualwan.log import logger  # noqa: PLC0415 - after the work: it takes 50 ms to load

    for item in plan.slices:
        for step in item.changes:
            logger(cause=event.value, slice=item.name).info(f"{step.sign} {step.text}")


def _say(event: Event, sentence: str) -> None:
    from dualwan.log import logger  # noqa: PLC0415 - after the work: it takes 50 ms to load

    logger(cause=event.value).info(sentence)


def fail(event: Event, error: DualwanError) -> None:
    """Log ERROR as one line."""
    from dualwan.log import logger  # noqa: PLC0415 - only errors need it

    logger(cause=event.value).error(str(error).replace("\n", " "))
