"""Port sets and ports as nft text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.mape.portset import PORT_BITS, PortSet
from dualwan.nft.table import Block, elements
from dualwan.slices.snat.ports import Pool

IN_TURN, BY_LOT = "inc", "random"  # of `numgen`, nft(8)


def inside(port_set: PortSet, port: str) -> list[str]:
    """Return conditions that ``port``, an nft expression, meets together if it is in the set.

    They compare the bits of RFC 7597 section 5.1: two comparisons per packet, instead of a tree
    search in a set of 63 ranges.
    """
    return [f"{port} & {mask:#06x} {sign} {value:#06x}" for mask, sign, value in _bits(port_set)]


def outside(port_set: PortSet, port: str) -> list[str]:
    """Return conditions of which ``port`` meets at least one if it is not in the set."""
    return [
        f"{port} & {mask:#06x} {'==' if sign == '!=' else '!='} {value:#06x}"
        for mask, sign, value in _bits(port_set)
    ]


def _bits(port_set: PortSet) -> list[tuple[int, str, int]]:
    """Return mask, operator and value of each comparison."""
    found = []
    if port_set.psid_length:
        shift = PORT_BITS - port_set.psid_offset - port_set.psid_length
        found.append((((1 << port_set.psid_length) - 1) << shift, "==", port_set.psid << shift))
    if port_set.psid_offset:
        shift = PORT_BITS - port_set.psid_offset
        found.append((((1 << port_set.psid_offset) - 1) << shift, "!=", 0))
    return found


def numbered(name: str, port: str, ports: Sequence[int]) -> Block:
    """Return the map ``name`` of numbers, from 0 on, to ``ports``.

    All rules share this map, because nft takes milliseconds to read a thousand elements; it is
    constant, so no program can change it, as with an anonymous map. ``port``: the expression with
    its type.
    """
    values = elements(f"{at} : {one}" for at, one in enumerate(_two_at_least(ports)))
    lines = (f"typeof numgen inc mod 2 : {port}", "flags constant", f"elements = {values}")
    return Block("map", name, lines)


def one_of(how: str, name: str, ports: Sequence[int]) -> str:
    """Return an nft expression that yields one of ``ports`` of the map ``name``.

    IN_TURN: each in turn. BY_LOT: a random one, all equally likely; the random numbers are the
    kernel's own (nft_ng_random_gen, Linux 5.19 and later).
    """
    return f"numgen {how} mod {len(_two_at_least(ports))} map @{name}"


def _two_at_least(ports: Sequence[int]) -> Sequence[int]:
    return ports if len(ports) > 1 else (*ports, *ports)  # nft refuses "mod 1"


def each_port(pool: Pool, port: str) -> str:
    """Return the operand of `snat ip to` that is the address and ``port``, an nft expression.

    It maps each port to itself, because the value of a map has the type that nft asks for.
    """
    return f"{pool.address} : {port} map " + elements(f"{one} : {one}" for one in pool.ports)


def a_block(how: str, pool: Pool) -> str:
    """Return the operand of `snat ip to` that is the address and a block: BY_LOT or IN_TURN.

    Only the concatenation (address . ports) uses every port of a block on every nft since
    1.0.6, and translates ICMP echo identifiers too. `snat to ADDR : numgen … map` uses one
    port per block on 1.0.6, and 1.1 refuses it. A block of one port is a range too, because
    nft does not mix ranges and single ports in a map.
    """
    blocks = pool.blocks if len(pool.blocks) > 1 else pool.blocks * 2
    values = elements(
        f"{at} : {pool.address} . {low}-{high}" for at, (low, high) in enumerate(blocks)
    )
    return f"numgen {how} mod {len(blocks)} map {values}"
