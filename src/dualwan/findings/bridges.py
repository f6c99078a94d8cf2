"""A WAN that is a bridge, between whose ports netfilter sees frames as if they were routed."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def filtered(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for the WAN if it is such a bridge.

    A frame between two of its ports has the WAN as input and output device. So has a packet from
    the line that is routed back to the line, which the firewall drops.
    """
    for device in around.bridges:
        if device == config.wan.interface:
            yield Finding(
                "bridge-filtered",
                say(
                    "{device} (wan.interface) is a bridge, and "
                    "net.bridge.bridge-nf-call-iptables or -ip6tables is 1: what passes "
                    "between its ports is dropped as if it were routed",
                    device=device,
                ),
                say(
                    "set both to 0 in /etc/sysctl.d; if Docker sets them again, take a "
                    "plain interface for the WAN"
                ),
            )
