"""Devices that no section of the configuration names: their packets are dropped. Pure.

The set has an element with a counter for each such device, for a day after its last packet, so that
`status` can name it. A packet that leaves by the device it came in by was not routed:
net.bridge.bridge-nf-call-iptables shows frames between the ports of a bridge to the forward hook,
with the bridge as both devices. Such frames are accepted.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.way import Way
from dualwan.nft.table import Block, commented, dynamic, quoted
from dualwan.slices import zones

NAME = "unnamed"  # also in host/around/unnamed.py, which reads it
_SIZE = 64  # devices; only root makes one
_DAY = "1d"


def sets() -> list[Block]:
    """Return the set of such devices."""
    return [dynamic("set", NAME, "type ifname", _SIZE, _DAY)]


def _known(config: Config, ways: tuple[Way, ...]) -> str:
    return quoted(dict.fromkeys((*zones.outside(config, ways), *zones.inside(config))))


def to_router(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for the end of the input chain, which count packets of such devices.

    Multicast and broadcast are not counted: most devices send some, whether or not they are used.
    """
    return [f"iifname != {_known(config, ways)} meta pkttype host {_count()}"]


def through(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return rules for the end of the forward chain: accept bridged frames, count the rest."""
    known = _known(config, ways)
    return [
        commented(
            f"iifname != {known} oifname != {known} fib daddr . iif oif exists accept",
            "bridged frames, shown by br_netfilter",
        ),
        f"iifname != {known} {_count()}",
    ]


def _count() -> str:
    return f"update @{NAME} {{ iifname counter }}"
