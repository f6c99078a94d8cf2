"""What may come in through the shared address: forwards, and hosts with an open NAT. Pure.

A forward's port is reserved: it is nobody's source port, and always leads to its server.

A host of `open-nat` gets address-dependent filtering for UDP (RFC 4787 section 5): whoever
it has sent something to may answer from any port. Each of its endpoints owns its outer port
while it is used, so that no packet for it can be another host's.

LAN hosts reach both by the outer address too, and are seen with theirs (hairpinning,
RFC 4787 REQ-9, RFC 5382 REQ-8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from dualwan.config.forwards import Forward
from dualwan.nft.table import Block, dynamic, elements
from dualwan.slices.dnat import dnat_rules
from dualwan.slices.snat.flow import ENDPOINT, UDP
from dualwan.slices.snat.names import (
    MAPE_HAIRPIN,
    MAPE_INBOUND,
    OPEN_NAT,
    OPEN_OWNED,
    OPEN_PEERS,
    OPEN_PORTS,
)

OWNERS = 4096  # no more than there are ports; about 100 bytes each
PEERS = 65536  # about 100 bytes each
LIFE = "5m"  # after the last packet outwards: what RFC 4787 REQ-5c recommends


@dataclass(frozen=True)
class MapeInbound:
    """What may come to ``address`` by ``tunnel``: forwards, and endpoints of the hosts ``open``."""

    address: str
    tunnel: str
    forwards: Sequence[Forward]
    open: Sequence[IPv4Address]

    @property
    def applies(self) -> bool:
        """Whether anything may come in."""
        return bool(self.forwards or self.open)

    @property
    def owned(self) -> str:
        """The set of UDP ports that an open host owns, "" for none."""
        return OPEN_OWNED if self.open else ""

    def sets(self, identity: str) -> list[Block]:
        """Return the sets of owned ports, and of the peers that may answer."""
        if not self.open:
            return []
        return [
            dynamic("set", OPEN_OWNED, "type inet_service", OWNERS, LIFE, identity),
            dynamic(
                "map",
                OPEN_PORTS,
                "type inet_service : ipv4_addr . inet_service",
                OWNERS,
                LIFE,
                identity,
            ),
            dynamic(
                "map",
                OPEN_PEERS,
                "type inet_service . ipv4_addr : ipv4_addr . inet_service",
                PEERS,
                LIFE,
                identity,
            ),
        ]

    def rules(self) -> list[str]:
        """Return rules for the prerouting chain, before any other."""
        if not self.applies:
            return []
        return [
            f'iifname "{self.tunnel}" goto {MAPE_INBOUND.name}',
            f"ip daddr {self.address} goto {MAPE_HAIRPIN.name}",
        ]

    def chains(self) -> list[Block]:
        """Return the chains that translate what comes in, from outside and from the LAN."""
        if not self.applies:
            return []
        peers, ports = (
            ([], [])
            if not self.open
            else (
                [f"meta l4proto udp dnat ip to udp dport . ip saddr map @{OPEN_PEERS}"],
                [f"meta l4proto udp dnat ip to udp dport map @{OPEN_PORTS}"],
            )
        )
        return [
            MAPE_INBOUND.block(
                f"ip daddr != {self.address} return", *dnat_rules(self.forwards), *peers
            ),
            MAPE_HAIRPIN.block(*dnat_rules(self.forwards, any_source=True), *ports),
        ]

    def hairpin(self, ways: str) -> list[str]:
        """Return rules for postrouting: who comes back inside is seen with its outer address."""
        if not self.applies:
            return []
        return [
            f'iifname != "{self.tunnel}" ct status dnat ct original ip daddr {self.address} {ways}'
        ]

    def egress(self) -> list[str]:
        """Return rules for the egress filter, before any other: packets of open hosts renew."""
        if not self.open:
            return []
        return [
            f"meta l4proto udp ct original ip saddr {elements(map(str, self.open))} "
            f"jump {OPEN_NAT.name}"
        ]

    def learning(self) -> list[Block]:
        """Return the chain that notes ports and peers of open hosts.

        Existing entries win: an endpoint that had to take an owned port (none was free)
        receives nothing on it from outside.
        """
        if not self.open:
            return []
        endpoint = f"meta l4proto udp update @{{}} {{{{ {{}} : {ENDPOINT} }}}}"
        return [
            OPEN_NAT.block(
                f'oifname != "{self.tunnel}" return',
                "ct direction != original return",
                UDP.learn,
                f"meta l4proto udp update @{OPEN_OWNED} {{ th sport }}",
                endpoint.format(OPEN_PORTS, "th sport"),
                endpoint.format(OPEN_PEERS, "th sport . ip daddr"),
            )
        ]
