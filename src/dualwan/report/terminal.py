"""The appearance of a report: width, colour and symbols. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from dualwan import cells
from dualwan.catalogue import shown, told
from dualwan.report.layout import wrapped

INDENT = 9  # columns of a title
_CELLS = 20  # of a bar, at most
_FEWEST = 5


class Tone(Enum):
    """What a line says about the router: its colour (SGR), and its symbol."""

    NONE = ("", " ")
    GOOD = ("32", "\N{CHECK MARK}")
    DOUBT = ("33", "!")
    BAD = ("31", "\N{BALLOT X}")


class Terminal(NamedTuple):
    """The destination of a report.

    width: columns, None for a file or a pipe. symbols: whether it can show more than ASCII.
    """

    width: int | None = None
    colour: bool = False
    symbols: bool = False


PLAIN = Terminal()


class Line(NamedTuple):
    """A line of a report: a title of up to 8 letters or a word with a colon, and a text.

    coded: whether a translated text is followed by its code; always so with a colon.
    """

    title: str
    text: str
    tone: Tone = Tone.NONE
    coded: bool = False


def render(lines: Iterable[Line], terminal: Terminal) -> str:
    """Return ``lines`` as text for ``terminal``."""
    return "\n".join(text for line in lines for text in _rendered(line, terminal))


def _rendered(line: Line, terminal: Terminal) -> list[str]:
    colour, symbol = line.tone.value
    mark = f"{symbol} " if terminal.symbols else ""
    ends = line.title.endswith(":")
    title = f"{shown(line.title)} " if ends else cells.padded(shown(line.title), INDENT)
    text = told(line.text) if ends or line.coded else shown(line.text)
    head = f"{mark}{title}"
    lines = wrapped(head, text, terminal.width, cells.width(head))
    if terminal.colour and colour:
        word = f"{mark}{title}".rstrip()
        lines[0] = lines[0].replace(word, f"\x1b[{colour}m{word}\x1b[0m", 1)
    return lines


def bar(part: int, whole: int, terminal: Terminal, beside: int) -> str:
    """Return a bar for ``part`` of ``whole``; ``beside``: columns that the rest of the line takes.

    The bar is full only if ``part`` is ``whole``, and empty only if ``part`` is 0.
    """
    room = _CELLS if terminal.width is None else terminal.width - beside
    cells = max(_FEWEST, min(_CELLS, room))
    full = round(cells * part / whole) if whole else 0
    full = min(max(full, int(part > 0)), cells - int(part < whole))
    on, off = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}") if terminal.symbols else ("#", ".")
    return on * full + off * (cells - full)
