"""Flows that the other router began, as elements of the sets of ports of this one. Pure.

Each flow adds its port towards its destination to the set of carried flows; the port of its inner
endpoint to the map of mappings, so that the endpoint's next flow gets the same port; and that port
to the set of ports that some endpoint has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from dualwan.frozen import NamedTuple


class CarriedFlow(NamedTuple):
    """A flow whose source is translated to the shared address.

    protocol: "tcp" or "udp". port: the outer one. seconds: until its conntrack entry expires
    without a packet.
    """

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    port: int
    seconds: int


class Sets(NamedTuple):
    """The names of a table's sets: of flows, and by protocol of mappings and mapped ports.

    lives: longest life of an element of ``carried`` in seconds, by protocol. room: the number of
    flows that fit in. endpoints: the number of mappings that fit in, by protocol.
    """

    table: str
    carried: str
    mappings: dict[str, str]
    mapped: dict[str, str]
    lives: dict[str, int]
    room: int
    endpoints: dict[str, int]


def transaction(
    sets: Sets, ports: Iterable[tuple[int, int]], flows: Iterable[CarriedFlow]
) -> tuple[str, int]:
    """Return the transaction that adds ``flows`` with one of ``ports``, "" for none; their number.

    An endpoint whose flows have several ports keeps the most frequent one. If there are more flows
    than fit in, those that conntrack keeps longest are added, because these have been answered: the
    kernel would refuse all, and a flooding host may have begun the others.
    """
    given = {port for low, high in ports for port in range(low, high + 1)}
    kept = [one for one in flows if one.protocol in sets.lives and one.port in given]
    kept = sorted(kept, key=lambda one: -one.seconds)[: sets.room]
    lines = _lines(sets, kept)
    return "".join(lines), len(kept)


def _lines(sets: Sets, flows: list[CarriedFlow]) -> Iterator[str]:
    if not flows:
        return
    seconds: dict[str, int] = {}
    for one in flows:
        key = f"{one.protocol} . {one.port} . {one.destination} . {one.destination_port}"
        left = min(max(one.seconds, 1), sets.lives[one.protocol])
        seconds[key] = max(left, seconds.get(key, 0))
    items = (f"{key} timeout {left}s" for key, left in seconds.items())
    yield _add(sets.table, sets.carried, items)
    for protocol in sets.lives:
        ports = _ports_of_endpoints(one for one in flows if one.protocol == protocol)
        if ports:
            some = dict(islice(ports.items(), sets.endpoints[protocol]))
            mappings = (f"{address} . {inner} : {port}" for (address, inner), port in some.items())
            yield _add(sets.table, sets.mappings[protocol], mappings)
            yield _add(sets.table, sets.mapped[protocol], map(str, dict.fromkeys(some.values())))


def _ports_of_endpoints(flows: Iterable[CarriedFlow]) -> dict[tuple[str, int], int]:
    """Return the port of each inner endpoint: the most frequent one among its flows."""
    counted = Counter(((one.source, one.source_port), one.port) for one in flows)
    found: dict[tuple[str, int], int] = {}
    for (endpoint, port), _ in counted.most_common():
        found.setdefault(endpoint, port)
    return found


def _add(table: str, name: str, items: Iterable[str]) -> str:
    return f"add element {table} {name} {{ {', '.join(items)} }}\n"
