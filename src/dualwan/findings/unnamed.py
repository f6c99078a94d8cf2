"""Devices whose packets our firewall drops because no section of the configuration names them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say

# Docker names the bridge of a network br- and 12 digits of its id, which `compose up` renews.
_OF_A_NETWORK = re.compile(r"br-[0-9a-f]{12}")


def by_device(config: Config, around: Surroundings) -> dict[str, int]:
    """Return dropped packets by device, without devices that the configuration names by now."""
    own = (
        config.wan.interface,
        config.prefix_source,
        *config.way_devices.values(),
    )
    return {
        device: packets
        for device, packets in sorted(around.unnamed.items())
        if device not in own and not config.is_inside(device)
    }


def unnamed(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each device with dropped packets that the configuration does not name."""
    for device, packets in by_device(config, around).items():
        word = "br-*" if _OF_A_NETWORK.fullmatch(device) else device
        yield Finding(
            "device-unnamed",
            say(
                "{packets} from {device} within a day met a closed firewall, for no "
                "section of {path} names that device",
                packets=_packets(packets),
                device=device,
                path=config.path,
            ),
            say(
                'add "{word}" to interfaces in [lan] if its hosts may use everything, or of a '
                "[zone.NAME] if only some of it; if neither, leave it as it is",
                word=word,
            ),
        )


def _packets(count: int) -> str:
    return say("1 packet") if count == 1 else say("{count} packets", count=count)
