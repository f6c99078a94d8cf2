"""Allocation of a port to a new flow by the tunnel: chains for TCP, UDP and ICMP. Pure.

An inner endpoint keeps its port towards all destinations (RFC 4787 REQ-1, RFC 5382 REQ-1): the map
of mappings holds it from the endpoint's first flow on. For an endpoint without a mapping, random
ports are drawn until one is free towards the destination; while enough ports are spare, it must
also be no other endpoint's (RFC 4787 REQ-3). So each port is equally likely, and an observer of any
number of them cannot predict the next (RFC 6056 section 3.3). Only after as many draws as there are
ports is each tried in turn, so that none is missed. flow.py explains how a port is tested and
claimed; README.md has a drawing.
"""

from __future__ import annotations

from collections.abc import Mapping

from dualwan.frozen import dataclass, replace
from dualwan.nft.table import Block, commented, dynamic, elements
from dualwan.slices.snat import names, repeat
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP, Search
from dualwan.slices.snat.match import BY_LOT, IN_TURN, a_block, each_port, numbered, one_of
from dualwan.slices.snat.names import Chain
from dualwan.slices.snat.ports import LARGEST, Pool

SPARE = 6  # draws for a spare port: if half of the ports are spare, 1 of 64 flows finds none
FEW = 17  # draws before a lookup whether the destination is full
# Capacity of a set, in elements. Of flows: nf_conntrack_max of a machine with more than 4 GB (it is
# a quarter with less), so that conntrack is full first. An element takes about 200 bytes, beside
# the 320 bytes of its conntrack entry.
FLOWS = 262144
# Mappings, about 100 bytes each. TCP has an endpoint per connection, so its mappings come and go
# faster.
ENDPOINTS = {"tcp": 32768, "udp": 65536}
PINGS = 8192  # about 100 bytes each
DESTINATIONS = 1024  # full ones; about 100 bytes each
_LIFE = {"tcp": "15m", "udp": "1h", "icmp": "1m"}  # of a mapping, after its last flow

BY_PROTOCOL = "meta l4proto vmap " + elements(
    f"{l4.name} : goto {l4.to(names.ALLOCATE)}" for l4 in (TCP, UDP, ICMP)
)


