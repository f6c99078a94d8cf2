"""The blocks of a table as JSON data, and back, for its record in the store. Pure."""

from __future__ import annotations

import re
from typing import Any

from dualwan.nft.table import Block, DeviceShortcut, NftTable, Statement

# Words that the next transaction repeats (nft.transaction): no others are accepted.
_KIND = re.compile(r"[a-z]+(?: [a-z]+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")  # with the name of a way or a zone in it


def encode(table: NftTable) -> list[Any]:
    """Return the blocks of ``table`` as lists, strings and booleans."""
    return [
        [
            block.kind,
            block.name,
            block.hook,
            block.dynamic,
            block.comment,
            [
                line if isinstance(line, str) else [line.device, line.verdict]
                for line in block.lines
            ],
        ]
        for block in table.blocks
    ]


def decode(family: str, name: str, data: Any) -> NftTable:
    """Return the table of ``encode``'s blocks; raises ValueError for any other data."""
    if not isinstance(data, list):
        raise ValueError(f"nft table {family} {name}: no list of blocks")
    return NftTable(family, name, tuple(_block(item) for item in data))


def _block(item: Any) -> Block:
    match item:
        case [str(kind), str(name), str(hook), bool(dynamic), str(comment), [*lines]] if (
            _KIND.fullmatch(kind) and _NAME.fullmatch(name)
        ):
            return Block(kind, name, tuple(map(_line, lines)), hook, dynamic, comment)
    raise ValueError(f"no block of an nft table: {item!r:.80}")


def _line(item: Any) -> Statement:
    match item:
        case str(line):
            return line
        case [str(device), str(verdict)]:
            return DeviceShortcut(device, verdict)
    raise ValueError(f"no statement of an nft table: {item!r:.80}")
