"""The quota: the most ports that one host may hold towards one destination. Pure.

`ct count` walks all connections on its list, which costs time. So a flow with a port of its
host's bucket is not counted. Once a flow finds the bucket full towards a destination, the host
is metered there: its flows outside the bucket are counted. Bucket size and counted flows
together make the quota. Pings are few, and all of them are counted.

The quota is checked in prerouting, in a chain of type nat: that sees only the first packet of
a flow, and can still answer it with a reset or an ICMP error.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, commented, dynamic
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP, in_bucket, own_bucket
from dualwan.slices.snat.ports import Pool

_HOSTS = 1024  # capacity of REFUSED; about 100 bytes each
_PAIRS = 8192  # (host, destination); about 100 bytes each, and 60 per connection
_LIFE = "10m"  # of metering, after the last flow that found its bucket full
_EVERYTHING = 100  # percent
_TOWARDS = "type ipv4_addr . ipv4_addr . inet_service"


@dataclass(frozen=True)
class Metering:
    """The quota's rules for the allocator, for a flow that takes no port of its bucket.

    unmetered: match of a host that prerouting did not meter. count: counts the flow.
    begin: meter the host in prerouting from now on.
    """

    unmetered: str
    count: str
    begin: tuple[str, ...]

    def rules(self, again: bool) -> list[str]:
        """Return the rules; ``again``: also count the flow of a host that is metered already."""
        return [self.count if again else f"{self.unmetered} {self.count}", *self.begin]


@dataclass(frozen=True)
class Quota:
    """``percent`` of the ports of ``pool`` towards each destination; 100 refuses no flow."""

    pool: Pool
    percent: int

    @property
    def applies(self) -> bool:
        """Whether flows can be refused at all."""
        return self.pool.counted and self.percent < _EVERYTHING

    @property
    def limit(self) -> int:
        """Ports that a host may hold towards one destination."""
        return max(1, len(self.pool.ports) * self.percent // 100)

    @property
    def uncounted(self) -> int:
        """Ports of ``limit`` that are its bucket's; 0 if they would be over half of it."""
        size = self.pool.bucket_size
        return size if self.applies and self.limit >= 2 * size else 0

    @property
    def counted(self) -> int:
        """Flows outside its bucket that a host may have towards one destination."""
        return self.limit - self.uncounted

    def sets(self) -> list[Block]:
        """Return the sets of metered hosts, of counted flows, and of refusals per host."""
        if not self.applies:
            return []
        metered = (
            [
                dynamic("set", names.METERED_PROTOCOLS, "type inet_proto", 2, _LIFE),
                *(
                    dynamic("set", names.METERED.format(l4.name), _TOWARDS, _PAIRS, _LIFE)
                    for l4 in (TCP, UDP)
                ),
            ]
            if self.uncounted
            else []
        )
        return [
            *metered,
            *(
                dynamic("set", names.METERED_FLOWS.format(l4.name), _TOWARDS, _PAIRS)
                for l4 in (TCP, UDP)
            ),
            dynamic(
                "set", names.METERED_FLOWS.format("icmp"), "type ipv4_addr . ipv4_addr", _PAIRS
            ),
            dynamic("set", names.REFUSED, "type ipv4_addr", _HOSTS),
        ]

    def rules(self) -> list[str]:
        """Return rules for the prerouting chain, which lead to the chains of the quota."""
        if not self.applies:
            return []
        pings = f"icmp type echo-request goto {ICMP.to(names.QUOTA_OF)}"
        if not self.uncounted:
            return [
                f"meta l4proto vmap {{ tcp : goto {TCP.to(names.QUOTA_OF)}, "
                f"udp : goto {UDP.to(names.QUOTA_OF)} }}",
                pings,
            ]
        # Mostly no host is metered anywhere, and this one lookup is all that a flow costs.
        return [f"meta l4proto @{names.METERED_PROTOCOLS} goto {names.QUOTA.name}", pings]

    def metering(self) -> dict[str, Metering]:
        """Return the rules for the allocator by protocol, {} without metering.

        The first flow that finds its bucket full passed prerouting uncounted, so the allocator
        counts it. No flow is counted in both, because `ct count` recognises a connection that
        is on its list already only in a later tick of the clock.
        """
        if not self.uncounted:
            return {}
        return {
            l4.name: Metering(
                f"{l4.towards} != @{names.METERED.format(l4.name)}",
                l4.count(self.counted),
                (
                    f"update @{names.METERED.format(l4.name)} {{ {l4.towards} }}",
                    f"update @{names.METERED_PROTOCOLS} {{ meta l4proto }}",
                ),
            )
            for l4 in (TCP, UDP)
        }

    def chains(self, tunnel: str) -> list[Block]:
        """Return the chains that count flows to ``tunnel``, and refuse those over the limit."""
        if not self.applies:
            return []
        simple = (ICMP,) if self.uncounted else (TCP, UDP, ICMP)
        return [
            *(
                l4.chain(
                    names.QUOTA_OF_EACH,
                    commented(
                        f'fib daddr . mark oifname "{tunnel}" {l4.count(self.limit)} '
                        f"goto {names.REFUSE.name}",
                        self._sum(),
                    ),
                )
                for l4 in simple
            ),
            *(self._metered(tunnel) if self.uncounted else []),
            names.REFUSE.block(
                f"add @{names.REFUSED} {{ ip saddr counter }}",
                "meta l4proto tcp reject with tcp reset",
                "reject with icmp admin-prohibited",
            ),
        ]

    def _sum(self) -> str:
        return f"{self.limit} = {self.percent} % of {len(self.pool.ports)} ports"

    def _metered(self, tunnel: str) -> list[Block]:
        """Return the chains for metered hosts."""
        return [
            names.QUOTA.block(
                *(
                    f"meta l4proto {l4.name} {l4.towards} @{names.METERED.format(l4.name)} "
                    f"goto {l4.to(names.QUOTA_OF)}"
                    for l4 in (TCP, UDP)
                )
            ),
            *(block for l4 in (TCP, UDP) for block in self._of(l4, tunnel)),
        ]

    def _of(self, l4: L4, tunnel: str) -> list[Block]:
        """Return the chains for metered hosts of one protocol.

        A flow that has or finds a port of its bucket is not counted; others are counted
        against the limit. A flow over the limit tries the next port of the bucket once more:
        if only an element is left there and its connection is gone (after `conntrack -F`), the
        bucket has room, and the flow passes.
        """
        pass_on, bucket = f"goto {l4.to(names.QUOTA_PASS)}", f"jump {l4.to(names.BUCKET)}"
        return [
            l4.chain(
                names.QUOTA_OF,
                f'fib daddr . mark oifname != "{tunnel}" return',
                f"{l4.recall} jump {l4.to(names.QUOTA_MAPPED)}",
                *own_bucket(l4, self.pool, names.QUOTA_PASS),
                f"goto {l4.to(names.QUOTA_COUNT)}",
            ),
            # An existing element may be the flow's own, from before conntrack was flushed. Only
            # a claim can tell, and a packet claims once, in postrouting.
            l4.chain(
                names.QUOTA_MAPPED,
                f"{in_bucket(l4)} {pass_on}",
                f"{l4.unused} goto {l4.to(names.QUOTA_ELSEWHERE)}",
                pass_on,
            ),
            l4.chain(names.QUOTA_ELSEWHERE, bucket, f"goto {l4.to(names.QUOTA_COUNT)}"),
            l4.chain(
                names.QUOTA_COUNT,
                commented(
                    f"{l4.count(self.counted)} goto {l4.to(names.QUOTA_EXCEEDED)}",
                    f"{self.counted} = {self.limit} - {self.uncounted} of its bucket; "
                    + self._sum(),
                ),
                pass_on,
            ),
            l4.chain(
                names.QUOTA_EXCEEDED,
                bucket,
                f"{l4.unused} {pass_on}",
                f"{l4.disown} {pass_on}",
                f"{l4.restore} goto {names.REFUSE.name}",
            ),
            l4.chain(names.QUOTA_PASS, f"{l4.restore} accept"),
        ]
