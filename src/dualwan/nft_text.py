"""nft tables as text: what a change of one must say. Pure.

The text of a table is ours (slices.nft.table): each block begins with one tab and a word,
"chain", "set", "map", "counter" and so on, then its name.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\t([a-z]+(?: [a-z]+)?) (\S+) \{$")
CHAIN = "chain"


def blocks(content: str) -> dict[tuple[str, str], str]:
    """The blocks of a table by kind ("chain", "set", "ct timeout") and name."""
    found: dict[tuple[str, str], str] = {}
    key: tuple[str, str] | None = None
    for line in content.splitlines():
        if header := _HEADER.match(line):
            key = (header[1], header[2])
            found[key] = ""
        if key is not None:
            found[key] += line + "\n"
        if line == "\t}":
            key = None
    return found


def replacement(family: str, name: str, old: str, new: str) -> str:
    """One transaction that makes the table NEW, whatever it was.

    Where OLD is known to stand, the sets, maps and counters that NEW has too stay, with
    what packets have put into them; chains are always made anew. Without OLD the whole
    table goes.
    """
    if not old:
        return f"table {family} {name}\ndelete table {family} {name}\n{new}"
    had, has = blocks(old), blocks(new)
    table = f"{family} {name}"
    chains = [chain for kind, chain in had if kind == CHAIN]
    gone = [key for key, text in had.items() if key[0] != CHAIN and has.get(key) != text]
    kept = {key for key in had if key[0] != CHAIN and key not in gone}
    lines = [f"flush chain {table} {chain}" for chain in chains]
    lines += [f"delete chain {table} {chain}" for chain in chains]
    lines += [f"delete {kind} {table} {item}" for kind, item in gone]
    rest = "".join(text for key, text in has.items() if key not in kept)
    return "\n".join([*lines, f"table {table} {{", rest.rstrip("\n"), "}", ""])
