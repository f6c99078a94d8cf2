"""News of the line: its first prefix, and what its servers say of rule and AFTR."""

from __future__ import annotations

from contextlib import ExitStack

from dualwan.config import Config
from dualwan.config.mape import DsLite, MapE
from dualwan.errors import DualwanError
from dualwan.frozen import replace
from dualwan.handle.run import Run, fail
from dualwan.line import Line
from dualwan.model.event import Event
from dualwan.model.state import RunState


def await_prefix(run: Run) -> None:
    """Wait for the prefix that the softwire is derived from; PPPoE has been dialled before.

    Do not wait while a watcher runs, which will see the prefix; nor if the same ifup has waited in
    vain for another stanza of the WAN; nor on a standby.
    """
    if run.config is None or run.done is None or _is_whole(run.done.plan.line):
        return
    if run.host.is_watched() or run.host.load_state().awaited or run.stands_by():
        return
    with run.noting_failure():
        if not run.host.await_prefix(run.config.prefix_source, run.config.mape.wait):
            run.update_state(lambda state: replace(state, awaited=state.wanted))
    run.reconcile_again()


def _is_whole(line: Line) -> bool:
    return line.softwire is not None and not line.lacking


def refresh(run: Run) -> None:
    """Ask the line's servers, and reconcile if an answer has changed.

    A standby asks when it comes up, to be ready, and again when it takes over: that may be months
    later.
    Runs without the lock and after reconciling, so that a slow server delays nothing.
    """
    if _is_news(run):
        run.reconcile_again()


def refresh_first(run: Run) -> None:
    """Ask the line's servers before reconciling, so that a person sees the whole result at once."""
    _is_news(run)


def _is_news(run: Run) -> bool:
    """Ask the line's servers; return whether the answer differs from the last one."""
    mape = run.config.mape if run.config else None
    if run.event is Event.PREFIX_CHANGED and not run.host.load_state().wanted:
        return False  # after an ifdown
    named = isinstance(mape, DsLite) and ":" not in mape.aftr
    if run.config is None or not (named or (isinstance(mape, MapE) and mape.provisioning)):
        return False
    from dualwan.line.provisioning.refresh import (  # noqa: PLC0415 - only provisioning needs it
        cached_answers,
        refresh,
    )

    with ExitStack() as held:  # ifup and the watcher may come at once: only one asks
        try:
            held.enter_context(run.host.asking())
        except DualwanError as error:
            fail(run.event, error)  # the last answer stays in use, and the rest is done
            return False
        if isinstance(mape, DsLite):
            return _refresh_aftr(run, run.config, mape.aftr)
        before = [item.answer for item in cached_answers(run.config, run.host)]
        for sentence in refresh(run.config, run.host, on_request=run.event is Event.APPLY):
            run.tell(sentence)
        return before != [item.answer for item in cached_answers(run.config, run.host)]


def _refresh_aftr(run: Run, config: Config, name: str) -> bool:
    """Look up the address of DS-Lite's AFTR; return whether it has changed."""
    from dualwan.line.provisioning.aftr import remember  # noqa: PLC0415 - only DS-Lite needs it

    was_wanted = run.host.load_state().wanted
    prefix = next(iter(run.host.prefixes(config.prefix_source)), "")  # of the line that is asked
    try:
        address = run.host.resolve(name, config.line_device)
    except DualwanError as error:
        fail(run.event, error)  # the last address stays in use
        return False
    with run.noting_failure():
        remember(name, address, prefix, run.host)
    state = run.host.load_state()
    if (state.aftr, state.aftr_name) == (address, name):
        return False

    def noted(state: RunState) -> RunState:
        if was_wanted and not state.wanted:  # an ifdown has forgotten what is of this line
            return state
        return replace(state, aftr=address, aftr_name=name)

    with run.noting_failure():
        run.update_state(noted)
    return True


def find_aftr(run: Run) -> None:
    """Look up DS-Lite's AFTR at an event of PPPoE, if no name server has answered so far."""
    mape = run.config.mape if run.config else None
    if isinstance(mape, DsLite) and ":" not in mape.aftr:
        state = run.host.load_state()
        if state.wanted and state.aftr_name != mape.aftr and _is_news(run):
            run.reconcile(Event.PREFIX_CHANGED)  # no slice of a PPPoE event has the tunnel
