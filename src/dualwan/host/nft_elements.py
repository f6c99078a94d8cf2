"""Save and restore the elements that packets have added to sets and maps of nft tables.

They are kept as nft's text, which it accepts unchanged. Elements that a set already has stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dualwan.errors import KernelError
from dualwan.model.observed import TableId

AT_ONCE = 500  # elements of a transaction
_BLOCK = re.compile(r"^\t(?:set|map) (\S+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"^\t\telements = \{(.*?)\}", re.MULTILINE | re.DOTALL)
_AFTER_KEY = re.compile(r" (?:timeout|expires|counter|ct count|limit|quota|last|:) ")


class Filled(NamedTuple):
    """A set or map that packets fill, and its elements."""

    family: str
    table: str
    name: str
    elements: tuple[str, ...]

    @property
    def place(self) -> str:
        """The set as nft names it."""
        return f"{self.family} {self.table} {self.name}"


def listed(tables: Iterable[TableId]) -> list[Filled]:
    """Return the sets and maps of ``tables`` that packets fill.

    A table that does not exist has none. Raises KernelError.
    """
    found = []
    for table in tables:
        code, output, error = _run(f"list table {table.family} {table.name}")
        if code != 0 and "No such file" not in error:
            raise KernelError(f"nft table {table.family} {table.name}: {error.strip()[:200]}")
        found += [Filled(table.family, table.name, *one) for one in _filled(output)]
    return found


def _filled(listing: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield name and elements of each set and map of a table that packets fill."""
    for name, body in _BLOCK.findall(listing):
        if re.search(r"^\t\tflags .*dynamic", body, re.MULTILINE):
            found = _ELEMENTS.search(body)
            items = found[1].split(",") if found else []
            yield name, tuple(" ".join(item.split()) for item in items)


def put_back(kept: Iterable[Filled]) -> int:
    """Add the missing elements of ``kept`` to sets that exist; return how many were refused.

    Raises KernelError.
    """
    kept = [one for one in kept if one.elements]
    tables = dict.fromkeys(TableId(one.family, one.table) for one in kept)
    there = {one.place: {_key(item) for item in one.elements} for one in listed(tables)}
    refused = 0
    for one in kept:
        if one.place in there:
            missing = [item for item in one.elements if _key(item) not in there[one.place]]
            for at in range(0, len(missing), AT_ONCE):
                refused += _add(one.place, missing[at : at + AT_ONCE])
    return refused


def _add(place: str, items: list[str]) -> int:
    """Add ``items`` to a set, one by one if they are refused together; return how many were."""
    if _run(f"add element {place} {{ {', '.join(items)} }}")[0] == 0:
        return 0
    if len(items) == 1:
        return 1
    half = len(items) // 2
    return _add(place, items[:half]) + _add(place, items[half:])


def _key(item: str) -> str:
    """Return the key of an element, without value, timeouts and counters."""
    return _AFTER_KEY.split(item, maxsplit=1)[0]


def _run(command: str) -> tuple[int, str, str]:
    import nftables  # noqa: PLC0415 - loads a shared library, for a trial only

    context: Any = nftables.Nftables()
    context.set_numeric_proto_output(True)
    code, output, error = context.cmd(command)
    return int(code), str(output), str(error)
