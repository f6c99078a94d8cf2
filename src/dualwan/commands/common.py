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
    from dualwan.model.finding import Finding

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
    """Return the configuration that a person means; raises ConfigError.

    The error also says what events use meanwhile.
    """
    from dualwan.config import load, path_in_use
    from dualwan.errors import ConfigError

    path = path_in_use(arguments.config)
    try:
        return load(path, asked=bool(arguments.config))
    except ConfigError as error:
        from dualwan.host import last_good

        kept = last_good.load(path)
        raise (kept.instead_of(error) if kept else error) from None


def config_in_use(
    arguments: Namespace, *, look: bool = False
) -> tuple[Config, tuple[Finding, ...]]:
    """Return the configuration that events use, with a finding if it is not the present one.

    ``look``: where events use none after a trial, the present one is good enough. Raises
    ConfigError if there is none.
    """
    from dualwan.config import load, path_in_use
    from dualwan.errors import ConfigError, UnconfirmedError
    from dualwan.host import in_use

    path = path_in_use(arguments.config)
    try:
        return load(path, asked=True) if arguments.config else in_use.load(path), ()
    except ConfigError as error:
        from dualwan.host import last_good
        from dualwan.model.finding import Finding

        kept = last_good.load(path)
        if kept is not None:
            remedy = f"mend it, and run `dualwan-hook`; until then {kept.what} is in use"
            return kept.config, (Finding("configuration-wrong", str(error), remedy),)
        if look and isinstance(error, UnconfirmedError):
            return load(path), ()
        raise


def kernel_host() -> Host:
    """Return this machine."""
    from dualwan.host.kernel import KernelHost

    return KernelHost()


def colour(arguments: Namespace) -> bool:
    """Whether to colour what is shown."""
    return bool(arguments.color == "always" or (arguments.color == "auto" and sys.stdout.isatty()))
