"""Text in the cells of a terminal, where letters of East Asia take two (UAX 11). Pure."""

from __future__ import annotations

from itertools import pairwise

# Japanese breaks between any two letters but before these, and after those (JIS X 4051).
_NOT_FIRST = frozenset("、。」』】・ー…ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.):;!?]}%")
_NOT_LAST = frozenset("「『【([{")


def width(text: str) -> int:
    """Return the number of cells that ``text`` takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, cells: int) -> str:
    """Return ``text`` with blanks behind it, in at least ``cells``."""
    return text + " " * (cells - width(text))


def wrap(
    text: str, cells: int, first: str = "", later: str = "", *, whole: bool = False
) -> list[str]:
    """Return ``text`` in lines of ``cells``; ``first``, ``later``: what they begin with.

    A word is broken only if it has no room in a line, and not even then if words are to stay
    ``whole``. There is one line at least.
    """
    if text.isascii():
        from textwrap import wrap as wrapped  # noqa: PLC0415 - a millisecond, for some texts only

        return wrapped(
            text,
            cells,
            initial_indent=first,
            subsequent_indent=later,
            break_long_words=not whole,
            break_on_hyphens=False,
        ) or [first.rstrip()]
    lines, line, indent = [], "", first
    for piece in _pieces(text):
        if line and width(indent + line + piece.rstrip()) > cells:
            lines.append((indent + line).rstrip())
            line, indent = "", later
            piece = piece.lstrip()  # noqa: PLW2901 - no line begins with a blank
        line += piece
        while not whole and width(indent + line.rstrip()) > cells:
            fits = _that_fits(line, cells - width(indent))
            lines.append(indent + line[:fits])
            line, indent = line[fits:], later
    return [*lines, (indent + line).rstrip()]


def _width(letter: str) -> int:
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - for Japanese only

    return 0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1


def _pieces(text: str) -> list[str]:
    """Return ``text`` in pieces between which a line may break; blanks end a piece."""
    pieces = [text[0]]
    for before, letter in pairwise(text):
        wide = _width(letter) > 1 or _width(before) > 1
        after_blank = before == " " and letter != " "
        may = after_blank or (wide and letter not in _NOT_FIRST and letter != " ")
        if may and before not in _NOT_LAST:
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces


def _that_fits(text: str, cells: int) -> int:
    """Return how many letters of ``text`` have room in ``cells``, one at least."""
    for at in range(1, len(text)):
        if width(text[: at + 1]) > cells:
            return at
    return len(text)
