"""The errors that this program raises on purpose, each with its exit code.

Exit codes (also in dualwan-hook(8)): 2 usage, 3 configuration, 4 the kernel refused a change or its
state is not the planned one, 5 busy or timed out. After any of them a hook logs one line and exits
0, because ifupdown and pppd would skip other hooks after a failure; the pre-up hook of the WAN
alone exits 1, if the machine cannot be closed.
"""

from __future__ import annotations

from dualwan.frozen import NamedTuple
from dualwan.words import say


def legible(text: str) -> str:
    """Return ``text`` of another program as one line, with ? for unprintable characters."""
    return "".join(one if one.isprintable() else "?" for one in text)


class DualwanError(Exception):
    """Base of all errors; the user sees one line, without a traceback."""

    exit_code = 4

    @property
    def lines(self) -> tuple[str, ...]:
        """The error for a person: a line for each thing to mend."""
        return (str(self),)


class UsageError(DualwanError):
    """A command line that cannot be parsed."""

    exit_code = 2


class UsageErrors(UsageError):  # noqa: N818 - several of them
    """All errors of a command line; ``lines`` has one each, str() the first."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__(errors[0])
        self.errors = errors

    @property
    def lines(self) -> tuple[str, ...]:
        """The errors, in the order of the options."""
        return self.errors


class Fault(NamedTuple):
    """The place and kind of an error in a TOML file, for the search for further errors.

    kind: "wrong" (a value), "missing" or "unknown" (a key or section), or "at odds" (with the value
    of another key). section: its name, dotted, "" for the sections themselves. number: of a table
    in an array, from 0. line: from 1. meant: the known key that an unknown one resembles.
    """

    kind: str
    file: str
    section: str
    key: str
    number: int = 0
    line: int = 0
    meant: str = ""


WRONG, MISSING, UNKNOWN, AT_ODDS = "wrong", "missing", "unknown", "at odds"


class ConfigError(DualwanError):
    """An unusable configuration; the message starts with file and line.

    fault: the place in the file; None if the error has none, as of a file that cannot be read.
    """

    exit_code = 3

    def __init__(self, message: str, fault: Fault | None = None) -> None:
        super().__init__(message)
        self.fault = fault


class ConfigErrors(ConfigError):  # noqa: N818 - several of them
    """All errors of a configuration; ``lines`` has one each, str() the first and their number."""

    def __init__(self, errors: tuple[str, ...], closing: str = "") -> None:
        more = say(" (and {count} more)", count=len(errors) - 1) if len(errors) > 1 else ""
        super().__init__(errors[0] + more)
        self._lines = (*errors, *([closing] if closing else []))

    @property
    def lines(self) -> tuple[str, ...]:
        """The errors, in the order of the file, and ``closing``."""
        return self._lines


class UnconfirmedError(ConfigError):
    """A configuration whose trial was not confirmed, on a machine where none was applied before."""


class MapeError(DualwanError, ValueError):
    """Impossible MAP-E parameters, or a prefix that no rule covers."""

    exit_code = 3


class HostError(DualwanError):
    """A missing program, file or permission on this machine."""

    exit_code = 4


class KernelError(HostError):
    """A change that the kernel refused, or a state after it that is not the planned one."""


class RecordError(HostError):
    """A change was made, but the record of it cannot be kept."""


class ReplacedError(DualwanError):
    """A module that a long-running process cannot load any more: an upgrade has replaced it."""

    exit_code = 4


class BusyError(DualwanError):
    """A lock held by another run, or a wait beyond its limit."""

    exit_code = 5


class StaleError(BusyError):
    """A configuration that was replaced between its reading and the run."""


class RemoteError(DualwanError):
    """A remote server that does not answer, or an unusable answer."""

    exit_code = 4
