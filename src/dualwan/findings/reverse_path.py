"""The kernel's reverse path filter, if it is on for all interfaces (conf.all)."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say

_STRICT = "1"


def on_for_all(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if the filter is on for all: the kernel uses the larger of the two values.

    We set 0 for the PPP session, because main's way back is MAP-E, and there is none while that has
    no tunnel. The loose filter wants any way back, and with failover main has the one by PPPoE.
    """
    value = around.rp_filter_all
    if value in {"", "0"} or (config.wan.failover and value != _STRICT):
        return
    yield Finding(
        "sysctl-rp-filter",
        say(
            "net.ipv4.conf.all.rp_filter is {value}: forwards and hosts of via-pppoe get no packet "
            "by PPPoE, because the way back in the table main is MAP-E",
            value=value,
        )
        if value == _STRICT
        else say(
            "net.ipv4.conf.all.rp_filter is {value}: while MAP-E has no tunnel, forwards and "
            "hosts of via-pppoe get no packet by PPPoE",
            value=value,
        ),
        say("set it to 0 in /etc/sysctl.d, and the interfaces' own where you want the filter"),
    )
