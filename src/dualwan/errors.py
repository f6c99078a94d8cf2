"""Every error this program raises on purpose, each with the exit code a person sees.

Exit codes (also in dualwan-hook(8)): 2 usage, 3 configuration, 4 the kernel refused or
did not end as planned, 5 busy or timed out. A hook turns any of them into one log line
and exits 0, because ifupdown and pppd would punish others for a failing hook.
"""

from __future__ import annotations


class DualwanError(Exception):
    """Base of all errors that are shown to a person as one line, without a traceback."""

    exit_code = 4


class UsageError(DualwanError):
    """The command line was not understood."""

    exit_code = 2


class ConfigError(DualwanError):
    """The configuration cannot be used; the message starts with file and line."""

    exit_code = 3


class MapeError(DualwanError, ValueError):
    """MAP-E parameters that cannot be, or a prefix that no rule covers."""

    exit_code = 3


class HostError(DualwanError):
    """The machine cannot do it: a program, a file or a right is missing."""

    exit_code = 4


class KernelError(HostError):
    """The kernel refused a change, or the state after it is not the planned one."""

    exit_code = 4


class RecordError(HostError):
    """A change was made, but the record of it cannot be kept."""

    exit_code = 4


class BusyError(DualwanError):
    """Another run holds the lock, or a wait took longer than its limit."""

    exit_code = 5


class RemoteError(DualwanError):
    """Another machine does not answer, or what it says cannot be used."""

    exit_code = 4
