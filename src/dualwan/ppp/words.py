"""The words of an option file, as pppd's getword() splits it (options.c). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.frozen import NamedTuple

MAX_LENGTH = 1023  # MAXWORDLEN less the final zero: what goes beyond it is cut

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "s": " ", "t": "\t"}
_OCTAL, _HEXADECIMAL = "01234567", "0123456789abcdefABCDEF"
_SPACE = " \t\n\v\f\r"


class Word(NamedTuple):
    """A word, and the number of the line where it begins."""

    text: str
    line: int


class _Reader:
    """Characters of a text one by one, with the number of the present line."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self.line = text, 0, 1

    def peek(self, count: int = 1) -> str:
        """Return the next ``count`` characters, fewer at the end."""
        return self._text[self._at : self._at + count]

    def take(self) -> str:
        """Return the next character and go on."""
        found = self.peek()
        self._at += len(found)
        self.line += found == "\n"
        return found

    def skip_line(self) -> None:
        """Skip to the end of this line, in one step: a comment may be long."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def take_digits(self, digits: str, count: int) -> str:
        """Return up to ``count`` characters of ``digits`` and go on."""
        found = ""
        while len(found) < count and self.peek() and self.peek() in digits:
            found += self.take()
        return found


def split(text: str) -> Iterator[Word]:
    """Yield the words of ``text``.

    White space separates them; ``#`` outside of quotes begins a comment, also within a word.
    A backslash escapes a character, and joins lines at the end of one; quotes are dropped.
    """
    reader = _Reader(text)
    while _skip(reader):
        line = reader.line
        yield Word(_word(reader)[:MAX_LENGTH], line)


def _skip(reader: _Reader) -> bool:
    """Skip white space, comments and joined lines; return whether a word follows."""
    while character := reader.peek():
        if character == "#":
            reader.skip_line()
        elif character in _SPACE:
            reader.take()
        elif reader.peek(2) == "\\\n":
            reader.take()
            reader.take()
        else:
            return True
    return False


def _word(reader: _Reader) -> str:
    """Return the word that begins here."""
    word, quote = "", ""
    while character := reader.peek():
        if not quote and (character in _SPACE or character == "#"):
            break
        reader.take()
        if character == "\\":
            word += _escaped(reader)
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            word += character
    return word


def _escaped(reader: _Reader) -> str:
    """Return the character that an escape stands for, "" for a joined line or the end."""
    if digits := reader.take_digits(_OCTAL, 3):
        return chr(int(digits, 8) & 0xFF)
    character = reader.take()
    if character == "x":
        return chr(int(reader.take_digits(_HEXADECIMAL, 2) or "0", 16))
    return "" if character == "\n" else _ESCAPES.get(character, character)
