"""What keeps the router from its work is logged when it appears."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.frozen import replace
from dualwan.handle.run import Run, log
from dualwan.model.event import Event
from dualwan.model.state import Look

LOOK_SECONDS = 120  # from the first stanza of the WAN to the last one, mostly less than a second


def name_findings(run: Run) -> None:
    """Log each finding that the last look did not have.

    To look around takes as long as the rest of an event. ifup calls once for each stanza of the
    WAN, and looks once.
    """
    if run.config is None or run.done is None or _has_looked(run, run.config):
        return
    from dualwan.findings import AT_EVENTS, find  # noqa: PLC0415 - only these events look around

    began, known = run.host.since_boot(), run.done.plan.state
    found = find(run.config, run.host.surroundings(run.config), AT_EVENTS)
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
    """Whether this event is one of an ifup that has looked, and found the same as is there now.

    That is so if the configuration is the same and nothing was to be mended now, and nobody has
    changed anything in nft since. News of the line have had it reconcile once more by now.
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
