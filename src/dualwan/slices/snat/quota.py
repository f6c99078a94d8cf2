"""The quota: the most ports that one host may hold towards one destination. Pure.

Each flow is counted for its host and its destination. A host is a link address, for a device can
invent IP addresses at will; behind a device without link addresses, such as a VPN, it is an IP
address. `ct count` walks the connections on its list at most once in a tick of the clock (Linux
5.19), so that a host with many flows costs no more than others.

Flows are counted in prerouting, in a chain of type nat: that sees only the first packet of a
flow, and can still answer it with a reset or an ICMP error. Which way the flow will leave is
asked only if it would be refused, for that costs as much as counting.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, commented, dynamic, quoted
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP
from dualwan.slices.snat.ports import Pool

_HOSTS = 1024  # capacity of REFUSED; about 100 bytes each
# (host, destination) in use at a time; about 100 bytes each, and 60 per connection. A flow that
# finds no room is not counted.
_PAIRS, _ROUTED_PAIRS = 65536, 8192
_EVERYTHING = 100  # percent


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

    def sets(self) -> list[Block]:
        """Return the sets of counted flows, and of refusals per host."""
        if not self.applies:
            return []
        return [
            *(block for l4 in (TCP, UDP, ICMP) for block in _held(l4)),
            dynamic("set", names.REFUSED, "type ipv4_addr", _HOSTS),
        ]

    def rules(self, outside: tuple[str, ...]) -> list[str]:
        """Return rules for the end of the prerouting chain, which lead to the quota.

        ``outside``: interfaces whose flows are no host's.
        """
        if not self.applies:
            return []
        return [
            f"iifname {quoted(outside)} return",
            f"meta l4proto vmap {{ tcp : goto {TCP.to(names.QUOTA)}, "
            f"udp : goto {UDP.to(names.QUOTA)} }}",
            f"icmp type echo-request goto {ICMP.to(names.QUOTA)}",
        ]

    def chains(self, tunnel: str) -> list[Block]:
        """Return the chains that count flows, and refuse those to ``tunnel`` over the limit."""
        if not self.applies:
            return []
        why = f"{self.limit} = {self.percent} % of {len(self.pool.ports)} ports"
        beyond = f"goto {names.EXCEEDED.name}"
        return [
            *(
                l4.chain(
                    names.QUOTA,
                    commented(f"{l4.count(self.limit)} {beyond}", why),
                    commented(
                        f"meta iiftype != ether {l4.count_routed(self.limit)} {beyond}", why
                    ),
                )
                for l4 in (TCP, UDP, ICMP)
            ),
            names.EXCEEDED.block(
                f'fib daddr . mark oifname "{tunnel}" goto {names.REFUSE.name}'
            ),
            names.REFUSE.block(
                f"add @{names.REFUSED} {{ ip saddr counter }}",
                "meta l4proto tcp reject with tcp reset",
                "reject with icmp admin-prohibited",
            ),
        ]


def _held(l4: L4) -> list[Block]:
    port = "" if l4 is ICMP else " . inet_service"
    return [
        dynamic(
            "set", names.HELD.format(l4.name), f"type ether_addr . ipv4_addr{port}", _PAIRS
        ),
        dynamic(
            "set",
            names.HELD_ROUTED.format(l4.name),
            f"type ipv4_addr . ipv4_addr{port}",
            _ROUTED_PAIRS,
        ),
    ]
