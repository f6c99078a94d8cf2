"""A trial of a configuration: apply it, and go back unless a person confirms it.

The way back is armed before anything is applied. A process of its own takes it, and repeats that
after a failure. A run that has read another configuration before is refused (reconcile).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dualwan import config as configuration
from dualwan import slices, words
from dualwan.config import Config
from dualwan.errors import BusyError, ConfigError, DualwanError, HostError, KernelError
from dualwan.frozen import replace
from dualwan.handle import handle_event, sessions, update_call
from dualwan.handle.run import Run, tell, warn
from dualwan.host.api import Host
from dualwan.model.event import Event
from dualwan.model.observed import Reads
from dualwan.model.state import Health, RunState
from dualwan.model.trial import Phase, Trial, notes_after
from dualwan.reconcile import LOCK_SECONDS, reconcile
from dualwan.slices import Slice

ATTEMPTS = 5  # to go back; events and the watcher repeat what fails even then


def begin(config: Config, path: str, host: Host, seconds: int) -> Trial:
    """Save the present state and arm the way back; apply nothing yet.

    ``config``: to be tried. ``path``: of the configuration that events read. Raises BusyError while
    another trial is pending, HostError if there would be no way back.
    """
    with host.lock(LOCK_SECONDS):
        now, boot, last = host.since_boot(), host.boot_id(), host.load_trial()
        if last is not None and last.is_due(boot):
            raise BusyError(words.say("a trial is pending: {words}", words=_words(last, now)))
        state = host.load_state()
        if not state.applied and (state.wanted or _present(state)):
            raise HostError(
                words.say(
                    "the configuration in force is not known, so there is no way back: an "
                    "earlier version has applied it; apply it once more with --config "
                    "FILE, and try then"
                )
            )
        state = _there(host, state)
        host.arm(seconds)  # first: a timer without a trial does nothing
        try:
            trial = Trial(
                path,
                os.path.abspath(config.path),  # noqa: PTH100 - no symlink is resolved
                config.text,
                state.applied,
                boot,
                now + seconds,
                drafts=_unconfirmed(last, path, state),
                state=state,
                running=tuple(filter(host.runs, sessions.dialled_by(config))),
                down="" if _is_up(host, config.wan.interface) else config.wan.interface,
            )
            # Not the flowtable's set, whose elements live for a second.
            kept = [one.table for one in slices.ALL if one.table and not one.optional]
            host.keep_elements(kept)
            host.save_trial(trial)
        except HostError:
            with suppress(HostError):
                host.save_trial(last)
            host.disarm()
            raise
    tell(Event.APPLY, f"a trial begins: {_words(trial, now)}")
    return trial


def _unconfirmed(last: Trial | None, path: str, state: RunState) -> tuple[str, ...]:
    """Return the texts of the trial before, which the file may still have."""
    if last is None or last.path != path:
        return ()
    texts = dict.fromkeys((last.tried, *last.drafts))
    return tuple(one for one in texts if one != state.applied)


def confirm(host: Host) -> Trial:
    """Confirm the trial and return it; a tried file of another name is copied to ``path``.

    Raises HostError if no trial is pending.
    """
    with host.lock(LOCK_SECONDS):
        trial = host.load_trial()
        if trial is None or not trial.is_pending(host.boot_id()):
            late = words.say(": the router has gone back to what was there before") if trial else ""
            raise HostError(words.say("no trial is pending{late}", late=late))
        if trial.source != trial.path:
            host.install_config(trial.path, trial.tried)
        host.save_trial(None)
        host.disarm()  # under the lock: the timer may be another trial's after it
    tell(Event.APPLY, "the trial is confirmed")
    return trial


def settle(trial: Trial, host: Host) -> None:
    """Handle the confirmed configuration once more, so that it is kept as the last good one.

    An error is logged; the next event tries again.
    """
    with suppress(DualwanError):
        handle_event(configuration.from_text(trial.path, trial.tried), host, Event.MEND)


def forget(host: Host) -> None:
    """Forget a trial, if there is one, and its way back: a person has decided anew."""
    if host.load_trial() is None:
        return
    with host.lock(LOCK_SECONDS):
        trial = host.load_trial()
        if trial is None:
            return
        host.save_trial(None)
        if trial.is_due(host.boot_id()):
            host.disarm()  # see confirm


def forget_past(config: Config, host: Host) -> None:
    """Forget a finished trial if its file contains ``config`` by now, a text that it never had.

    While an older configuration replaces a wrong or unconfirmed file, the tried text may still
    return to the file. A trial that has begun meanwhile goes on. Raises DualwanError.
    """
    with host.lock(LOCK_SECONDS):
        trial = host.load_trial()
        if trial is None or trial.is_due(host.boot_id()) or not trial.is_past(config.text):
            return
        if configuration.read(Path(trial.path)) == config.text:
            host.save_trial(None)


def decide_anew(config: Config, host: Host) -> None:
    """Prepare for a person's ``config``: forget a finished trial, and keep a pending one of it.

    Raises BusyError while a trial of another configuration is pending.
    """
    trial = host.load_trial()
    if trial is None:
        return
    if not trial.is_due(host.boot_id()):
        forget(host)
    elif trial.tried != config.text:
        raise BusyError(
            words.say("a trial is pending: {words}", words=_words(trial, host.since_boot()))
        )


def go_back(host: Host, found: str = "") -> bool:
    """Go back from a trial that is due; return whether there was one.

    ``found``: the present text of the configuration. Raises DualwanError if a part of the state is
    not as before the trial; the next call goes on.
    """
    with host.lock(LOCK_SECONDS):
        trial = host.load_trial()
        if trial is None or not trial.is_due(host.boot_id()):
            return False
        first, drafts = trial.phase is Phase.PENDING, trial.drafts
        if found and found not in (trial.before, trial.tried, *drafts):
            drafts = (*drafts, found)
        trial = replace(trial, phase=Phase.RETURNING, drafts=drafts, attempts=trial.attempts + 1)
        host.save_trial(trial)
        state = host.load_state()
        if trial.state.wanted and state.health == Health():  # the tried one may have no probes
            host.save_state(replace(state, health=trial.state.health))
        if first and not trial.state.wanted and not _is_brought_up(trial, host):
            with suppress(HostError):  # from now on an ifup is one of its own
                host.save_state(replace(state, wanted=False))
    warn(
        Event.APPLY,
        words.say("the trial was not confirmed: the router goes back to what was there before"),
    )
    run = Run(None, host, Event.APPLY, None)
    sessions.end(run, _dialled(trial, state))
    if not _is_returning(host):
        return True
    try:
        if trial.before:
            run.config = configuration.from_text(trial.path, trial.before)
        if trial.state.wanted:
            _return_up(run)
        else:
            _return_down(run, trial)
    except (ConfigError, KernelError) as error:
        run.failures.append(str(error))
    _finish(run, trial)
    return True


def _is_brought_up(trial: Trial, host: Host) -> bool:
    """Whether an ifup has brought up the router, which was down before: the WAN is up by now."""
    return bool(trial.before and trial.down) and _is_up(host, trial.down)


def _is_up(host: Host, device: str) -> bool:
    return host.observe(Reads(devices=(device,))).is_up(device)


def _is_returning(host: Host) -> bool:
    """Whether the router still goes back: not if a person has decided anew, as by `down`."""
    trial = host.load_trial()
    return trial is not None and trial.phase is Phase.RETURNING


def _dialled(trial: Trial, state: RunState) -> list[str]:
    """Return the peers that the trial has dialled; a killed run may not have noted one."""
    peers = list(state.dialled)
    with suppress(ConfigError):
        peers += sessions.dialled_by(configuration.from_text(trial.source, trial.tried))
    kept = {*trial.state.dialled, *trial.running}
    return [peer for peer in dict.fromkeys(peers) if peer not in kept]


def _return_up(run: Run) -> None:
    """Bring the router up as before; after an ifdown since then only what stays after it.

    What is wanted is read under the lock: hanging up has taken up to half a minute.
    """
    run.reconcile(Event.MEND)
    if run.host.load_state().wanted:
        sessions.dial(run)
        update_call.notify_once(run)


def _return_down(run: Run, trial: Trial) -> None:
    """Take down what was not there; bring up as before the slices that were.

    After an ifup since then the router is up, by the configuration of before.
    """
    if run.config is not None and run.host.load_state().wanted:
        _return_up(run)
        return
    present = _present(trial.state)
    absent = [one.name for one in slices.ALL if one not in present]
    run.done = reconcile(None, run.host, Event.REMOVE, absent if present else None)
    if present:
        run.failures += run.done.failures.values()
        only = [one.name for one in present]
        run.done = reconcile(run.config, run.host, Event.APPLY, only)


def _present(state: RunState) -> list[Slice]:
    """Return the slices that are up by ``state``, completely or in part."""
    return [
        one
        for one in slices.ALL
        if (one.table.name in state.tables if one.table else bool(state.devices))
    ]


def _finish(run: Run, trial: Trial) -> None:
    """Put back the run state and the elements of sets; end the trial if all is as before."""
    failures = [*run.failures, *(run.done.failures.values() if run.done else ())]
    with run.host.lock(LOCK_SECONDS):
        if not _is_returning(run.host):
            return
        run.host.save_state(notes_after(trial.state, _there(run.host, run.host.load_state())))
        try:
            refused = run.host.put_back_elements()
        except HostError as error:
            refused, failures = 0, [*failures, str(error)]
        if not failures or trial.attempts >= ATTEMPTS:
            run.host.save_trial(replace(trial, phase=Phase.OVER))
    if refused:
        warn(
            Event.APPLY,
            words.say("{refused} elements of nft sets could not be put back", refused=refused),
        )
    if failures:
        raise HostError(words.listed("; ", failures))
    tell(Event.APPLY, "the router is as before the trial")


def _there(host: Host, state: RunState) -> RunState:
    """Return ``state`` without objects that do not exist, which killed runs may have noted."""
    seen = host.observe(Reads(devices=state.devices))
    there, tables = {one.key for one in seen.addresses}, host.table_names()
    return replace(
        state,
        tables=tuple(name for name in state.tables if tables is None or name in tables),
        addresses=tuple(one for one in state.addresses if one.key in there),
        tunnels=tuple(name for name in state.tunnels if name in seen.links),
    )


def _words(trial: Trial, now: float) -> str:
    left = max(0, round(trial.until - now))
    return words.say(
        "the router goes back in {left} s unless 'dualwan-hook confirm' keeps it", left=left
    )
