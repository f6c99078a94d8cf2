"""The package's own MAP-E rules: mape-rules.txt, plain text with one rule a line.

An event looks up one of its 277 rules. So a line is parsed only as far as the comparison needs, and
only the matching line becomes a rule. That takes a tenth of the time of parsing all.
"""

from __future__ import annotations

from pathlib import Path
from socket import AF_INET6, inet_pton

from dualwan.errors import ConfigError, MapeError
from dualwan.frozen import NamedTuple
from dualwan.mape.rule import IPV6_BITS, MapRule
from dualwan.words import say

PACKAGED = Path(__file__).parent / "mape-rules.txt"

_COLUMNS = 7


class Line(NamedTuple):
    """A line of the table.

    length, leading: of the Rule IPv6 prefix, and that many of its first bits as a number.
    columns: the words of the line. where: file and line. origin: where the rule comes from.
    """

    provider: str
    length: int
    leading: int
    columns: list[str]
    where: str
    origin: str

    def rule(self) -> MapRule:
        """Return the rule in the line; raises ConfigError if it is impossible."""
        provider, v6, v4, ea, offset, br, layout = self.columns
        source = f"{self.where}: {self.origin}"
        try:
            return MapRule(v6, v4, int(ea), int(offset), br, layout, provider, source)
        except (MapeError, ValueError) as error:
            raise _wrong(self.where, error) from None


def read(name: str, text: str) -> list[Line]:
    """Return the lines of a table in the package's format; its head describes that.

    Raises ConfigError, with ``name`` and line, for a malformed line.
    """
    lines, origin = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        columns = line.split()
        if not columns or columns[0].startswith("#"):
            continue
        if columns[0] == "source":
            origin = line.partition("source")[2].strip()
            continue
        lines.append(_line(columns, f"{name}:{number}", origin))
    return lines


def _line(columns: list[str], where: str, origin: str) -> Line:
    if len(columns) != _COLUMNS:
        raise ConfigError(
            say(
                "{where}: {count} columns where a rule has {whole}",
                where=where,
                count=len(columns),
                whole=_COLUMNS,
            )
        )
    address, _, digits = columns[1].partition("/")
    try:
        length = int(digits)
        leading = int.from_bytes(inet_pton(AF_INET6, address), "big") >> (IPV6_BITS - length)
    except (OSError, ValueError) as error:
        raise _wrong(where, error) from None
    return Line(columns[0], length, leading, columns, where, origin)


def _wrong(where: str, error: Exception) -> ConfigError:
    return ConfigError(say("{where}: {error}", where=where, error=error))
