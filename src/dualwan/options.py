"""The parts that the command line's parsers share. Nothing is loaded before it is needed."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from typing import TYPE_CHECKING, NoReturn

from dualwan import paths
from dualwan.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


class SliceNames:
    """The names of the slices, loaded on demand: most commands need none."""

    def __iter__(self) -> Iterator[str]:
        from dualwan import slices

        return iter([one.name for one in slices.ALL])

    def __contains__(self, name: object) -> bool:
        return name in list(self)


def seconds(text: str) -> int:
    """Return the timeout of a trial, from 5 to 3600; raises ValueError."""
    number = int(text)
    if not 5 <= number <= 3600:  # noqa: PLR2004 - the limits themselves
        raise ValueError
    return number


class Parser(ArgumentParser):
    """A parser whose errors are UsageErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; see {self.prog} --help")


def common() -> Parser:
    """Return the options that are valid before and after the command."""
    shared = Parser(add_help=False, argument_default=SUPPRESS)
    shared.add_argument(
        "--config",
        metavar="FILE",
        help=f"configuration (default: $DUALWAN_CONFIG, or {paths.CONFIG})",
    )
    shared.add_argument("--json", action="store_true", default=SUPPRESS, help="answer as JSON")
    shared.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=SUPPRESS,
        help="also show what is in order already; in a dry run what is in a new table",
    )
    shared.add_argument("--color", choices=("auto", "always", "never"), help="default: auto")
    return shared


def add_init(parser: ArgumentParser) -> None:
    """Add the options of init to its ``parser``."""
    parser.add_argument("--wan", default="", metavar="NAME", help="the interface of the line")
    parser.add_argument(
        "--lan", action="append", metavar="NAME", help="an interface of the LAN; repeatable"
    )
    parser.add_argument(
        "--provider",
        default="",
        metavar="NAME",
        help="auto, manual (the values of mape.sh), or whose rules count",
    )
    parser.add_argument(
        "--peer", default="", metavar="NAME", help="a file in /etc/ppp/peers, or none"
    )
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        metavar="FILE",
        help="read this script, and search for none; repeatable",
    )
    parser.add_argument(
        "--edit-interfaces",
        action="store_true",
        help="also change /etc/network/interfaces, and keep a copy",
    )
    parser.add_argument(
        "--force", action="store_true", help="in place of a configuration, whose copy is kept"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--dry-run", action="store_true", default=SUPPRESS, help="show all, write nothing"
    )
