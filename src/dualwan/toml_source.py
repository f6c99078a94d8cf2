"""A TOML document that knows on which line each key stands.

tomli gives values without positions; a person who edits a file needs the line. The text is
scanned once more for headers and keys, which is enough for the forms that a hand-written
configuration takes; what the scan cannot find is reported at its table's header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dualwan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.\- ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.]""")

_REQUIRED = object()


class Source:
    """The file behind a configuration: its name and the line of each key."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines: dict[tuple[str, int, str], int] = {}
        seen: dict[str, int] = {}
        section, number = "", 0
        for at, line in enumerate(text.split("\n"), 1):  # as TOML counts; not splitlines
            if header := _HEADER.match(line):
                section = header[1].replace(" ", "")
                number = seen.get(section, -1) + 1
                seen[section] = number
                self._lines[(section, number, "")] = at
            elif key := _KEY.match(line):
                self._lines.setdefault((section, number, key[1]), at)

    def line(self, section: str, key: str = "", number: int = 0) -> int:
        """Line of KEY in the NUMBERth table SECTION, of its header, or 1."""
        head, _, rest = section.rpartition(".")
        for place in (
            (section, number, key),
            (section, number, ""),
            ("", 0, section or key),
            (head, number, rest),
            ("", 0, head),
        ):
            if place in self._lines:  # the last three: dotted keys and tables in braces
                return self._lines[place]
        return 1

    def fail(self, message: str, section: str = "", key: str = "", number: int = 0) -> NoReturn:
        """Raise ConfigError naming file, line and key."""
        where = ".".join(part for part in (section, key) if part)
        prefix = f"{where}: " if where else ""
        raise ConfigError(f"{self.name}:{self.line(section, key, number)}: {prefix}{message}")


class TomlTable:
    """One TOML table that is read key by key; what stays unread is an unknown key."""

    def __init__(self, source: Source, section: str, data: Any, number: int = 0) -> None:
        self.source, self.section, self.number = source, section, number
        if not isinstance(data, dict):
            self.fail("must be a table, as in [" + section + "]")
        self._data: dict[str, Any] = data
        self._known: list[str] = []

    def fail(self, message: str, key: str = "") -> NoReturn:
        """Raise ConfigError about KEY of this table."""
        self.source.fail(message, self.section, key, self.number)

    def take(self, key: str, convert: Callable[[Any], T], default: Any = _REQUIRED) -> T:
        """Value of KEY through CONVERT, or DEFAULT as it is; a ValueError becomes ConfigError."""
        self._known.append(key)
        if key not in self._data:
            if default is _REQUIRED:
                self._misspelled(key)
                self.fail(f"'{key}' is missing")
            return default  # type: ignore[no-any-return]
        try:
            return convert(self._data[key])
        except ValueError as error:
            self.fail(str(error), key)

    def _misspelled(self, key: str) -> None:
        """Complain about a key that was meant to be KEY."""
        for other in self._data:
            if other not in self._known and nearest(other, [key]):
                self.fail(unknown("key", other, [key]), other)

    def has(self, key: str) -> bool:
        """Whether the file gives KEY."""
        return key in self._data

    def table(self, key: str) -> TomlTable:
        """The table KEY below this one."""
        self._known.append(key)
        return TomlTable(self.source, f"{self.section}.{key}", self._data.get(key, {}))

    def done(self) -> None:
        """Complain about the first key that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                self.fail(unknown("key", key, self._known), key)


def unknown(kind: str, name: str, known: list[str]) -> str:
    """Message for an unknown NAME, with the nearest known one."""
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"known: {', '.join(known)}"
    return f"unknown {kind} '{name}'; {hint}"


def nearest(name: str, known: list[str]) -> str:
    """The one of KNOWN that NAME may have been meant to be, "" for none."""
    import difflib  # noqa: PLC0415 - only errors need it, and it takes milliseconds to load

    return (difflib.get_close_matches(name, known, 1, 0.6) or [""])[0]


def parse(name: str, text: str) -> dict[str, Any]:
    """TOML text as a dict; raises ConfigError with file and line."""
    import tomli  # noqa: PLC0415 - not needed by what only wants Source

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = at[1] if at else str(max(1, len(text.rstrip("\n").split("\n"))))
        reason = str(error).split(" (at ")[0]
        raise ConfigError(f"{name}:{line}: not valid TOML: {reason}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets without end
        raise ConfigError(f"{name}:1: not usable TOML: too long or too deep") from None
