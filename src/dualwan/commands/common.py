"""What the commands share: the configuration in use, and what goes to the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.catalogue import told
from dualwan.errors import ConfigError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from dualwan.config import Config
    from dualwan.host.api import Host
    from dualwan.model.finding import Finding
    from dualwan.report.terminal import Terminal

WOULD_CHANGE = NOT_WELL = 1


def complain(text: str) -> None:
    """Print ``text`` to standard error, in the person's language."""
    output.remark(f"dualwan-hook: {told(text)}")


def config(arguments: Namespace) -> Config:
    """Return the configuration that --config, DUALWAN_CONFIG or the default path names.

    Raises ConfigError with all errors of the file, and with the configuration that events use
    meanwhile.
    """
    from dualwan.config import load, path_in_use

    path = path_in_use(arguments.config)
    try:
        return load(path, asked=bool(arguments.config))
    except ConfigError as first:
        from dualwan.host import last_good

        error = every_error(path, first, asked=bool(arguments.config))
        kept = last_good.load(path)
        raise (kept.instead_of(error) if kept else error) from None


def every_error(path: Path, first: ConfigError, *, asked: bool) -> ConfigError:
    """Return all errors of the configuration ``path``, the ``first`` of which is known."""
    from dualwan.config import every_error as errors
    from dualwan.config import read
    from dualwan.mape.table import RULES_DIR

    try:
        text = read(path, asked=asked)
    except ConfigError:  # it cannot be read at all
        return first
    return errors.of_text(str(path), text, RULES_DIR) or first


def config_in_use(
    arguments: Namespace, *, look: bool = False
) -> tuple[Config, tuple[Finding, ...]]:
    """Return the configuration that events use, with a finding if the file itself is wrong.

    ``look``: for a command that only looks, return the file's configuration where a trial has left
    events without one. Raises ConfigError if there is none.
    """
    from dualwan.config import load, path_in_use
    from dualwan.errors import UnconfirmedError
    from dualwan.host import in_use

    path = path_in_use(arguments.config)
    try:
        return load(path, asked=True) if arguments.config else in_use.load(path), ()
    except ConfigError as error:
        from dualwan.host import last_good
        from dualwan.model.finding import Finding

        kept = last_good.load(path)
        if kept is not None:
            remedy = say(
                "mend it, and run `dualwan-hook`; until then {what} is in use", what=kept.what
            )
            return kept.config, (Finding("configuration-wrong", str(error), remedy),)
        if look and isinstance(error, UnconfirmedError):
            return load(path), ()
        raise


def kernel_host() -> Host:
    """Return this machine."""
    from dualwan.host.kernel import KernelHost

    return KernelHost()


def colour(arguments: Namespace) -> bool:
    """Whether to colour what is shown; NO_COLOR (no-color.org) means as --color never does."""
    if arguments.color == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return bool(arguments.color == "always")


def terminal(arguments: Namespace) -> Terminal:
    """Return how a report is to look; colour and symbols are for a terminal."""
    from dualwan.report.terminal import Terminal

    to_terminal = sys.stdout.isatty()
    symbols = to_terminal and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return Terminal(width(), colour(arguments), symbols)


def width() -> int | None:
    """Return the columns of the terminal that is written to; None for a file or a pipe."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns
