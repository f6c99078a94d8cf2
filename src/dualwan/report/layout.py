"""Text within the width of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan import cells

GAP = "  "
LATER = "    "
NARROWEST = 12  # columns that a text is broken into, however narrow the terminal is


def wrapped(title: str, text: str, width: int | None, indent: int) -> list[str]:
    """Return ``text`` behind ``title``, which has ``indent`` columns, in lines of ``width``.

    ``width``: columns; None for no limit.
    """
    head = cells.padded(title, indent)
    if width is None or cells.width(head) + cells.width(text) <= width:
        return [f"{head}{text}".rstrip()]
    room = max(width - indent, NARROWEST)
    lines = cells.wrap(text, room)
    return [f"{head}{lines[0]}".rstrip(), *(" " * indent + line for line in lines[1:])]


def folded(text: str, width: int | None) -> str:
    """Return a line in lines of ``width`` columns, the later ones indented; None: as it is."""
    if width is None or cells.width(text) <= width:
        return text
    return "\n".join(cells.wrap(text, max(width, NARROWEST), later=LATER))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return a table with a line of ``head`` and each of ``rows``, within ``width`` columns.

    Where its columns do not fit, the widest are broken; where there is no room for columns, each
    row is a list of its cells.
    """
    wanted = [max(cells.width(row[at]) for row in (head, *rows)) for at in range(len(head))]
    gaps = len(GAP) * (len(head) - 1)
    if width is not None and width < gaps + NARROWEST * len(head):
        return _as_lists(head, rows, width)
    columns = wanted if width is None else _narrowed(wanted, width - gaps)
    lines = [*_row(head, columns), *_row(["-" * size for size in columns], columns)]
    for row in rows:
        lines += _row(row, columns)
    return lines


def _narrowed(wanted: Sequence[int], room: int) -> list[int]:
    """Return the sizes of columns that together have ``room``; the widest give way."""
    sizes = list(wanted)
    while sum(sizes) > room:
        sizes[sizes.index(max(sizes))] -= 1
    return sizes


def _row(row: Sequence[str], sizes: Sequence[int]) -> list[str]:
    parts = [cells.wrap(cell, size) for cell, size in zip(row, sizes, strict=True)]
    return [
        GAP.join(
            cells.padded(part[at] if at < len(part) else "", size)
            for part, size in zip(parts, sizes, strict=True)
        ).rstrip()
        for at in range(max(map(len, parts)))
    ]


def _as_lists(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    indent = max(map(cells.width, head)) + 1
    lines = []
    for row in rows:
        for title, cell in zip(head, row, strict=True):
            lines += wrapped(title, cell, width, indent)
        lines.append("")
    return lines[:-1]
