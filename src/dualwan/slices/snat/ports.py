"""The ports that flows share. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.frozen import dataclass
from dualwan.mape.portset import PortSet

LARGEST = 4096  # ports; of a larger set, flows are not counted, because hardly anybody shares it

Range = tuple[int, int]


@dataclass(frozen=True)
class Pool:
    """The ports of a set that flows may use, without the reserved ones.

    blocks: ranges of consecutive ports, both ends included. ports: all ports, ascending, () if
    there are too many to allocate one by one. reserved: ports of the set that are left out.
    """

    address: str
    blocks: tuple[Range, ...]
    ports: tuple[int, ...] = ()
    reserved: tuple[int, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether ports are allocated one by one, so that flows are counted."""
        return bool(self.ports)


def pool(address: str, port_set: PortSet, reserved: Iterable[int] = ()) -> Pool:
    """Return the ports of ``port_set`` without port 0 and the ports ``reserved`` by forwards."""
    taken = {port for port in (0, *reserved) if port in port_set}
    blocks, left = _without(port_set.ranges(), taken), tuple(sorted(taken))
    if len(port_set) > LARGEST:
        return Pool(address, blocks, reserved=left)
    ports = tuple(port for low, high in blocks for port in range(low, high + 1))
    return Pool(address, blocks, ports, reserved=left)


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
