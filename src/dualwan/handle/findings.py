"""Log findings when they appear."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.frozen import replace
from dualwan.handle.run import Run, log
from dualwan.model.event import Event
from dualwan.model.state import Look

LOOK_SECONDS = 120  # from ifup's first to its last stanza of the WAN, mostly less than 1 s


def name_findings(run: Run) -> None:
    """Log each finding that the previous search did not have.

    A search takes as long as the rest of an event. ifup calls the hook once for each stanza of the
    WAN, and only the first call searches.
    """
    if run.config is None or run.done is None or _has_looked(run, run.config):
        return
    from dualwan.findings import AT_EVENTS, find  # noqa: PLC0415 - only these events look around

    began, known = run.host.since_boot(), run.done.plan.state
    found = find(run.config, run.host.surroundings(run.config, at_event=True), AT_EVENTS)
    for one in found:
        if one.digest not in known.findings:
            log(run.event, code=one.code).warning(one.text)
    now = tuple(one.digest for one in found)
    if now != known.findings or run.event is Event.UP:
        with run.noting_failure():
            run.update_state(
                lambda state: replace(state, findings=now, looked=Look(state.generation, began))
            )


def _has_looked(run: Run, config: Config) -> bool:
    """Whether an earlier call of the same ifup has searched, and nothing has changed since.

    That is so if the configuration is the same, nothing had to be mended now, and no program has
    changed the nft ruleset. The event may have reconciled twice by now, because of news of the
    line.
    """
    first, last = run.first, run.done
    if run.event is not Event.UP or not first or not last or first.applied or last.applied:
        return False
    before = last.plan.state.looked
    if first.plan.state.applied != config.text or before.generation != last.plan.generation:
        return False
    if not before.generation:
        return False
    return 0 <= run.host.since_boot() - before.at < LOOK_SECONDS
