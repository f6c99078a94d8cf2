"""The file interfaces(5) and its lines, as ifupdown and its relatives read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.frozen import NamedTuple

INTERFACES = "/etc/network/interfaces"


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
    """Yield the lines of the file ``path`` with ``text``; a backslash at the end joins lines.

    A comment is joined with nothing, as ifupdown and ifupdown-ng have it.
    """
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not first and line.lstrip().startswith("#"):
            continue
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        yield from _whole(path, first, joined + line)
        joined, first = "", 0
    yield from _whole(path, first, joined)


def _whole(path: str, first: int, text: str) -> Iterator[InterfacesLine]:
    """Yield the line, unless it is empty or a comment."""
    if (text := text.strip()) and not text.startswith("#"):
        yield InterfacesLine(path, first, text)
