"""The ports that flows share, in the order in which they are given away. Pure arithmetic.

Half of them are in eight *buckets*, by their last four bits; the rest is the *overflow*. The
bucket of a LAN host is given by the last three bits of its address. A host takes ports of its
bucket first, then of the overflow, and then of any bucket. So what hosts do with a few ports
does not concern the others, and a host that keeps to its bucket can never hold more than that
towards one destination: only flows beyond have to be counted against its quota.

Without a quota nothing has to be counted, and all ports are in the overflow.

The order inside each is scrambled by the CE address, which outsiders do not know: a port
seen once does not tell the next one (RFC 6056 section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

from dualwan.mape.portset import PortSet

BUCKETS = 8
STRIDE = 2 * BUCKETS  # ports in a row, of which half are of a bucket each
SMALLEST = 128  # ports; fewer are not divided
LARGEST = 4096  # ports; a set beyond that is hardly shared, and needs no counting

Range = tuple[int, int]


@dataclass(frozen=True)
class Pool:
    """What is left of a port set after the reservations.

    blocks: inclusive ranges of ports in a row. ports: all of them in the order of giving, ()
    where there are too many to give them one by one. buckets and overflow: the parts of it, in
    that order. reserved: what was left out.
    """

    address: str
    blocks: tuple[Range, ...]
    ports: tuple[int, ...] = ()
    buckets: tuple[tuple[int, ...], ...] = ()
    overflow: tuple[int, ...] = ()
    reserved: tuple[int, ...] = ()

    @property
    def all_bucket_ports(self) -> tuple[int, ...]:
        """The ports of all buckets."""
        return tuple(port for bucket in self.buckets for port in bucket)

    @property
    def counted(self) -> bool:
        """Whether the set is small enough to be given out port by port."""
        return bool(self.ports)

    @property
    def bucket_size(self) -> int:
        """How many ports the largest bucket has; all of them where there are no buckets."""
        return max((len(ports) for ports in self.buckets), default=len(self.ports))

    def undivided(self) -> Pool:
        """Return the pool with all its ports in the overflow."""
        return replace(self, buckets=(), overflow=self.ports)


def pool(address: str, port_set: PortSet, secret: bytes, reserved: Iterable[int] = ()) -> Pool:
    """Return the ports of ``port_set`` less those that forwards have ``reserved``, and port 0.

    A reservation leaves the other ports where they are.
    """
    taken = {port for port in (0, *reserved) if port in port_set}
    blocks, left = _without(port_set.ranges(), taken), tuple(sorted(taken))
    if len(port_set) > LARGEST:
        return Pool(address, blocks, reserved=left)
    ports = _scrambled((port for low, high in blocks for port in range(low, high + 1)), secret)
    whole = Pool(address, blocks, ports, overflow=ports, reserved=left)
    buckets = tuple(tuple(port for port in ports if port % STRIDE == at) for at in range(BUCKETS))
    if len(port_set) < SMALLEST or not all(buckets):
        return whole
    return replace(
        whole, buckets=buckets, overflow=tuple(port for port in ports if port % STRIDE >= BUCKETS)
    )


def _without(ranges: Iterable[Range], taken: set[int]) -> tuple[Range, ...]:
    """Return the ranges without the ports ``taken``: a range around one becomes two."""
    found: list[Range] = []
    for low, high in ranges:
        start = low
        for port in sorted(port for port in taken if low <= port <= high):
            if port > start:
                found.append((start, port - 1))
            start = port + 1
        if start <= high:
            found.append((start, high))
    return tuple(found)


def _scrambled(ports: Iterable[int], secret: bytes) -> tuple[int, ...]:
    return tuple(
        sorted(
            ports,
            key=lambda port: blake2b(port.to_bytes(2, "big"), key=secret, digest_size=8).digest(),
        )
    )
