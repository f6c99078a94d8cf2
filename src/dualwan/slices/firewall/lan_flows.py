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

from dualwan.config import Config
from dualwan.nft.table import Block, chain, commented, dynamic
from dualwan.slices import zones

FLOODING, FLOODING_BY = "flooding", "flooding_by"  # also in host/around/floods.py
RATE, _BURST = 200, 2000  # flows a second, and at once
LASTING_RATE, _LASTING_BURST = 50, 6000  # the same for minutes
_LIMIT = (
    f"limit rate {RATE}/second burst {_BURST} packets "
    f"limit rate {LASTING_RATE}/second burst {_LASTING_BURST} packets"
)
_SIZE, _LIFE = 4096, "10m"  # of each set of senders
_NAMED, _DAY = 64, "1d"  # of those that were over the bound
# Each set, the type of its elements, and what is looked up in it.
_BY_LINK = ("lan_devices", "ether_addr", "ether saddr")
_BY_ADDRESS = (
    ("lan_senders4", "ipv4_addr", "ip saddr"),
    ("lan_senders6", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"),
)
# A match of an element would ask its limit again, and fail where that is over; `!=` does not.
_NO_ROOM = "no room in the set: one bound for all that have none"
_CHAIN, _ROUTED, _OVER = "lan_flows", "lan_flows_routed", "lan_flood"
ACCEPT = f"goto {_CHAIN}"  # what the rules let in of a zone too, within the same bound


def sets() -> list[Block]:
    """Return the sets of senders, and of those that were over the bound within a day."""
    return [
        *(
            dynamic("set", name, f"type {kind}", _SIZE, _LIFE)
            for name, kind, _ in (_BY_LINK, *_BY_ADDRESS)
        ),
        dynamic("set", FLOODING, "type ether_addr", _NAMED, _DAY),
        dynamic("set", FLOODING_BY, "type ifname", _NAMED, _DAY),
    ]


def rules(config: Config) -> list[str]:
    """Return rules that lead what comes from the LAN to the bound, and accept the rest of it."""
    return [f"{lan} {ACCEPT}" for lan in zones.from_lan(config)]


def chains() -> list[Block]:
    """Return the chain that accepts new flows of the LAN, and the one for those over the bound."""
    name, _, source = _BY_LINK
    return [
        chain(
            _CHAIN,
            "ct state untracked accept",  # neighbour discovery
            "ct status confirmed accept",
            f"update @{name} {{ {source} {_LIMIT} }} accept",
            commented(f"{source} != @{name} {_LIMIT} accept", _NO_ROOM),
            f"meta iiftype != ether jump {_ROUTED}",
            f"goto {_OVER}",
            comment=f"a device may begin {RATE} flows a second, and for minutes {LASTING_RATE}",
        ),
        chain(
            _ROUTED,
            *(
                f"update @{held} {{ {address} {_LIMIT} }} accept"
                for held, _, address in _BY_ADDRESS
            ),
            *(
                commented(f"{address} != @{held} {_LIMIT} accept", _NO_ROOM)
                for held, _, address in _BY_ADDRESS
            ),
            comment="the same by address, where frames have none",
        ),
        chain(
            _OVER,
            f"update @{FLOODING} {{ ether saddr counter }}",
            f"meta iiftype != ether update @{FLOODING_BY} {{ iifname counter }}",
            "drop",
            comment="more than that: status names the device",
        ),
    ]
