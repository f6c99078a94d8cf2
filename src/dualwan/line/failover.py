"""The failover state: its step from one probe of the default way to the next. Pure."""

from __future__ import annotations

from dualwan.model.state import Health

FAILS = 3  # probes in a row without an answer until the way counts as broken
RECOVERS = 3  # probes in a row with an answer until it may count as repaired


def next_health(health: Health, answered: bool, now: float, hold_down: float) -> Health:
    """Return the health after a probe at ``now`` (seconds since the epoch).

    A failure takes FAILS probes in a row. A return takes RECOVERS, and at least ``hold_down``
    seconds since the failure, so that the LAN does not follow each change of a flapping line.
    """
    if answered != health.broken:
        return health._replace(streak=0)
    streak = health.streak + 1
    if not health.broken and streak >= FAILS:
        return Health(broken=True, since=now)
    if health.broken and streak >= RECOVERS and now - health.since >= hold_down:
        return Health(broken=False, since=now)
    return health._replace(streak=streak)
