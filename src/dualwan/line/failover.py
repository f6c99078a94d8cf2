"""Whether the default way carries traffic, from one probe to the next. Pure."""

from __future__ import annotations

from dataclasses import replace

from dualwan.model.state import Health

FAILS = 3  # probes in a row without any answer: the way is taken as broken
RECOVERS = 3  # probes in a row with an answer: it may be taken as mended


def next_health(health: Health, answered: bool, now: float, hold_down: float) -> Health:
    """Return the health after one more probe at ``now`` (seconds since boot).

    A change waits for its row of probes, and a return to the way also until ``hold_down``
    seconds after its failure, so that a line that comes and goes does not drag the LAN along.
    """
    if answered != health.broken:
        return replace(health, row=0)
    row = health.row + 1
    if not health.broken and row >= FAILS:
        return Health(broken=True, since=now)
    if health.broken and row >= RECOVERS and now - health.since >= hold_down:
        return Health(broken=False, since=now)
    return replace(health, row=row)
