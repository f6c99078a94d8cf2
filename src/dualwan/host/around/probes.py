"""The probes of the default way: whether anything still makes them."""

from __future__ import annotations

from time import CLOCK_BOOTTIME, clock_gettime

from dualwan.config import Config
from dualwan.host import store
from dualwan.line.role import stands_by


def silent(config: Config | None) -> float | None:
    """Return the seconds since the last probe; None unless the default way counts as broken.

    None also where nobody is to be asked: after an ifdown, and on a standby.
    """
    state = store.load_state()
    if not state.wanted or not state.health.broken or stands_by(config, state):
        return None
    return clock_gettime(CLOCK_BOOTTIME) - max(state.probed, state.health.since)
