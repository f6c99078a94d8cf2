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
        help="also show what is in order already",
    )
    shared.add_argument("--color", choices=("auto", "always", "never"), help="default: auto")
    return shared
