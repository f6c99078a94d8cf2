"""New flows of the LAN: a limit for each device, so that none can fill conntrack. Pure.

A flow without an answer is in conntrack for minutes, and the table has room for as many as the
machine has memory for (65,536 with 2 GB). An infected device that opens flows without end would
keep it full, for all others and for the router itself. Devices are told apart by link address,
because they can invent IP addresses; where a device has none (a VPN), by IP address, IPv6 by /64.
Only the first packet of a flow counts, so one-way streams are not slowed.

There are two limits: a short one for bursts, and a lasting one for the number of entries in
conntrack. An unanswered flow by the tunnel stays there for up to 4 minutes (snat/timeouts.py), so a
device holds 6000 + 240 s x 50 = 18,000 such entries at the most: three of them do not fill a table
of 65,536.
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
_NAMED, _DAY = 64, "1d"  # of those that exceeded the limit
# Each set of the LAN, that of a zone, the type of its elements, and their key in a packet.
_BY_LINK = ("lan_devices", "zone_devices_", "ether_addr", "ether saddr")
_BY_ADDRESS = (
    ("lan_senders4", "zone_senders4_", "ipv4_addr", "ip saddr"),
    ("lan_senders6", "zone_senders6_", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"),
)
# For a sender without room in the set. A plain match of an element would check its limit again, and
# fail if that is exceeded; `!=` does not.
_NO_ROOM = "no room in the set: one bound for all that have none"
_CHAIN, _ROUTED, _OVER = "lan_flows", "lan_flows_routed", "lan_flood"
# The name of the zone follows, so none of these may begin with another one.
_OF_ZONE, _ROUTED_OF_ZONE, _ALL_OF_ZONE = "zone_flows_", "zone_routed_flows_", "zone_all_flows_"


def accept(zone: Zone) -> str:
    """Return the verdict that accepts a flow of ``zone`` within the limits."""
    return f"goto {_OF_ZONE}{zone.name}"


def sets(config: Config) -> list[Block]:
    """Return the sets of senders, and of those that exceeded the limit within a day."""
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
    """Return rules that lead new flows of the LAN to the limit, and accept its other packets."""
    return [f"{lan} goto {_CHAIN}" for lan in zones.from_lan(config)]


def chains(config: Config) -> list[Block]:
    """Return the chains that accept new flows, and the one for flows over the limit."""
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
    """Yield the chains ``name`` and ``routed``, which limit new flows by sender.

    set_of: chooses the set's name, given those of the LAN and of a zone. within: the verdict on a
    flow within the limit.
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
