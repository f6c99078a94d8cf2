"""Whether MAP-E carries traffic, from one probe to the next: counts and hold-down. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

FAILS = 3  # probes in a row without any answer: MAP-E is taken as broken
RECOVERS = 3  # probes in a row with an answer: it may be taken as mended


@dataclass(frozen=True)
class Health:
    """What the probes of MAP-E said.

    row: probes in a row that contradict `broken`. since: when `broken` last changed, in
    seconds since the epoch.
    """

    broken: bool = False
    row: int = 0
    since: float = 0.0


def after(health: Health, answered: bool, now: float, hold_down: float) -> Health:
    """HEALTH after one more probe at NOW.

    A change waits for its row of probes, and a return to MAP-E also until HOLD_DOWN seconds
    after its failure, so that a line that comes and goes does not drag the LAN along.
    """
    if answered != health.broken:
        return replace(health, row=0)
    row = health.row + 1
    if not health.broken and row >= FAILS:
        return Health(broken=True, since=now)
    if health.broken and row >= RECOVERS and now - health.since >= hold_down:
        return Health(broken=False, since=now)
    return replace(health, row=row)
