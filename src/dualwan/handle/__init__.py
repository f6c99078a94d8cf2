"""All stages of one event: reconcile, dial or hang up, ask the line's servers, log."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.errors import DualwanError, HostError
from dualwan.handle.run import Run, fail
from dualwan.model.event import Event
from dualwan.result import Result
from dualwan.words import listed

if TYPE_CHECKING:
    from dualwan.host.api import Host


def handle_event(
    config: Config | None, host: Host, event: Event, only: Collection[str] | None = None
) -> Result:
    """Handle ``event`` and log it; raises DualwanError, which is logged too.

    ``config`` is None for a removal without configuration. ``only``: reconcile these slices and
    skip all other stages; None for the whole router. If pppd refuses to start or to end, the
    other stages still run.
    """
    return run_stages(Run(config, host, event, only))


def run_stages(run: Run) -> Result:
    """Run the stages of an event, and log its failures; see handle_event."""
    try:
        for module, name, events in STAGES:
            if run.event in events and (run.only is None or not module):
                stage(module, name)(run)
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


def leave_wan(config: Config, host: Host, event: Event) -> None:
    """Hang up at the ifdown of what was the WAN until it was renamed; raises DualwanError, logged.

    A pppd goes on trying there for ever, and ifup of the new WAN finds that one runs. All else is
    of the configuration that names the new one, and stays: it is closed.
    """
    run = Run(config, host, event, None)
    stage("sessions", "hang_up")(run)
    if run.failures:
        error = HostError(listed("; ", run.failures))
        fail(event, error)
        raise error


def stage(module: str, name: str) -> Callable[[Run], None]:
    """Return the stage of ``STAGES`` in ``module`` with ``name``."""
    if not module:
        return _reconcile
    found: Callable[[Run], None] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def _reconcile(run: Run) -> None:
    run.reconcile()
    if run.event is Event.REMOVE:
        from dualwan.handle import removal  # noqa: PLC0415 - as a stage of its own would be

        removal.warn_if_open(run)


# Stages in order, and their events; an event imports only its own. Hanging up comes first and
# dialling after reconciling, both without the lock: pppd runs our own hooks, which take it.
STAGES: tuple[tuple[str, str, tuple[Event, ...]], ...] = (
    ("line", "refresh_first", (Event.APPLY,)),
    ("sessions", "hang_up", (Event.DOWN, Event.REMOVE)),
    ("", "reconcile", tuple(Event)),
    ("role", "step_back", (Event.STANDBY,)),
    ("sessions", "dial", (Event.UP, Event.PREFIX_CHANGED, Event.APPLY, Event.ACTIVE)),
    ("sessions", "dial_once_closed", (Event.MEND,)),
    ("role", "announce", (Event.ACTIVE,)),
    ("sessions", "catch_up", (Event.UP, Event.PREFIX_CHANGED, Event.APPLY, Event.MEND)),
    ("sessions", "keep_one", (Event.UP, Event.APPLY, Event.PPP_UP)),
    ("line", "await_prefix", (Event.UP,)),
    ("line", "refresh", (Event.UP, Event.PREFIX_CHANGED, Event.ACTIVE)),
    ("line", "find_aftr", (Event.PPP_UP, Event.PPP_DOWN)),
    ("renumbering", "follow", (Event.UP, Event.PREFIX_CHANGED, Event.APPLY)),
    (
        "update_call",
        "notify_once",
        (Event.UP, Event.PREFIX_CHANGED, Event.APPLY, Event.ACTIVE),
    ),
    ("findings", "name_findings", (Event.UP, Event.APPLY)),
    ("last_good", "keep", (Event.UP, Event.APPLY, Event.PREFIX_CHANGED, Event.MEND)),
)
