"""The kernel's reverse path filter, if it is on for all interfaces (conf.all)."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def on_for_all(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if the filter is on for all: the kernel uses the larger of the two values.

    We set 0 for the PPP session, because main has no route back while MAP-E has no tunnel; with
    failover main has the one by PPPoE.
    """
    if around.rp_filter_all not in ("", "0") and not config.wan.failover:
        yield Finding(
            "sysctl-rp-filter",
            say(
                "net.ipv4.conf.all.rp_filter is {value}: while MAP-E has no tunnel, forwards and "
                "hosts of via-pppoe get no packet by PPPoE",
                value=around.rp_filter_all,
            ),
            say("set it to 0 in /etc/sysctl.d, and the interfaces' own where you want the filter"),
        )
