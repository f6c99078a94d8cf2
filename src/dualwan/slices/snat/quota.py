"""No host holds more than its share of the ports towards one destination. Pure.

Counting costs, and `ct count` looks at every connection of its list. So a flow with a port of
its host's bucket is not counted. Once a flow finds the bucket full towards a destination, the
host is metered there: its flows outside the bucket are counted. The ports of the bucket and
the flows that are counted are the share. Pings are few: all of them are counted.

The quota is asked in prerouting, in a chain of the nat type: that sees each flow's first packet
only, and there a packet can still be answered with a reset or an ICMP error.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, commented, dynamic
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP, in_bucket, own_bucket
from dualwan.slices.snat.ports import Pool

HOSTS = 1024  # refused, by address; about 100 bytes each
PAIRS = 8192  # a host and a destination each; about 100 bytes, and 60 a connection
LIFE = "10m"  # after the last flow that found its bucket full
EVERYTHING = 100  # percent
_TOWARDS = "type ipv4_addr . ipv4_addr . inet_service"


@dataclass(frozen=True)
class Metering:
    """What the allocator does with a flow that takes no port of its bucket.

    unmetered: the condition that its host was not asked in prerouting. count: count the flow.
    begin: have the host asked there from now on.
    """

    unmetered: str
    count: str
    begin: tuple[str, ...]

    def rules(self, again: bool) -> list[str]:
        """Return the rules; ``again``: also for a host that was asked."""
        return [self.count if again else f"{self.unmetered} {self.count}", *self.begin]


@dataclass(frozen=True)
class Quota:
    """``percent`` of the ports of ``pool`` towards each destination; 100 asks nothing of a host."""

    pool: Pool
    percent: int

    @property
    def applies(self) -> bool:
        """Whether flows can be refused at all."""
        return self.pool.counted and self.percent < EVERYTHING

    @property
    def limit(self) -> int:
        """How many ports a host may hold towards one destination."""
        return max(1, len(self.pool.ports) * self.percent // 100)

    @property
    def uncounted(self) -> int:
        """How many of them are its bucket's; 0 where that would be most of the share."""
        size = self.pool.bucket_size
        return size if self.applies and self.limit >= 2 * size else 0

    @property
    def counted(self) -> int:
        """How many flows beyond those a host may have."""
        return self.limit - self.uncounted

    def sets(self) -> list[Block]:
        """Return who is metered, the flows that count, and a counter of refusals a host."""
        if not self.applies:
            return []
        metered = (
            [
                dynamic("set", names.METERED_PROTOCOLS, "type inet_proto", 2, LIFE),
                *(
                    dynamic("set", names.METERED.format(l4.name), _TOWARDS, PAIRS, LIFE)
                    for l4 in (TCP, UDP)
                ),
            ]
            if self.uncounted
            else []
        )
        return [
            *metered,
            *(
                dynamic("set", names.METERED_FLOWS.format(l4.name), _TOWARDS, PAIRS)
                for l4 in (TCP, UDP)
            ),
            dynamic("set", names.METERED_FLOWS.format("icmp"), "type ipv4_addr . ipv4_addr", PAIRS),
            dynamic("set", names.REFUSED, "type ipv4_addr", HOSTS),
        ]

    def rules(self) -> list[str]:
        """Return rules for the prerouting chain: who is to be counted."""
        if not self.applies:
            return []
        pings = f"icmp type echo-request goto {ICMP.to(names.QUOTA_OF)}"
        if not self.uncounted:
            return [
                f"meta l4proto vmap {{ tcp : goto {TCP.to(names.QUOTA_OF)}, "
                f"udp : goto {UDP.to(names.QUOTA_OF)} }}",
                pings,
            ]
        # Mostly no host is metered anywhere, which is the first and only thing to ask.
        return [f"meta l4proto @{names.METERED_PROTOCOLS} goto {names.QUOTA.name}", pings]

    def metering(self) -> dict[str, Metering]:
        """Return what the allocator does, by protocol; {} where it need not do anything.

        The first flow that finds its bucket full was not asked in prerouting, so it is counted
        there. Once: `ct count` knows a connection again only from one tick of the clock to the
        next.
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
        """Return the chains that count what goes to ``tunnel``, and refuse what is too much."""
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
        """Return the chains of hosts that are metered."""
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
        """Return the chains of a protocol.

        A flow that has or finds a port of its bucket is not counted; of others, the limit is
        asked. Whoever is over it meets the next port of the bucket: is the connection gone, and
        only its element still there, then the bucket is not full and nobody is refused (after
        `conntrack -F`, say).
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
            # Where the element is there, the flow itself may be behind it, from before somebody
            # made conntrack forget it: whether it is, can be asked once a packet, later.
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
