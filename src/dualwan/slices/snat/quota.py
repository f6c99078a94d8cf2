"""The quota: the most ports that one host may hold towards one destination. Pure.

Each flow is counted for its host and its destination. A host is a link address, because a device
can invent IP addresses at will; behind a device without link addresses, such as a VPN, it is an IP
address. `ct count` walks the connections on its list at most once in a tick of the clock (Linux
5.19), so a host with many flows costs little more than others.

Flows are counted in prerouting, in a chain of type nat, which sees only the first packet of a flow,
and can still answer it with a reset or an ICMP error. The way of the flow is looked up only if it
would be refused, because that costs as much as counting.
"""

from __future__ import annotations

from collections.abc import Callable

from dualwan.config.zones import WHOLE, Zone
from dualwan.frozen import dataclass
from dualwan.nft.table import Block, commented, dynamic, quoted
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP
from dualwan.slices.snat.ports import Pool
from dualwan.slices.snat.zone_quota import ZoneQuota

_HOSTS = 1024  # capacity of REFUSED; about 100 bytes each
# Pairs of host and destination in use at a time; about 100 bytes each, and 60 per connection. A
# flow without room for its pair is not counted.
_PAIRS, _ROUTED_PAIRS = 65536, 8192


@dataclass(frozen=True)
class Quota:
    """``percent`` of the ports of ``pool`` towards each destination; 100 refuses no flow.

    zones: whose hosts also have a common quota.
    """

    pool: Pool
    percent: int
    zones: tuple[Zone, ...] = ()

    @property
    def of_zones(self) -> ZoneQuota:
        """The quotas of the zones."""
        return ZoneQuota(self.pool, self.zones)

    @property
    def refuses(self) -> bool:
        """Whether flows can be refused at all."""
        return self.applies or self.of_zones.applies

    @property
    def applies(self) -> bool:
        """Whether flows can be refused for the quota of a single host."""
        return self.pool.counted and self.percent < WHOLE

    @property
    def limit(self) -> int:
        """Ports that a host may hold towards one destination."""
        return max(1, len(self.pool.ports) * self.percent // 100)

    def sets(self) -> list[Block]:
        """Return the sets of counted flows, and of refusals per host."""
        if not self.refuses:
            return []
        held = [block for l4 in (TCP, UDP, ICMP) for block in self._held(l4)]
        return [
            *(held if self.applies else []),
            *self.of_zones.sets(),
            dynamic("set", names.REFUSED, "type ipv4_addr", _HOSTS),
        ]

    def rules(self) -> list[str]:
        """Return rules for the end of the prerouting chain, which count a flow of the LAN.

        In nft a match on a link address fails for a device that has none.
        """
        if not self.applies:
            return self.of_zones.rules()
        return [
            *(self._counting(f"meta l4proto {l4.name}", l4.count) for l4 in (TCP, UDP)),
            self._counting("icmp type echo-request", ICMP.count),
            *self.of_zones.rules(),
            f"meta iiftype != ether goto {names.QUOTA_ROUTED.name}",
        ]

    def chains(self, tunnel: str, outside: tuple[str, ...]) -> list[Block]:
        """Return the chains that refuse flows to ``tunnel`` over the limit.

        ``outside``: interfaces whose flows are no LAN host's.
        """
        if not self.refuses:
            return []
        routed = names.QUOTA_ROUTED.block(
            f"iifname {quoted(outside)} return",
            *(self._counting(f"meta l4proto {l4.name}", l4.count_routed) for l4 in (TCP, UDP)),
            self._counting("icmp type echo-request", ICMP.count_routed),
        )
        return [
            *([routed] if self.applies else []),
            *self.of_zones.chains(),
            names.QUOTA_EXCEEDED.block(
                f'fib daddr . mark oifname "{tunnel}" goto {names.REFUSE.name}'
            ),
            names.REFUSE.block(
                f"add @{names.REFUSED} {{ ip saddr counter }}",
                "meta l4proto tcp reject with tcp reset",
                "reject with icmp admin-prohibited",
            ),
        ]

    def _counting(self, flows: str, count: Callable[[int], str]) -> str:
        return commented(
            f"{flows} {count(self.limit)} goto {names.QUOTA_EXCEEDED.name}",
            f"{self.limit} = {self.percent} % of {len(self.pool.ports)} ports",
        )

    def _held(self, l4: L4) -> list[Block]:
        """Return the sets that count flows.

        An element keeps the limit that it was made with, for as long as the host has a flow to that
        destination. The limit is in the comment, so that a new limit replaces the sets.
        """
        port = "" if l4 is ICMP else " . inet_service"
        limit = f"up to {self.limit}"
        return [
            dynamic(
                "set",
                names.HELD.format(l4.name),
                f"type ether_addr . ipv4_addr{port}",
                _PAIRS,
                comment=limit,
            ),
            dynamic(
                "set",
                names.HELD_ROUTED.format(l4.name),
                f"type ipv4_addr . ipv4_addr{port}",
                _ROUTED_PAIRS,
                comment=limit,
            ),
        ]
