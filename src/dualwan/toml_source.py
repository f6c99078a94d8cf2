"""TOML tables with the line number of each key, for error messages.

tomli returns values without positions, and the user needs the line. So the text is scanned
once more for headers and keys. The scan understands the usual forms of a hand-written file;
an error in a key that it misses is reported at the header of the table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dualwan.errors import AT_ODDS, MISSING, UNKNOWN, WRONG, ConfigError, Fault
from dualwan.words import say

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_HEADER = re.compile(r"^\s*\[\[?([A-Za-z0-9_.\- \t]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.]""")

_REQUIRED = object()


class Source:
    """A TOML file: its name, its text and the line of each key.

    strict: beginnings of the sections in which an unknown key is an error.
    """

    def __init__(self, name: str, text: str, strict: tuple[str, ...] = ("",)) -> None:
        self.name, self.text, self.strict = name, text, strict
        self._lines: dict[tuple[str, int, str], int] = {}
        last: dict[str, int] = {}
        section, number = "", 0
        for at, line in enumerate(text.split("\n"), 1):  # TOML's line ends; splitlines has more
            if header := _HEADER.match(line):
                section = "".join(header[1].split())
                number = last.get(section, -1) + 1
                last[section] = number
                self._lines[(section, number, "")] = at
            elif key := _KEY.match(line):
                self._lines.setdefault((section, number, key[1]), at)

    def line(self, section: str, key: str = "", number: int = 0) -> int:
        """Return the line of ``key`` in the table ``section``, else of its header, else 1.

        ``number`` counts the tables of an array, [[section]], from 0. An empty ``key`` means
        the header.
        """
        head, _, rest = section.rpartition(".")
        for place in (
            (section, number, key),
            (section, number, ""),
            ("", 0, section or key),
            (head, number, rest),
            ("", 0, head),
        ):
            # The last three places: dotted keys and inline tables.
            if place in self._lines:
                return self._lines[place]
        return 1

    def meant(self, section: str, key: str, instead: str, number: int = 0) -> None:
        """Report errors in ``instead`` at the line of ``key``, an unknown key that resembles it."""
        self._lines.setdefault((section, number, instead), self.line(section, key, number))

    def fail(
        self,
        message: str,
        section: str = "",
        key: str = "",
        number: int = 0,
        fault: Fault | None = None,
    ) -> NoReturn:
        """Raise ConfigError with file, line and key.

        ``fault``: see the method ``fault``; by default "at odds" with the value of another key.
        """
        where = ".".join(part for part in (section, key) if part)
        prefix = f"{where}: " if where else ""
        line = self.line(section, key, number)
        fault = fault or self.fault(AT_ODDS, section, key, number)
        raise ConfigError(
            say(
                "{name}:{line}: {prefix}{message}",
                name=self.name,
                line=line,
                prefix=prefix,
                message=message,
            ),
            fault._replace(line=line),
        )

    def fault(
        self, kind: str, section: str, key: str, number: int = 0, *, meant: str = ""
    ) -> Fault:
        """Return the fault of that ``kind`` in this file."""
        return Fault(kind, self.name, section, key, number, meant=meant)


class TomlTable:
    """A TOML table that is read key by key; a key that is left over is an unknown key.

    section: its name, dotted. data: its value from tomli; raises ConfigError if that is no
    table. number: its place in an array of tables, from 0.
    """

    def __init__(self, source: Source, section: str, data: Any, number: int = 0) -> None:
        self.source, self.section, self.number = source, section, number
        if not isinstance(data, dict):
            head, _, name = section.rpartition(".")
            fault = source.fault(WRONG, head, name, number)
            message = say(
                "must be a table, as in [{section}], not {data!r:.60}", section=section, data=data
            )
            source.fail(message, section, number=number, fault=fault)
        self._data: dict[str, Any] = data
        self._known: list[str] = []

    def fail(self, message: str, key: str = "", fault: Fault | None = None) -> NoReturn:
        """Raise ConfigError for ``key`` of this table, or for its header; see Source.fail."""
        self.source.fail(message, self.section, key, self.number, fault)

    def fault(self, kind: str, key: str, *, meant: str = "") -> Fault:
        """Return the fault of that ``kind`` of ``key``."""
        return self.source.fault(kind, self.section, key, self.number, meant=meant)

    def take(self, key: str, convert: Callable[[Any], T], default: Any = _REQUIRED) -> T:
        """Return the value of ``key``, passed through ``convert``, or ``default`` unconverted.

        Raises ConfigError if ``convert`` raises ValueError, or if a key without default is
        missing.
        """
        self._known.append(key)
        if key not in self._data:
            if default is _REQUIRED:
                self._check_spelling(key)
                self.fail(say("'{key}' is missing", key=key), fault=self.fault(MISSING, key))
            return default  # type: ignore[no-any-return]
        try:
            return convert(self._data[key])
        except ValueError as error:
            self.fail(str(error), key, self.fault(WRONG, key))

    def _check_spelling(self, key: str) -> None:
        """Raise ConfigError for an unknown key that resembles ``key``, which is missing."""
        for other in self._data:
            if other not in self._known and nearest(other, [key]):
                self.fail(
                    unknown(say("key"), other, [key]), other, self.fault(UNKNOWN, other, meant=key)
                )

    def has(self, key: str) -> bool:
        """Whether the table has ``key``."""
        return key in self._data

    def table(self, key: str) -> TomlTable:
        """Return the table ``key`` inside this one, an empty one if the file has none."""
        self._known.append(key)
        return TomlTable(self.source, f"{self.section}.{key}", self._data.get(key, {}))

    def done(self) -> None:
        """Raise ConfigError for the first key that was not taken, if the section is strict."""
        strict = self.section.startswith(self.source.strict)
        for key in self._data if strict else ():
            if key not in self._known:
                self.fail(
                    unknown(say("key"), key, self._known),
                    key,
                    self.fault(UNKNOWN, key, meant=nearest(key, self._known)),
                )


def unknown(kind: str, name: str, known: list[str]) -> str:
    """Return the message for an unknown ``name``, with the nearest known one."""
    near = nearest(name, known)
    hint = (
        say("did you mean '{near}'?", near=near)
        if near
        else say("known: {known}", known=", ".join(known))
    )
    return say("unknown {kind} '{name}'; {hint}", kind=kind, name=name, hint=hint)


def nearest(name: str, known: list[str]) -> str:
    """Return the name in ``known`` that is most similar to ``name``, "" for none."""
    import difflib  # noqa: PLC0415 - only for errors; takes milliseconds to load

    return (difflib.get_close_matches(name, known, 1, 0.6) or [""])[0]


def parse(name: str, text: str) -> dict[str, Any]:
    """Return TOML ``text`` of the file ``name`` as a dict; raises ConfigError with its line."""
    import tomli  # noqa: PLC0415 - Source alone does not need it

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column \d+\)", str(error))
        last = max(1, len(text.rstrip("\n").split("\n")))
        line = at[1] if at else str(min(last, getattr(error, "lineno", last)))  # since tomli 2.1
        reason = str(error).split(" (at ")[0]
        raise ConfigError(
            say("{name}:{line}: not valid TOML: {reason}", name=name, line=line, reason=reason)
        ) from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise ConfigError(
            say("{name}:1: not usable TOML: too long or too deep", name=name)
        ) from None
