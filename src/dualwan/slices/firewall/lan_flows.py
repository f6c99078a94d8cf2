"""New flows of the LAN: a bound for each device, so that one does not fill conntrack. Pure.

A flow without an answer is in conntrack for minutes, and the table has room for as many as the
machine has memory for (65,536 with 2 GB). A device that opens them without end, an infected one,
would keep it full for all others and for the router itself. Devices are told apart by link
address, because their IP addresses are free to invent; where a device has none (a VPN), by IP
address, IPv6 by /64. Only the first packet of a flow counts, so one-way streams are not slowed.

There are two bounds: one of a moment, for what a burst costs, and one of minutes, for what is in
conntrack at a time. By the tunnel a flow that nobody answers stays there for up to 4 minutes
(snat/timeouts.py), so a device holds 6000 + 240 s x 50 = 18,000 such entries at the most: three of
them do not fill a table of 65,536.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dualwan.config import Config
from dualwan.config.zones import Zone
from dualwan.nft.table import Block, chain, commented, dynamic
from dualwan.slices import zones

FLOODING, FLOODING_BY = "flooding", "flooding_by"  # also in host/around/floods.py
RATE, _BURST = 200, 2000  # flows a second, and at once
LASTING_RATE, _LASTING_BURST = 50, 6000  # the same for minutes
_LIMIT = (
    f"limit rate {RATE}/second burst {_BURST} packets "
    f"limit rate {LASTING_RATE}/second burst {_LASTING_BURST} packets"
)
# The same of all hosts of a zone together.
ZONE_RATE, _ZONE_BURST, ZONE_LASTING_RATE, _ZONE_LASTING_BURST = 400, 4000, 100, 6000
_ZONE_LIMIT = (
    f"limit rate {ZONE_RATE}/second burst {_ZONE_BURST} packets "
    f"limit rate {ZONE_LASTING_RATE}/second burst {_ZONE_LASTING_BURST} packets"
)
_SIZE, _LIFE = 4096, "10m"  # of each set of senders
_NAMED, _DAY = 64, "1d"  # of those that were over the bound
# Each set of the LAN, that of a zone, the type of its elements, and what is looked up in it.
_BY_LINK = ("lan_devices", "zone_devices_", "ether_addr", "ether saddr")
_BY_ADDRESS = (
    ("lan_senders4", "zone_senders4_", "ipv4_addr", "ip saddr"),
    ("lan_senders6", "zone_senders6_", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"),
)
# A match of an element would ask its limit again, and fail where that is over; `!=` does not.
_NO_ROOM = "no room in the set: one bound for all that have none"
_CHAIN, _ROUTED, _OVER = "lan_flows", "lan_flows_routed", "lan_flood"
# With the name of the zone: none may begin with another one.
_OF_ZONE, _ROUTED_OF_ZONE, _ALL_OF_ZONE = "zone_flows_", "zone_routed_flows_", "zone_all_flows_"


def accept(zone: Zone) -> str:
    """Return what accepts a flow of ``zone`` within the bounds."""
    return f"goto {_OF_ZONE}{zone.name}"


def sets(config: Config) -> list[Block]:
    """Return the sets of senders, and of those that were over the bound within a day."""
    kinds = (_BY_LINK, *_BY_ADDRESS)
    return [
        *(dynamic("set", name, f"type {kind}", _SIZE, _LIFE) for name, _, kind, _ in kinds),
        *(
            dynamic("set", f"{of_zone}{zone.name}", f"type {kind}", _SIZE, _LIFE)
            for zone in config.zones
            for _, of_zone, kind, _ in kinds
        ),
        dynamic("set", FLOODING, "type ether_addr", _NAMED, _DAY),
        dynamic("set", FLOODING_BY, "type ifname", _NAMED, _DAY),
    ]


def rules(config: Config) -> list[str]:
    """Return rules that lead what comes from the LAN to the bound, and accept the rest of it."""
    return [f"{lan} goto {_CHAIN}" for lan in zones.from_lan(config)]


def chains(config: Config) -> list[Block]:
    """Return the chains that accept new flows, and the one for those over the bound."""
    return [
        *_bounded(_CHAIN, _ROUTED, lambda of_lan, _: of_lan, "accept"),
        *(block for zone in config.zones for block in _of_zone(zone)),
        chain(
            _OVER,
            f"update @{FLOODING} {{ ether saddr counter }}",
            f"meta iiftype != ether update @{FLOODING_BY} {{ iifname counter }}",
            "drop",
            comment="more than that: status names the device",
        ),
    ]


def _of_zone(zone: Zone) -> list[Block]:
    together = f"{_ALL_OF_ZONE}{zone.name}"
    return [
        chain(
            together,
            f"{_ZONE_LIMIT} accept",
            "drop",
            comment=f"all of the zone {zone.name} may begin {ZONE_RATE} flows a second, and for "
            f"minutes {ZONE_LASTING_RATE}",
        ),
        *_bounded(
            f"{_OF_ZONE}{zone.name}",
            f"{_ROUTED_OF_ZONE}{zone.name}",
            lambda _, of_zone: f"{of_zone}{zone.name}",
            f"goto {together}",
        ),
    ]


def _bounded(
    name: str, routed: str, set_of: Callable[[str, str], str], within: str
) -> Iterator[Block]:
    """Yield the chains ``name`` and ``routed``, which bound new flows by sender.

    set_of: the name of a set, of the two that it has. within: the verdict about a flow within it.
    """
    *both, _, source = _BY_LINK
    held = set_of(*both)
    yield chain(
        name,
        "ct state untracked accept",  # neighbour discovery
        "ct status confirmed accept",
        f"update @{held} {{ {source} {_LIMIT} }} {within}",
        commented(f"{source} != @{held} {_LIMIT} {within}", _NO_ROOM),
        f"meta iiftype != ether jump {routed}",
        f"goto {_OVER}",
        comment=f"a device may begin {RATE} flows a second, and for minutes {LASTING_RATE}",
    )
    by_address = [(set_of(*both), address) for *both, _, address in _BY_ADDRESS]
    yield chain(
        routed,
        *(f"update @{held} {{ {address} {_LIMIT} }} {within}" for held, address in by_address),
        *(
            commented(f"{address} != @{held} {_LIMIT} {within}", _NO_ROOM)
            for held, address in by_address
        ),
        comment="the same by address, where frames have none",
    )
