"""nft tables in the state file of dualwan-hook 0.1.0: one text each. Pure.

They are read after an upgrade under a running line, so that the sets and maps of the new
tables keep their elements (transaction.replacement).
"""

from __future__ import annotations

import re

from dualwan.nft.table import CHAIN, Block, DeviceShortcut, NftTable, Statement

_TABLE = re.compile(r"table (\S+) (\S+) \{\n")
_BLOCK = re.compile(r"^\t([a-z]+(?: [a-z]+)?) (\S+) \{\n((?:\t\t.*\n)*)\t\}$", re.MULTILINE)
_HOOK = re.compile(r"type \S+ hook ")
_COMMENT = re.compile(r'comment "([^"]*)"$')
_SHORTCUT = re.compile(r'oif "([^"]+)" (.*)$')
_DYNAMIC = re.compile(r"flags ([^\s,]+,)*dynamic\b")


def table(text: str) -> NftTable | None:
    """Return the table in ``text``, None if it is not one."""
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
    comment = _COMMENT.match(comments[0]) if comments else None
    return Block(
        kind,
        name,
        tuple(_line(line) for line in lines if line not in (*hooks, *comments)),
        hook="".join(hooks),
        dynamic=any(_DYNAMIC.match(line) for line in lines),
        comment=comment[1] if comment else "",
    )


def _line(line: str) -> Statement:
    shortcut = _SHORTCUT.match(line)
    return DeviceShortcut(shortcut[1], shortcut[2]) if shortcut else line
