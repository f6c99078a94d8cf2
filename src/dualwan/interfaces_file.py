"""A line of interfaces(5), as ifupdown and its relatives read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class InterfacesLine(NamedTuple):
    """A line without comments. number: of its first line in the file ``path``, from 1."""

    path: str
    number: int
    text: str

    @property
    def place(self) -> str:
        """The line's FILE:LINE."""
        return f"{self.path}:{self.number}"

    @property
    def words(self) -> list[str]:
        """The line's words, at least one."""
        return self.text.split()


def parse(path: str, text: str) -> Iterator[InterfacesLine]:
    """Yield the lines of the file ``path`` with ``text``; a backslash at the end joins lines."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole = (joined + line).strip()
        if whole and not whole.startswith("#"):
            yield InterfacesLine(path, first, whole)
        joined, first = "", 0
