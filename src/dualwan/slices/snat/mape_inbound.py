"""Inbound traffic to the shared address: forwards, and hosts with an open NAT. Pure.

The port of a forward is reserved: no flow gets it as a source port, and it always leads to the
server.

A host in `open-nat` has address-dependent filtering for UDP (RFC 4787 section 5): a peer that it
has sent to may answer from any port. Each of its endpoints owns its outer port while the port is in
use, so that every packet to that port is for this host.

LAN hosts and the router itself reach both kinds by the shared address too, and are themselves
translated to that address (hairpinning, RFC 4787 REQ-9, RFC 5382 REQ-8).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from dualwan.config.forwards import Forward
from dualwan.frozen import dataclass
from dualwan.nft.table import Block, commented, dynamic, elements
from dualwan.slices.dnat import dnat_rules
from dualwan.slices.snat.flow import ENDPOINT, UDP
from dualwan.slices.snat.names import (
    KNOWN_PEERS,
    MAPE_HAIRPIN,
    MAPE_INBOUND,
    NEW_PEERS,
    OPEN_NAT,
    OPEN_OWNED,
    OPEN_PEER,
    OPEN_PEERS,
    OPEN_PORTS,
)

_OWNERS = 4096  # as many as ports that can be allocated one by one; about 100 bytes each
_PEERS = 65536  # about 100 bytes each
_LIFE_MINUTES = 5  # after the last outbound packet (recommended by RFC 4787 REQ-5c)
_LIFE = f"{_LIFE_MINUTES}m"
# New peers of one host: within a lifetime it may add its share of the map, so that it always leaves
# room for the peers of other hosts. A tenth of that at once, the rest at a steady rate.
_SHARE, _BURST_PART = 10_000, 10
_HOSTS, _HOST_LIFE = 1024, "10m"  # of NEW_PEERS: open hosts, present and former ones


@dataclass(frozen=True)
class MapeInbound:
    """Inbound traffic to ``address`` by ``tunnel``: ``forwards``, and UDP of the hosts ``open``."""

    address: str
    tunnel: str
    forwards: Sequence[Forward]
    open: Sequence[IPv4Address]

    @property
    def applies(self) -> bool:
        """Whether any inbound traffic is accepted."""
        return bool(self.forwards or self.open)

    @property
    def share(self) -> int:
        """Peers that each open host may add within their lifetime."""
        return min(_SHARE, _PEERS // max(1, len(self.open)))

    @property
    def owned(self) -> str:
        """Name of the set of UDP ports that open hosts own, "" for none."""
        return OPEN_OWNED if self.open else ""

    def sets(self, identity: str) -> list[Block]:
        """Return the set of owned ports, and the maps of those ports and of their peers.

        They hold elements of the port set ``identity``.
        """
        if not self.open:
            return []
        return [
            dynamic("set", OPEN_OWNED, "type inet_service", _OWNERS, _LIFE, identity),
            dynamic(
                "map",
                OPEN_PORTS,
                "type inet_service : ipv4_addr . inet_service",
                _OWNERS,
                _LIFE,
                identity,
            ),
            dynamic(
                "map",
                OPEN_PEERS,
                "type inet_service . ipv4_addr : ipv4_addr . inet_service",
                _PEERS,
                _LIFE,
                identity,
            ),
            dynamic(
                "set",
                KNOWN_PEERS,
                "type inet_service . ipv4_addr",
                _PEERS,
                _LIFE,
                identity,
            ),
            dynamic(
                "set",
                NEW_PEERS,
                "type ipv4_addr",
                _HOSTS,
                _HOST_LIFE,
                f"{self.share} peers each",
            ),
        ]

    def rules(self, by_no_way: str) -> list[str]:
        """Return the first rules of the prerouting chain; ``by_no_way``: see zones."""
        if not self.applies:
            return []
        return [
            f'iifname "{self.tunnel}" goto {MAPE_INBOUND.name}',
            f"ip daddr {self.address} {by_no_way}goto {MAPE_HAIRPIN.name}",
        ]

    def own_rules(self) -> list[str]:
        """Return the rules for packets of the router itself."""
        return [f"ip daddr {self.address} goto {MAPE_HAIRPIN.name}"] if self.applies else []

    def chains(self) -> list[Block]:
        """Return the chains that translate destinations, from outside and from the LAN."""
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

    def hairpin(self, translate: str) -> list[str]:
        """Return rules for postrouting: translate hairpin connections to the shared address.

        ``translate``: the statement that translates a flow by the tunnel.
        """
        if not self.applies:
            return []
        return [
            f'iifname != "{self.tunnel}" ct status dnat ct original ip daddr {self.address} '
            f"{translate}"
        ]

    def egress(self) -> list[str]:
        """Return the first rules of the egress filter: packets of open hosts renew elements."""
        if not self.open:
            return []
        return [
            f"meta l4proto udp ct original ip saddr {elements(map(str, self.open))} "
            f"jump {OPEN_NAT.name}"
        ]

    def learning(self) -> list[Block]:
        """Return the chains that add and renew the ports and peers of open hosts.

        Existing entries win: an endpoint that had to share an owned port (none was free) receives
        no packet on it from outside. A peer beyond the share of its host is not added: it may
        answer only from the port that was addressed, as with any host.
        """
        if not self.open:
            return []
        burst = self.share // _BURST_PART
        limit = f"limit rate {(self.share - burst) // _LIFE_MINUTES}/minute burst {burst} packets"
        endpoint = f"meta l4proto udp update @{{}} {{{{ {{}} : {ENDPOINT} }}}}"
        return [
            OPEN_NAT.block(
                f'oifname != "{self.tunnel}" return',
                "ct direction != original return",
                UDP.learn,
                f"meta l4proto udp update @{OPEN_OWNED} {{ th sport }}",
                endpoint.format(OPEN_PORTS, "th sport"),
                f"meta l4proto udp th sport . ip daddr @{KNOWN_PEERS} goto {OPEN_PEER.name}",
                commented(
                    f"update @{NEW_PEERS} {{ ct original ip saddr {limit} }} goto {OPEN_PEER.name}",
                    f"{self.share} new peers of a host in {_LIFE_MINUTES} min, at the most",
                ),
            ),
            OPEN_PEER.block(
                f"meta l4proto udp update @{KNOWN_PEERS} {{ th sport . ip daddr }}",
                endpoint.format(OPEN_PEERS, "th sport . ip daddr"),
            ),
        ]
