"""Allocation of a port to a new flow by the tunnel: chains for TCP, UDP and ICMP. Pure.

An inner endpoint keeps its port towards all destinations (RFC 4787 REQ-1, RFC 5382 REQ-1):
the map of mappings holds it from the endpoint's first flow on. An endpoint without one gets
the first free port of its host's bucket, then of the overflow, then of all buckets. flow.py
explains how a port is tested and claimed; README.md has a drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dualwan.nft.table import Block, commented, dynamic, elements
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import (
    ICMP,
    L4,
    TCP,
    UDP,
    has_buckets,
    in_bucket,
    own_bucket,
    probes,
    to_bucket,
    tries,
)
from dualwan.slices.snat.match import any_block, each_port, in_turn
from dualwan.slices.snat.ports import Pool
from dualwan.slices.snat.quota import Metering

# Capacity of a set, in elements. That of flows is nf_conntrack_max of a machine with more than
# 4 GB (with less it is a quarter), so that conntrack is full first. An element takes about 200
# bytes, beside the 320 bytes of its conntrack entry.
FLOWS = 262144
MAPPINGS = 65536  # of UDP; TCP has half as many; about 100 bytes each
PINGS = 8192  # about 100 bytes each

BY_PROTOCOL = "meta l4proto vmap " + elements(
    f"{l4.name} : goto {l4.to(names.ALLOCATE)}" for l4 in (TCP, UDP, ICMP)
)


def sets(identity: str) -> list[Block]:
    """Return the sets of ports in use, and the maps of mappings of the port set ``identity``."""
    flows = "type inet_service . ipv4_addr . inet_service"
    mappings = "type ipv4_addr . inet_service : inet_service"
    return [
        dynamic("set", names.FLOWS.format("tcp"), flows, FLOWS),
        dynamic("set", names.FLOWS.format("udp"), flows, FLOWS),
        dynamic("set", names.FLOWS.format("icmp"), "typeof icmp id . ip daddr", FLOWS // 4),
        # TCP has an endpoint per connection, so its mappings come and go faster.
        dynamic("map", names.MAPPINGS.format("tcp"), mappings, MAPPINGS // 2, "15m", identity),
        dynamic("map", names.MAPPINGS.format("udp"), mappings, MAPPINGS, "1h", identity),
        dynamic(
            "map",
            names.MAPPINGS.format("icmp"),
            "typeof ip saddr . th sport : icmp id",
            PINGS,
            "1m",
            identity,
        ),
    ]


@dataclass(frozen=True)
class PortAllocator:
    """The chains that allocate a port to a flow by the tunnel; BY_PROTOCOL leads to them.

    timeouts: the first rules of TCP and UDP, by protocol. metering: the quota's rules for a
    flow that takes no port of its bucket, by protocol. owned: name of the set of UDP ports
    that an open host owns, "" for none.
    """

    pool: Pool
    timeouts: Mapping[str, list[str]]
    metering: Mapping[str, Metering]
    owned: str = ""

    def chains(self) -> list[Block]:
        """Return all chains of allocation."""
        udp = replace(UDP, owned=self.owned)
        return [
            block
            for l4 in (TCP, udp, ICMP)
            for block in (
                self._allocate(l4),
                *self._mapped(l4),
                *self._claim(l4),
                *self._buckets(l4),
                *self._search(l4),
            )
        ]

    def _allocate(self, l4: L4) -> Block:
        """Return the chain where allocation begins. ICMP errors and replies need no port."""
        return l4.chain(
            names.ALLOCATE,
            *(["icmp type != echo-request return"] if l4 is ICMP else []),
            *self.timeouts.get(l4.name, []),
            f"{l4.recall} goto {l4.to(names.CLAIM_MAPPED)}",
            *own_bucket(l4, self.pool, names.CLAIM),
            *self._meter(l4),
            f"goto {l4.to(names.SEARCH)}",
        )

    def _mapped(self, l4: L4) -> list[Block]:
        """Return the chains of an endpoint that has a mapping.

        It keeps its port, unless another flow has that port towards this destination. If the
        port is not of the host's bucket, the host is metered.
        """
        metered = self._meter(l4)
        kept = names.KEEP if metered else names.CLAIMED
        bucket = own_bucket(l4, self.pool, names.CLAIM)
        remap = names.REMAP if bucket or metered else names.SEARCH
        reserved = elements(map(str, self.pool.reserved))
        return [
            l4.chain(
                names.CLAIM_MAPPED,
                *(
                    [
                        commented(
                            f"{l4.seen} {reserved} goto {l4.to(remap)}", "reserved by a forward"
                        )
                    ]
                    if self.pool.reserved
                    else []
                ),
                f"{l4.claim} goto {l4.to(kept)}",
                f"goto {l4.to(remap)}",
            ),
            *(
                [
                    l4.chain(
                        names.KEEP,
                        f"{in_bucket(l4)} goto {l4.to(names.CLAIMED)}",
                        *metered,
                        f"goto {l4.to(names.CLAIMED)}",
                    )
                ]
                if kept is names.KEEP
                else []
            ),
            *(
                [
                    l4.chain(
                        names.REMAP,
                        *bucket,
                        *self._meter(l4, again=True),
                        f"goto {l4.to(names.SEARCH)}",
                    )
                ]
                if remap is names.REMAP
                else []
            ),
        ]

    def _claim(self, l4: L4) -> list[Block]:
        """Return the chains that claim the port in the packet, or let netfilter pick one."""
        return [
            l4.chain(
                names.CLAIM,
                f"{l4.claim} goto {l4.to(names.CLAIMED)}",
                f"goto {l4.to(names.ANY_BLOCK)}",
            ),
            l4.chain(names.CLAIMED, l4.learn, self._snat(l4)),
            l4.chain(
                names.ANY_BLOCK,
                commented(
                    f"meta l4proto {l4.name} snat ip to {any_block(self.pool)}",
                    f"{len(self.pool.blocks)} blocks in turn",
                ),
            ),
        ]

    def _buckets(self, l4: L4) -> list[Block]:
        """Return the chains that write the next port of the host's bucket."""
        if not has_buckets(l4, self.pool):
            return []
        return [
            l4.chain(names.BUCKET, to_bucket(l4, "goto")),
            *(
                names.BUCKET_NUMBER.block(_next(l4, ports, f"bucket {at}"), of=(l4.name, at))
                for at, ports in enumerate(self.pool.buckets)
            ),
            *probes(l4, names.BUCKET, self.pool.bucket_size),
        ]

    def _search(self, l4: L4) -> list[Block]:
        """Return the chains that search the overflow, then all buckets, for a free port.

        After `conntrack -F` elements of the set remain without their connections. So if no
        port is free, the next one of each place is claimed. Only these two: every failed claim
        leaves an entry in the element's list, which makes the port look used for a while after
        it is free.
        """
        places = {
            place: ports
            for place, ports in (
                (names.OVERFLOW, self.pool.overflow),
                (names.ALL_BUCKETS, self.pool.all_bucket_ports),
            )
            if ports
        }
        return [
            l4.chain(
                names.SEARCH,
                *(
                    rule
                    for place, ports in places.items()
                    for rule in (f"jump {l4.to(place)}", *tries(l4, place, len(ports), names.CLAIM))
                ),
                *(
                    rule
                    for place in places
                    for rule in (
                        f"jump {l4.to(place)}",
                        commented(
                            f"{l4.claim} goto {l4.to(names.CLAIMED)}",
                            "taken, but its connection may be gone",
                        ),
                    )
                ),
                f"counter name {names.NO_PORT}",
                f"goto {l4.to(names.ANY_BLOCK)}",
            ),
            *(
                block
                for place, ports in places.items()
                for block in (
                    l4.chain(place, _next(l4, ports, place.name.format(l4.name))),
                    *probes(l4, place, len(ports)),
                )
            ),
        ]

    def _meter(self, l4: L4, *, again: bool = False) -> list[str]:
        """Return the quota's rules for a flow that takes no port of its bucket.

        ``again``: also if its host is metered already, because the flow may not be counted yet.
        """
        metering = self.metering.get(l4.name)
        return metering.rules(again) if metering else []

    def _snat(self, l4: L4) -> str:
        if l4 is ICMP:  # `snat to` takes no "icmp id" as a port
            return f"meta l4proto icmp snat ip to {each_port(self.pool, ICMP.seen)}"
        return f"meta l4proto {l4.name} snat ip to {self.pool.address} : {l4.seen}"


def _next(l4: L4, ports: tuple[int, ...], place: str) -> str:
    return commented(f"{l4.port} set {in_turn(ports)}", f"{place}: {len(ports)} ports in turn")
