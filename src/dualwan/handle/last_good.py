"""Keep the configuration once all of it was applied, for events while a later one is wrong.

After that, a finished trial is forgotten if its file contains that configuration by now.
"""

from __future__ import annotations

from contextlib import suppress

from dualwan import slices
from dualwan.config import Config
from dualwan.errors import BusyError, DualwanError, HostError
from dualwan.handle.run import Run, warn
from dualwan.reconcile import LOCK_SECONDS, text_since
from dualwan.words import say


def keep(run: Run) -> None:
    """Keep the configuration if every slice is in its state; a failure does not fail the event.

    A standby router is in that state when it is closed: it may have to take over before it has ever
    been active.
    """
    done = run.done
    if run.config is None or done is None or run.failures or done.problems or done.left:
        return
    trial = run.host.load_trial()
    if trial is not None and trial.is_due(run.host.boot_id()):
        return  # the trial has not been confirmed
    goals = done.plan.goals
    standby = run.stands_by() and run.host.load_state().wanted
    if len(goals) < len(slices.ALL) or not (all(goals.values()) or standby):
        return
    since = text_since(run.config)
    if since and run.host.load_state().applied == since:
        return  # a person has applied it while this event asked or dialled
    if trial is not None and trial.is_past(run.config.text):  # over, and of no use any more
        with suppress(DualwanError):  # the next event does it
            _forget_trial(run, run.config)
    try:
        with run.host.lock(LOCK_SECONDS):
            run.host.keep_config(run.config)
    except (BusyError, HostError) as error:
        warn(
            run.event,
            say("{error}: a wrong configuration will have no older one to go back to", error=error),
        )


def _forget_trial(run: Run, config: Config) -> None:
    from dualwan.handle import trial  # noqa: PLC0415 - after a trial only

    trial.forget_past(config, run.host)
