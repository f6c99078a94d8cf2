"""The commands of a shell script such as mape.sh, with variables expanded. Runs nothing. Pure.

It parses only the part of sh(1) that such scripts use: assignments of constants, quotes, joined
lines, and which commands are for stopping. Expansions at run time ($(...), `...`) are left as they
are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

STOP, START = "stop", "start"
MAX_LETTERS = 1 << 18  # of one script

_NAME = r"[A-Za-z_]\w*"
_VARIABLE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})(?::?-([^}}]*))?\}})")
_ASSIGNMENT = re.compile(rf"({_NAME})=(.*)", re.DOTALL)
_WHEN = {"stop": STOP, "down": STOP, "start": START, "up": START}
_OPENING = ("if", "while", "until", "for", "case")
_PREFIXES = ("then", "do", "else", "{", "!", "time")
_CLOSING = ("fi", "done", "esac", "}")
_DECLARING = ("local", "export", "readonly", "declare", "typeset")
_DOCUMENT = re.compile(rf"(?<!<)<<-?\s*([\"']?)({_NAME})\1")
_OPERATORS = (";;", "&&", "||", ";", "&", "|", "(", ")", "\n")


class Command(NamedTuple):
    """A command. number: of its first line, from 1. when: STOP, START or "" for both.

    words: without quotes, with constant variables expanded; `|` is a word of a pipeline, and an
    assignment is the one word NAME=VALUE. text: as it is written, on one line.
    """

    number: int
    words: tuple[str, ...]
    when: str
    text: str

    @property
    def assigned(self) -> tuple[str, str]:
        """Name and value of an assignment, two empty ones for another command."""
        found = _ASSIGNMENT.fullmatch(self.words[0])
        return (found[1], found[2]) if found else ("", "")


class _Token(NamedTuple):
    text: str
    operator: bool = False


def commands(text: str) -> list[Command]:
    """Return the commands of the script ``text`` in their order."""
    reading = _Reading()
    for number, line in _joined(text):
        reading.line(number, line)
    return reading.found


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; a backslash at the end joins lines.

    The text of a here-document, which is no command, is left out.
    """
    joined, first, end = "", 0, ""
    lines = text[:MAX_LETTERS].splitlines()
    last = {line.strip(): number for number, line in enumerate(lines, 1)}
    for number, line in enumerate(lines, 1):
        if end:
            end = "" if line.strip() == end else end
            continue
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1].strip() + " "
            continue
        yield first, (joined + line).strip()
        found = _DOCUMENT.search(joined + line)
        if found and last.get(found[2], 0) > number:  # else a shift, as in $((1 << n))
            end = found[2]
        joined, first = "", 0


class _Reading:
    """The state of parsing one script: constants, and the blocks that are open."""

    def __init__(self) -> None:
        self.found: list[Command] = []
        self.constants: dict[str, str] = {}
        self.open: list[str] = []  # STOP, START or "" of each open if, case, loop or function
        self.function = ""

    def line(self, number: int, line: str) -> None:
        """Read one joined line."""
        words: list[str] = []
        for token in _tokens(line, self.constants):
            if not token.operator:
                words.append(token.text)
            elif token.text == "|" and words and words[0] not in _OPENING:
                words.append("|")
            elif token.text == "(" and len(words) == 1:
                self.function = words.pop()
            elif token.text == ")" and self.function:
                self.open.append(_when([self.function]))
                self.function = ""
            elif token.text == ")" and self.open:  # a pattern of case
                self.open[-1] = _when(words)
                words = []
            else:
                self._statement(number, words, line)
                words = []

    def _statement(self, number: int, words: list[str], line: str) -> None:
        while words and words[0] in _PREFIXES:
            if words[0] == "else" and self.open:
                self.open[-1] = ""
            words = words[1:]
        if not words:
            return
        first = words[0]
        if first == "for" or "read" in words[1:]:
            self._forget(words[1:])
        if first in _OPENING:
            self.open.append(_when(words) if first == "if" else "")
        elif first == "elif" and self.open:
            self.open[-1] = _when(words)
        elif first in _CLOSING:
            self.open[-1:] = []
        else:
            self._command(number, words, line)

    def _command(self, number: int, words: list[str], line: str) -> None:
        when = next((one for one in reversed(self.open) if one), "")
        if assigned := _ASSIGNMENT.fullmatch(words[0]):
            name, value = assigned[1], assigned[2]
            if len(words) > 1:  # an assignment before a command, for its environment
                self._command(number, words[1:], line)
                return
            self._assign(name, value)
        elif words[0] in _DECLARING:
            for found in filter(None, map(_ASSIGNMENT.fullmatch, words[1:])):
                self._assign(found[1], found[2])
        elif words[0] == "read":
            self._forget(words[1:])
        self.found.append(Command(number, tuple(words), when, " ".join(line.split())))

    def _assign(self, name: str, value: str) -> None:
        self._forget([name])
        if not re.search(r"[`$]", value):
            self.constants[name] = value

    def _forget(self, names: list[str]) -> None:
        """Forget the values of ``names``, which have others at run time."""
        for name in names:
            self.constants.pop(name, None)


