"""What the commands share: the configuration in use, and what goes to the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dualwan.errors import HostError

if TYPE_CHECKING:
    from argparse import Namespace

    from dualwan.config import Config
    from dualwan.host.api import Host

WOULD_CHANGE = NOT_WELL = 1


def show(text: str, end: str = "\n") -> None:
    """Print and flush ``text``; raises HostError if it cannot be written, or BrokenPipeError."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        if isinstance(error, BrokenPipeError):
            raise
        raise HostError(f"standard output: {error.strerror}") from None


def config(arguments: Namespace) -> Config:
    """Return the configuration that a person means; raises ConfigError."""
    from dualwan.config import load, path_in_use

    return load(path_in_use(arguments.config), asked=bool(arguments.config))


def kernel_host() -> Host:
    """Return this machine."""
    from dualwan.host.kernel import KernelHost

    return KernelHost()


def colour(arguments: Namespace) -> bool:
    """Whether to colour what is shown."""
    return bool(arguments.color == "always" or (arguments.color == "auto" and sys.stdout.isatty()))
