"""The ports that flows share, in the order of allocation. Pure arithmetic.

Half of them are in eight *buckets*, by their last four bits; the rest is the *overflow*. The
last three bits of a LAN host's address give its bucket. A host takes ports of its bucket
first, then of the overflow, then of any bucket. So a host that needs few ports does not
compete with the others, and one that stays within its bucket cannot hold more than that
towards one destination: only flows outside the bucket are counted against its quota.

Without a quota no flow is counted, and all ports are in the overflow.

The order in each is scrambled with the CE address as the key, which outsiders do not know:
one port does not reveal the next (RFC 6056 section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

from dualwan.mape.portset import PortSet

BUCKETS = 8
STRIDE = 2 * BUCKETS  # consecutive ports; the first half is one for each bucket
SMALLEST = 128  # ports; a smaller set has no buckets
LARGEST = 4096  # ports; a larger set is hardly shared, and not counted

Range = tuple[int, int]


@dataclass(frozen=True)
class Pool:
    """The ports of a set that flows may use, without the reserved ones.

    blocks: ranges of consecutive ports, both ends included. ports: all ports in the order of
    allocation, () if there are too many to allocate one by one. buckets and overflow: the two
    parts of ``ports``, in the same order. reserved: ports of the set that are left out.
    """

    address: str
    blocks: tuple[Range, ...]
    ports: tuple[int, ...] = ()
    buckets: tuple[tuple[int, ...], ...] = ()
    overflow: tuple[int, ...] = ()
    reserved: tuple[int, ...] = ()

    @property
    def all_bucket_ports(self) -> tuple[int, ...]:
        """Ports of all buckets."""
        return tuple(port for bucket in self.buckets for port in bucket)

    @property
    def counted(self) -> bool:
        """Whether ports are allocated one by one, so that flows are counted."""
        return bool(self.ports)

    @property
    def bucket_size(self) -> int:
        """Number of ports of the largest bucket; of all ports if there are no buckets."""
        return max((len(ports) for ports in self.buckets), default=len(self.ports))

    def undivided(self) -> Pool:
        """Return the pool with all its ports in the overflow."""
        return replace(self, buckets=(), overflow=self.ports)


def pool(address: str, port_set: PortSet, secret: bytes, reserved: Iterable[int] = ()) -> Pool:
    """Return the ports of ``port_set`` without port 0 and the ports ``reserved`` by forwards.

    A reservation does not change the bucket or the order of the other ports. ``secret``: the
    key of the order, up to 64 bytes.
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