def _when(words: list[str]) -> str:
    return next((_WHEN[word] for word in words if word in _WHEN), "")


def _tokens(line: str, constants: dict[str, str]) -> Iterator[_Token]:
    """Yield words and operators of ``line``, and at last an operator."""
    at, word, inside = 0, "", False  # inside: a word has begun, possibly an empty one
    while at < len(line):
        character = line[at]
        operator = next((one for one in _OPERATORS if line.startswith(one, at)), "")
        if character == "#" and not inside:
            break
        if character in "<>":  # redirections are skipped
            at = _after_redirection(line, at)
            word, inside = ("", False) if word.isdigit() else (word, inside)
        elif character.isspace() or operator:
            if inside:
                yield _Token(word)
            if operator:
                yield _Token(operator, operator=True)
            word, inside, at = "", False, at + max(1, len(operator))
        else:
            text, at = _piece(line, at, constants)
            word, inside = word + text, True
    if inside:
        yield _Token(word)
    yield _Token("\n", operator=True)


def _after_redirection(line: str, at: int) -> int:
    found = re.compile(r"[<>]+&?\s*[^\s;&|()]*").match(line, at)
    return found.end() if found else at + 1


def _piece(line: str, at: int, constants: dict[str, str]) -> tuple[str, int]:
    """Return the text of the word's piece that begins at ``at``, and the end of the piece."""
    character = line[at]
    if character == "'":
        end = line.find("'", at + 1)
        return (line[at + 1 : end], end + 1) if end > 0 else (line[at + 1 :], len(line))
    if character == '"':
        text, at = "", at + 1
        while at < len(line) and line[at] != '"':
            part, at = _in_quotes(line, at, constants)
            text += part
        return text, at + 1
    return _in_quotes(line, at, constants)


def _in_quotes(line: str, at: int, constants: dict[str, str]) -> tuple[str, int]:
    """Return the expansion of the character at ``at``, also valid in double quotes, and its end."""
    character = line[at]
    if character == "\\" and at + 1 < len(line):
        return line[at + 1], at + 2
    if character == "`":
        end = line.find("`", at + 1)
        end = end + 1 if end > 0 else len(line)
        return line[at:end], end
    if line.startswith("$(", at):
        end = _after_parentheses(line, at + 1)
        return line[at:end], end
    if found := _VARIABLE.match(line, at):
        name, default = found[1] or found[2], found[3]
        value = constants.get(name, default)
        return (found[0] if value is None else value), found.end()
    return character, at + 1


def _after_parentheses(line: str, at: int) -> int:
    """Return the place after the parenthesis that closes the one at ``at``."""
    depth = 0
    for end in range(at, len(line)):
        depth += {"(": 1, ")": -1}.get(line[end], 0)
        if depth == 0:
            return end + 1
    return len(line)
