"""What a command answers, on standard output."""

from __future__ import annotations

import os
import sys

from dualwan.catalogue import shown
from dualwan.errors import HostError


def show(text: str, end: str = "\n") -> None:
    """Print and flush ``text`` in the person's language.

    Raises HostError if it cannot be written, or BrokenPipeError.
    """
    try:
        print(shown(text), end=end, flush=True)  # noqa: T201 - to the person
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        if isinstance(error, BrokenPipeError):
            raise
        raise HostError(f"standard output: {error.strerror}") from None
