"""Tables as dualwan-hook 0.1.0 noted them in its state file: one text each. Pure.

Read after an upgrade under a running line, so that sets and maps that are still wanted are
kept with their elements (transaction.replacement).
"""

from __future__ import annotations

import re

from dualwan.nft.table import CHAIN, Block, DeviceShortcut, NftTable, Statement

_TABLE = re.compile(r"table (\S+) (\S+) \{\n")
_BLOCK = re.compile(r"^\t([a-z]+(?: [a-z]+)?) (\S+) \{\n((?:\t\t.*\n)*)\t\}$", re.MULTILINE)
_HOOK = re.compile(r"type \S+ hook ")
_COMMENT = re.compile(r'comment "([^"]*)"$')
_SHORTCUT = re.compile(r'oif "([^"]+)" (.*)$')
_DYNAMIC = re.compile(r"flags (\S+,)*dynamic\b")


def table(text: str) -> NftTable | None:
    """Return the table that ``text`` describes, None where it is no table."""
    head = _TABLE.match(text)
    if head is None:
        return None
    return NftTable(
        head[1], head[2], tuple(_block(*found.groups()) for found in _BLOCK.finditer(text))
    )


def _block(kind: str, name: str, body: str) -> Block:
    lines = [line.removeprefix("\t\t") for line in body.splitlines()]
    hooks = [line for line in lines if kind == CHAIN and _HOOK.match(line)]
    comments = [line for line in lines if _COMMENT.match(line)]
    said = _COMMENT.match(comments[0]) if comments else None
    return Block(
        kind,
        name,
        tuple(_line(line) for line in lines if line not in (*hooks, *comments)),
        hook="".join(hooks),
        dynamic=any(_DYNAMIC.match(line) for line in lines),
        comment=said[1] if said else "",
    )


def _line(line: str) -> Statement:
    shortcut = _SHORTCUT.match(line)
    return DeviceShortcut(shortcut[1], shortcut[2]) if shortcut else line