def sets(identity: str) -> list[Block]:
    """Return the sets of ports in use, and the maps of mappings of the port set ``identity``."""
    flows = "type inet_service . ipv4_addr . inet_service"
    mappings = "type ipv4_addr . inet_service : inet_service"
    port = "type inet_service"
    return [
        dynamic("set", names.FLOWS.format("tcp"), flows, FLOWS),
        dynamic("set", names.FLOWS.format("udp"), flows, FLOWS),
        dynamic("set", names.FLOWS.format("icmp"), "typeof icmp id . ip daddr", FLOWS // 4),
        *(
            dynamic("set", names.FULL.format(l4.name), f"type {kind}", DESTINATIONS, "1s")
            for l4, kind in (
                (TCP, "ipv4_addr . inet_service"),
                (UDP, "ipv4_addr . inet_service"),
                (ICMP, "ipv4_addr"),
            )
        ),
        *(
            dynamic("map", names.MAPPINGS.format(name), mappings, size, _LIFE[name], identity)
            for name, size in ENDPOINTS.items()
        ),
        dynamic(
            "map",
            names.MAPPINGS.format("icmp"),
            "typeof ip saddr . th sport : icmp id",
            PINGS,
            _LIFE["icmp"],
            identity,
        ),
        *(
            dynamic("set", names.MAPPED.format(name), port, LARGEST, _LIFE[name], identity)
            for name in ("tcp", "udp")
        ),
        dynamic("set", names.NO_SPARE, "type inet_proto", 2, "10m"),
    ]


@dataclass(frozen=True)
class PortAllocator:
    """The chains that allocate a port to a flow by the tunnel; BY_PROTOCOL leads to them.

    timeouts: the rules to begin with, by protocol ("tcp", "udp"). owned: name of the set of UDP
    ports that an open host owns, "" for none. not_carried: see L4, for TCP and UDP.
    """

    pool: Pool
    timeouts: Mapping[str, list[str]]
    owned: str = ""
    not_carried: str = ""

    def maps(self) -> list[Block]:
        """Return the maps of the ports that can be allocated."""
        return [
            numbered(names.PORTS, TCP.port, self.pool.ports),
            numbered(names.IDENTIFIERS, ICMP.port, self.pool.ports),
        ]

    def chains(self) -> list[Block]:
        """Return all chains of allocation."""
        tcp = replace(TCP, not_carried=self.not_carried)
        udp = replace(UDP, owned=self.owned, not_carried=self.not_carried)
        return [
            block
            for l4 in (tcp, udp, ICMP)
            for block in (
                self._allocate(l4),
                *self._spare(l4),
                *self._claim(l4),
                *self._search(l4),
            )
        ]

    def _allocate(self, l4: L4) -> Block:
        """Return the chain where allocation begins. ICMP errors and replies need no port."""
        return l4.chain(
            names.ALLOCATE,
            *(["icmp type != echo-request return"] if l4 is ICMP else []),
            *self.timeouts.get(l4.name, []),
            *l4.before_writes,
            f"{l4.recall} goto {l4.to(names.CLAIM_MAPPED)}",
            *(
                []
                if l4 is ICMP
                else [f"meta l4proto != @{names.NO_SPARE} goto {l4.to(names.SPARE)}"]
            ),
            f"goto {l4.to(names.SEARCH)}",
        )

    def _spare(self, l4: L4) -> list[Block]:
        """Return the chains that look for a spare port, one of no endpoint; pings need none.

        A few draws find one while half of the ports are spare. If fewer are, an observer of all the
        others could guess the next one, so then any free port will do.
        """
        if l4 is ICMP:
            return []
        search = Search(l4, l4.to(names.SPARE), names.DRAW, l4.spare)
        count = min(len(self.pool.ports), SPARE)
        return [
            l4.chain(
                names.SPARE,
                *search.tries(count, names.CLAIM),
                f"add @{names.NO_SPARE} {{ meta l4proto }}",
                f"goto {l4.to(names.SEARCH)}",
            ),
            *search.chains(count),
        ]

    def _claim(self, l4: L4) -> list[Block]:
        """Return the chains that claim the port in the packet, or let netfilter pick one.

        An endpoint that has a mapping keeps its port, unless another flow has that port towards
        this destination.
        """
        reserved = elements(map(str, self.pool.reserved))
        search = f"goto {l4.to(names.SEARCH)}"
        return [
            l4.chain(
                names.CLAIM_MAPPED,
                *(
                    [commented(f"{l4.seen} {reserved} {search}", "reserved by a forward")]
                    if self.pool.reserved
                    else []
                ),
                f"{l4.claim} goto {l4.to(names.CLAIMED)}",
                search,
            ),
            l4.chain(
                names.CLAIM,
                f"{l4.claim} goto {l4.to(names.CLAIMED)}",
                f"goto {l4.to(names.ANY_BLOCK)}",
            ),
            l4.chain(
                names.CLAIMED,
                l4.learn,
                *([] if l4 is ICMP else [l4.note]),
                *l4.after_writes,
                self._snat(l4),
            ),
            l4.chain(
                names.ANY_BLOCK,
                *l4.after_writes,
                # In turn, so that no block is full before the others: netfilter does not try
                # another block.
                commented(
                    f"meta l4proto {l4.name} snat ip to {a_block(IN_TURN, self.pool)}",
                    f"{len(self.pool.blocks)} blocks in turn",
                ),
            ),
        ]

    def _search(self, l4: L4) -> list[Block]:
        """Return the chains that search for a free port.

        If every port was in use a moment ago, only a few are drawn: otherwise each packet to a full
        destination would cost a lookup of all of them, twice.

        Elements of the set outlive their connections by a second or two: as many as there were
        flows that ended at once, and all after `conntrack -F`. So if no port is free, each in turn
        is claimed until a claim succeeds. Failed claims leave entries in the elements' lists; the
        next claim removes those, and none is made while the destination is noted as full.
        """
        count, full = len(self.pool.ports), names.FULL.format(l4.name)
        few = min(count, FEW)
        draw = Search(l4, l4.to(names.DRAW), names.DRAW, l4.free)
        turn = Search(l4, l4.to(names.NEXT), names.NEXT, l4.free)
        first, *more = self._takes(l4)
        return [
            l4.chain(
                names.SEARCH,
                *draw.tries(few, names.CLAIM),
                f"{l4.destination} @{full} goto {l4.to(names.NONE_FREE)}",
                *(draw.tries(count - few, names.CLAIM) if count > few else []),
                *turn.tries(count, names.CLAIM),
                commented(first, "taken, but their connections may be gone"),
                *more,
                f"add @{full} {{ {l4.destination} }}",
                f"goto {l4.to(names.NONE_FREE)}",
            ),
            *self._take(l4),
            l4.chain(
                names.NONE_FREE,
                f"counter name {names.NO_PORT}",
                f"goto {l4.to(names.ANY_BLOCK)}",
            ),
            self._writing(l4, names.DRAW, BY_LOT),
            *draw.chains(max(few, count - few)),
            self._writing(l4, names.NEXT, IN_TURN),
            *turn.chains(count),
        ]

    def _takes(self, l4: L4) -> list[str]:
        """Return the jumps that claim each port in turn, until a claim succeeds."""
        groups = repeat.jumps(l4.to(names.TAKE), names.TAKES, l4.name, len(self.pool.ports))
        return [rule for group in groups for rule in group]

    def _take(self, l4: L4) -> list[Block]:
        """Return the chains that claim the next port, and the ones that repeat that.

        After a successful claim no other is made: within the same tick of the kernel's clock, the
        port would count as another flow's.
        """
        return [
            l4.chain(
                names.TAKE, f"jump {l4.to(names.NEXT)}", f"{l4.take} goto {l4.to(names.CLAIMED)}"
            ),
            *repeat.chains(l4.to(names.TAKE), names.TAKES, l4.name, len(self.pool.ports)),
        ]

    def _writing(self, l4: L4, place: Chain, how: str) -> Block:
        """Return the chain that writes a port into the packet; ``how``: BY_LOT or IN_TURN."""
        ports = one_of(how, names.IDENTIFIERS if l4 is ICMP else names.PORTS, self.pool.ports)
        comment = f"{len(self.pool.ports)} ports"
        return l4.chain(place, commented(f"{l4.port} set {ports}", comment))

    def _snat(self, l4: L4) -> str:
        if l4 is ICMP:  # `snat to` accepts no "icmp id" as a port
            return f"meta l4proto icmp snat ip to {each_port(self.pool, ICMP.seen)}"
        return f"meta l4proto {l4.name} snat ip to {self.pool.address} : {l4.seen}"


def by_blocks(ports: Pool, timeout_rules: dict[str, list[str]]) -> Block:
    """Return the chain for a set too large to allocate port by port, or without a free port."""
    translate = (
        [
            commented(
                f"meta l4proto {{ tcp, udp, icmp }} snat ip to {a_block(BY_LOT, ports)}",
                f"one of {len(ports.blocks)} blocks",
            )
        ]
        if ports.blocks
        else []
    )
    return names.TRANSLATE.block(
        *(rule for rules in timeout_rules.values() for rule in rules), *translate
    )
