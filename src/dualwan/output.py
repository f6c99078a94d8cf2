"""Output of a command: its answer on standard output, remarks on standard error.

The reader may close the pipe early, as `head` does, or the terminal may be gone. That changes
neither the work nor the exit code.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from dualwan.catalogue import shown
from dualwan.errors import HostError


def show(text: str, end: str = "\n") -> bool:
    """Print and flush ``text`` in the person's language; return False if the pipe is closed.

    Raises HostError if it cannot be written.
    """
    try:
        print(shown(text), end=end, flush=True)  # noqa: T201 - to the person
    except OSError as error:
        _to_nobody(sys.stdout)
        if isinstance(error, BrokenPipeError):
            return False
        raise HostError(f"standard output: {error.strerror}") from None
    return True


def remark(line: str) -> None:
    """Print ``line`` to standard error, unless that is closed."""
    try:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - to the person
    except (OSError, ValueError):  # it is closed, at last
        _to_nobody(sys.stderr)


def _to_nobody(stream: TextIO) -> None:
    """Send later output and the unflushed rest of ``stream`` to /dev/null."""
    with suppress(OSError, ValueError):  # a test's stream has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
