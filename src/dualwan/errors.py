"""The errors that this program raises on purpose, each with its exit code.

Exit codes (also in dualwan-hook(8)): 2 usage, 3 configuration, 4 the kernel refused a change
or its state is not the planned one, 5 busy or timed out. A hook logs one line for any of
them and exits 0, because ifupdown and pppd would stop other hooks after a failure; but before the
WAN comes up with 1, if the machine cannot be closed.
"""

from __future__ import annotations


class DualwanError(Exception):
    """Base of all errors; the user sees one line, without a traceback."""

    exit_code = 4


class UsageError(DualwanError):
    """A command line that cannot be parsed."""

    exit_code = 2


class ConfigError(DualwanError):
    """An unusable configuration; the message starts with file and line."""

    exit_code = 3


class UnconfirmedError(ConfigError):
    """A configuration that was tried and not confirmed, where none was applied before."""

    exit_code = 3


class MapeError(DualwanError, ValueError):
    """Impossible MAP-E parameters, or a prefix that no rule covers."""

    exit_code = 3


class HostError(DualwanError):
    """A missing program, file or permission on this machine."""

    exit_code = 4


class KernelError(HostError):
    """A change that the kernel refused, or a state after it that is not the planned one."""

    exit_code = 4


class RecordError(HostError):
    """A change was made, but the record of it cannot be kept."""

    exit_code = 4


class BusyError(DualwanError):
    """A lock held by another run, or a wait beyond its limit."""

    exit_code = 5


class StaleError(BusyError):
    """A configuration that was replaced between its reading and the run."""

    exit_code = 5


class RemoteError(DualwanError):
    """A remote server that does not answer, or an unusable answer."""

    exit_code = 4
