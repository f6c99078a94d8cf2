"""Probes that have ended while MAP-E counts as broken: only they could end that."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say

LONGEST_SECONDS = 300.0  # from one probe to the next: the timer's are 20 s apart


def stopped(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if nobody asks any more whether MAP-E answers again."""
    if not config.wan.probe or (around.unprobed or 0.0) < LONGEST_SECONDS:
        return
    yield Finding(
        "probe-stopped",
        say(
            "MAP-E did not answer the probes, and there was none for more than 5 minutes: the LAN "
            "stays on PPPoE for good"
        ),
        say(
            "`systemctl enable --now dualwan-probe.timer`; or take probe out of [wan], and the "
            "IPv6 default route decides alone"
        ),
    )
