"""The ports that flows share, in the order in which they are given away. Pure arithmetic.

Half of them belong to eight *homes*, by their last four bits; the rest is the *commons*. A
LAN host belongs to a home by the last three bits of its address. It takes ports of its home
first, then of the commons, and then of any home. So what hosts do with a few ports does not
concern the others, and a host that keeps to its home can never hold more than that towards
one destination: only flows beyond have to be counted against its share.

The order inside each is scrambled by the CE address, which outsiders do not know: a port
seen once does not tell the next one (RFC 6056 section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from dualwan.mape.portset import PortSet

HOMES = 8
PLACES = 2 * HOMES  # in a row of ports: so many belong to homes, and as many to all
SMALLEST = 128  # ports; of fewer, one home for everybody
LARGEST = 4096  # ports; a set beyond that is hardly shared, and needs no counting

Range = tuple[int, int]


@dataclass(frozen=True)
class Pool:
    """What is left of a port set after the reservations.

    blocks: inclusive ranges of ports in a row. homes and commons: the ports of each, in the
    order of giving; together they are all ports. reserved: what was left out.
    """

    address: str
    blocks: tuple[Range, ...]
    homes: tuple[tuple[int, ...], ...] = ()
    commons: tuple[int, ...] = ()
    reserved: tuple[int, ...] = ()

    @property
    def anybodys(self) -> tuple[int, ...]:
        """The ports of all homes."""
        return tuple(port for home in self.homes for port in home)

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports."""
        return self.commons + self.anybodys

    @property
    def counted(self) -> bool:
        """Whether the set is small enough to be given out port by port."""
        return bool(self.homes)

    @property
    def home(self) -> int:
        """How many ports the largest home has."""
        return max(len(ports) for ports in self.homes)


def pool(address: str, port_set: PortSet, secret: bytes, reserved: Iterable[int] = ()) -> Pool:
    """The ports of PORT_SET less those that forwards have RESERVED, and port 0.

    A reservation leaves the other ports where they are.
    """
    taken = {port for port in (0, *reserved) if port in port_set}
    blocks, left = _without(port_set.ranges(), taken), tuple(sorted(taken))
    if len(port_set) > LARGEST:
        return Pool(address, blocks, reserved=left)
    ports = _scrambled((port for low, high in blocks for port in range(low, high + 1)), secret)
    homes = [tuple(port for port in ports if port % PLACES == at) for at in range(HOMES)]
    if len(port_set) < SMALLEST or not all(homes):
        return Pool(address, blocks, (ports,) if ports else (), reserved=left)
    return Pool(address, blocks, tuple(homes),
                tuple(port for port in ports if port % PLACES >= HOMES), left)


def _without(ranges: Iterable[Range], taken: set[int]) -> tuple[Range, ...]:
    """RANGES without the ports TAKEN: a range around one becomes two."""
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
    return tuple(sorted(ports, key=lambda port: blake2b(
        port.to_bytes(2, "big"), key=secret, digest_size=8).digest()))
