"""The loaded nft tables of a recording, as their differences from the wanted tables. Pure.

Blocks and lines that are as wanted are not recorded, but generated again by the replay: masked
addresses in a set have another order, and constants of the program look like addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dualwan.model.plan import Action
from dualwan.nft import stored
from dualwan.nft.table import Block, NftTable
from dualwan.result import Plan

_AS_WANTED = "as wanted"


def wanted(plan: Plan) -> dict[str, NftTable]:
    """Return the tables that ``plan``, of Event.APPLY, asks for, by name."""
    return {
        step.resource.name: step.resource
        for item in plan.slices
        for step in item.steps
        if isinstance(step.resource, NftTable) and step.action is not Action.REMOVE
    }


def encode(
    loaded: Iterable[NftTable] | None, by_name: Mapping[str, NftTable]
) -> list[dict[str, Any]] | None:
    """Return ``loaded`` tables as data; ``by_name``: those that are wanted."""
    if loaded is None:
        return None
    found = []
    for table in loaded:
        plain = by_name.get(table.name)
        same = {block.key: block for block in plain.blocks} if plain else {}
        blocks: Any = [
            [block.kind, block.name]
            if same.get(block.key) == block
            else _encoded(table, block, same.get(block.key))
            for block in table.blocks
        ]
        if plain is not None and table.blocks == plain.blocks:
            blocks = _AS_WANTED
        found.append(
            {
                "family": table.family,
                "name": table.name,
                "intact": table.intact,
                "blocks": blocks,
            }
        )
    return found


def _encoded(table: NftTable, block: Block, plain: Block | None) -> Any:
    """Return ``block`` as data; of a line that ``plain`` has too, its place there."""
    *head, lines = stored.encode(NftTable(table.family, table.name, (block,)))[0]
    known = {line: at for at, line in enumerate(plain.lines)} if plain else {}
    pairs = zip(block.lines, lines, strict=True)
    return [*head, [known.get(line, encoded) for line, encoded in pairs]]


def _with_lines(data: Any, same: Mapping[tuple[str, str], Block]) -> Any:
    """Return the data of a block with the lines whose places it has; raises ValueError."""
    match data:
        case [str(kind), str(name), *middle, [*lines]]:
            plain = same.get((kind, name), Block(kind, name))
        case _:
            return data
    whole = stored.encode(NftTable("", "", (plain,)))[0][-1]
    numbers = [line for line in lines if type(line) is int]
    if not all(0 <= at < len(whole) for at in numbers):
        raise ValueError(f"the {kind} {name} has no such line")
    return [kind, name, *middle, [whole[at] if type(at) is int else at for at in lines]]


def decode(data: Any, by_name: Mapping[str, NftTable]) -> tuple[NftTable, ...] | None:
    """Return the tables of ``encode``; ``by_name``: those that are wanted. Raises ValueError."""
    if data is None:
        return None
    return tuple(_decoded(item, by_name) for item in data)


def _decoded(item: Any, by_name: Mapping[str, NftTable]) -> NftTable:
    match item:
        case {"family": str(family), "name": str(name), "intact": bool(intact), "blocks": blocks}:
            pass
        case _:
            raise ValueError(f"no table: {item!r:.60}")
    plain = by_name.get(name)
    if blocks == _AS_WANTED:
        if plain is None:
            raise ValueError(f"the table {name} is not wanted")
        return NftTable(family, name, plain.blocks, intact)
    same = {block.key: block for block in plain.blocks} if plain else {}
    found: list[Block] = []
    for one in blocks:
        match one:
            case [str(kind), str(block)]:
                if (kind, block) not in same:
                    raise ValueError(f"the {kind} {block} of {name} is not wanted")
                found.append(same[kind, block])
            case _:
                found += stored.decode(family, name, [_with_lines(one, same)]).blocks
    return NftTable(family, name, tuple(found), intact)
