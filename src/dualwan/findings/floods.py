"""Devices of the LAN that exceeded the limit of new flows: probably infected."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.slices.firewall.lan_flows import LASTING_RATE, RATE
from dualwan.words import say


def floods(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each device whose new flows the firewall dropped within a day."""
    del config
    for sender, packets in sorted(around.floods.items()):
        noun = say("1 packet") if packets == 1 else say("{packets} packets", packets=packets)
        yield Finding(
            "device-floods",
            say(
                "{sender} in the LAN began more than {rate} connections a second for a "
                "while, or {lasting_rate} for minutes, and {noun} of such were dropped "
                "within a day",
                sender=sender,
                rate=RATE,
                lasting_rate=LASTING_RATE,
                noun=noun,
            ),
            say(
                "look for a scanner or a virus there (`ip neigh` has the IP address); "
                "what the device began before goes on, and so do all others"
            ),
        )
