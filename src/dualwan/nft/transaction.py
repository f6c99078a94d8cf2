"""nft tables as text: what a change of one must say. Pure.

The text of a table is ours (nft.table.table): each block begins with one tab and a word,
"chain", "set", "map", "counter" and so on, then its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_SHORTCUT = re.compile(r'^\t+oif "([^"]+)" .*\n', re.MULTILINE)
_COUNTER = re.compile(r"^\tcounter (\S+) \{\n\t\tpackets (\d+) ", re.MULTILINE)
_HEADER = re.compile(r"^\t([a-z]+(?: [a-z]+)?) (\S+) \{$")
_TYPE = re.compile(r"^\t\ttype \S+ hook .*$", re.MULTILINE)
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
    what packets have put into them. So do chains, with other rules: a new chain gets its
    policy only after its rules, and between the old one's end and that everything could pass
    (measured: a packet or two a change, under 60,000 a second). Without OLD the whole table
    goes; what must be shut then has a rule at its end that says so.
    """
    if not old:
        return f"table {family} {name}\ndelete table {family} {name}\n{new}"
    had, has = blocks(old), blocks(new)
    table = f"{family} {name}"
    gone = [key for key, text in had.items()
            if _hook(has.get(key)) != _hook(text) or (key[0] != CHAIN and has[key] != text)]
    kept = {key for key in had if key[0] != CHAIN and key not in gone}
    lines = [f"flush chain {table} {item}" for kind, item in had if kind == CHAIN]
    lines += [f"delete {kind} {table} {item}" for kind, item in gone]
    rest = "".join(text for key, text in has.items() if key not in kept)
    return "\n".join([*lines, f"table {table} {{", rest.rstrip("\n"), "}", ""])


def one_table(ruleset: str, family: str, name: str) -> str:
    """The table of that name as it stands in a RULESET that nft lists, "" for none."""
    head, end = f"table {family} {name} {{\n", "\n}\n"
    _, found, rest = f"\n{ruleset}".partition(f"\n{head}")
    return head + rest.partition(end)[0] + end if found else ""


def packets(listing: str) -> dict[str, int]:
    """What the named counters of a table say, from its LISTING."""
    return {name: int(count) for name, count in _COUNTER.findall(listing)}


def with_indexes(text: str, index: Callable[[str], int | None]) -> str:
    """TEXT with the INDEX of devices where rules that begin with "oif" name one.

    nft loads no name that there is no device of, and lists the index of one that is gone.
    Such a rule is a shortcut: the others say the same without it, so it is left out for as
    long as INDEX knows none.
    """
    def rule(found: re.Match[str]) -> str:
        number = index(found[1])
        return found[0].replace(f'"{found[1]}"', str(number), 1) if number else ""

    return _SHORTCUT.sub(rule, text)


def _hook(chain: str | None) -> str | None:
    """Where a chain is hooked in, "" for nowhere; None for a chain that is not there."""
    return None if chain is None else "".join(_TYPE.findall(chain))
