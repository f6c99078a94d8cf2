"""No host holds more than its share of the ports towards one destination. Pure.

Counting costs, and `ct count` looks at every connection of its list. So only those flows
are counted whose host is one of a crowd: those that found its home full towards their
destination (allocate.py). A home's ports and the flows that are counted are the share.
Pings are few: all of them are counted.

It is asked in prerouting, in a chain of the nat type: that sees each flow's first packet
only, and there a packet can still be answered with a reset or an ICMP error.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, chain, dynamic
from dualwan.slices.snat.allocate import ICMP, TCP, UDP, Crowd, Protocol, Sharing
from dualwan.slices.snat.ports import Pool

REFUSED = "refused"  # the set of who was refused
HOSTS = 1024  # refused, by address; about 100 bytes each
CROWDS = 8192  # a host and a destination each; about 100 bytes
HELD = 8192  # the same, with the list of what is held; about 150 bytes, and 60 a connection
EVERYTHING = 100  # percent
_TOWARDS = "type ipv4_addr . ipv4_addr . inet_service"


@dataclass(frozen=True)
class Share:
    """PERCENT of the ports of POOL, towards each destination; 100 asks nothing of anybody."""

    pool: Pool
    percent: int

    @property
    def applies(self) -> bool:
        """Whether flows can be refused at all."""
        return self.pool.counted and self.percent < EVERYTHING

    @property
    def ports(self) -> int:
        """How many ports a host may hold towards one destination."""
        return max(1, len(self.pool.ports) * self.percent // 100)

    @property
    def uncounted(self) -> int:
        """How many of them are a home's; 0 where that would be most of the share."""
        return self.pool.home if self.ports >= 2 * self.pool.home else 0

    def sets(self) -> list[Block]:
        """Who is in a crowd, what is held there, and who was refused how often."""
        if not self.applies:
            return []
        crowds = ([dynamic("set", "crowded", "type inet_proto", 2, "10m"),
                   *(dynamic("set", f"{one.name}_crowds", _TOWARDS, CROWDS, "10m")
                     for one in (TCP, UDP))] if self.uncounted else [])
        return [*crowds,
                dynamic("set", "tcp_held", _TOWARDS, HELD),
                dynamic("set", "udp_held", _TOWARDS, HELD),
                dynamic("set", "icmp_held", "type ipv4_addr . ipv4_addr", HELD),
                dynamic("set", REFUSED, "type ipv4_addr", HOSTS)]

    def rules(self) -> list[str]:
        """For the prerouting chain: who is to be counted."""
        if not self.applies:
            return []
        pings = "icmp type echo-request goto icmp_fair"
        if not self.uncounted:
            return ["meta l4proto vmap { tcp : goto tcp_fair, udp : goto udp_fair }", pings]
        # Mostly there is no crowd anywhere, which is the first and only thing to ask.
        return ["meta l4proto @crowded goto crowds", pings]

    def crowd(self) -> dict[str, Crowd]:
        """For flows that find the home full: from now on the host is asked in prerouting.

        The first one was not asked there, so it is counted here. Once: `ct count` knows a
        connection again only from one tick of the clock to the next.
        """
        if not (self.applies and self.uncounted):
            return {}
        return {one.name: Crowd(f"ip saddr . {one.key} != @{one.name}_crowds",
                                _held(one, self.ports - self.uncounted),
                                [f"update @{one.name}_crowds {{ ip saddr . {one.key} }}",
                                 "update @crowded { meta l4proto }"])
                for one in (TCP, UDP)}

    def chains(self, tunnel: str, sharing: Sharing) -> list[Block]:
        """Count what goes to TUNNEL, and refuse what is too much."""
        if not self.applies:
            return []
        simple = (ICMP,) if self.uncounted else (TCP, UDP, ICMP)
        return [
            *(chain(f"{one.name}_fair", f'fib daddr . mark oifname "{tunnel}" '
                    f"{_held(one, self.ports)} goto refuse") for one in simple),
            *(self._crowds(tunnel, sharing) if self.uncounted else []),
            chain("refuse",
                  f"add @{REFUSED} {{ ip saddr counter }}",
                  "meta l4proto tcp reject with tcp reset",
                  "reject with icmp admin-prohibited"),
        ]

    def _crowds(self, tunnel: str, sharing: Sharing) -> list[Block]:
        """The hosts that are asked."""
        return [
            chain("crowds", *(
                f"meta l4proto {one.name} ip saddr . {one.key} @{one.name}_crowds "
                f"goto {one.name}_fair"
                for one in (TCP, UDP))),
            *(found for one in (TCP, UDP) for found in self._in_a_crowd(tunnel, sharing, one)),
        ]

    def _in_a_crowd(self, tunnel: str, sharing: Sharing, one: Protocol) -> list[Block]:
        """A flow that has or finds a port at home is not counted; of others, the limit is asked.

        Whoever is over it meets the next port of the home: is the connection gone, and only
        its element still there, then the home is not full and nobody is refused (after
        `conntrack -F`, say).
        """
        name = one.name
        restore = f"meta l4proto {name} {one.port} set ct original proto-src"
        return [
            chain(f"{name}_fair",
                  f'fib daddr . mark oifname != "{tunnel}" return',
                  f"{one.recall} jump {name}_fair_known",
                  *sharing.at_home(one, f"{name}_fair_end"),
                  f"goto {name}_fair_count"),
            # Where the element is there, the flow itself may be behind it, from before somebody
            # made conntrack forget it: whether it is, can be asked once a packet, later.
            chain(f"{name}_fair_known",
                  f"{sharing.is_home(one)} goto {name}_fair_end",
                  f"{one.unused} goto {name}_fair_away",
                  f"goto {name}_fair_end"),
            chain(f"{name}_fair_away", f"jump {name}_home", f"goto {name}_fair_count"),
            chain(f"{name}_fair_count",
                  f"{_held(one, self.ports - self.uncounted)} goto {name}_fair_over",
                  f"goto {name}_fair_end"),
            chain(f"{name}_fair_over",
                  f"jump {name}_home",
                  f"{one.unused} goto {name}_fair_end",
                  f"{one.flow} @{name}_flows delete @{name}_flows {{ {one.flow} }} "
                  f"goto {name}_fair_end",
                  f"{restore} goto refuse"),
            chain(f"{name}_fair_end", f"{restore} accept"),
        ]


def _held(protocol: Protocol, limit: int) -> str:
    """Count a flow; the condition that its host holds more than LIMIT."""
    return f"add @{protocol.name}_held {{ ip saddr . {protocol.key} ct count over {limit} }}"
