"""The commands that only look: check, show, status, doctor, mape."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan import catalogue, output
from dualwan.commands import common
from dualwan.errors import UsageError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace


WATCH_SECONDS = 2  # from one look to the next
CLEAR = "\x1b[H\x1b[2J"  # cursor home, and clear (ECMA-48)


def check(arguments: Namespace) -> int:
    """Say whether the configuration is in order."""
    from dualwan import inspection

    if arguments.file:
        arguments.config = arguments.file
    output.show(
        inspection.check(common.config(arguments), as_json=arguments.json, width=common.width())
    )
    return 0


def status(arguments: Namespace) -> int:
    """Show what is there now, beside the configuration that events use."""
    from dualwan import inspection

    form = "prometheus" if arguments.prometheus else "json" if arguments.json else "text"
    if arguments.watch:
        if form != "text":
            raise UsageError(say("--watch goes with neither --json nor --prometheus"))
        return _watch(arguments)
    config, wrong = common.config_in_use(arguments, look=True)
    shown = inspection.status(config, form, wrong, common.terminal(arguments))
    output.show(shown, end="" if arguments.prometheus else "\n")
    return 0


def _watch(arguments: Namespace) -> int:
    """Show the status every WATCH_SECONDS, until Ctrl-C or until the pipe is closed."""
    import time

    from dualwan import inspection

    try:
        while True:
            config, wrong = common.config_in_use(arguments, look=True)
            shown = inspection.status(config, "text", wrong, common.terminal(arguments))
            if not output.show(_screen(shown) if sys.stdout.isatty() else f"{shown}\n"):
                return 0
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0


def _screen(shown: str) -> str:
    """Return ``shown`` after a clear-screen sequence, cut to the lines that the terminal has."""
    from shutil import get_terminal_size

    rows = max(2, get_terminal_size().lines - 1)
    lines = shown.splitlines()
    if len(lines) > rows:
        lines = [
            *lines[: rows - 1],
            catalogue.shown(say("... and {count} lines more", count=len(lines) - rows + 1)),
        ]
    return CLEAR + "\n".join(lines)


def doctor(arguments: Namespace) -> int:
    """Find what is wrong with the line or the machine."""
    from dualwan import inspection

    how = {
        "as_json": arguments.json,
        "everything": arguments.verbose,
        "terminal": common.terminal(arguments),
    }
    if arguments.source:
        text, well = inspection.doctor_of(Path(arguments.source), **how)
    else:
        text, well = inspection.doctor(*common.config_in_use(arguments, look=True), **how)
    if text or sys.stdout.isatty():
        output.show(text or say("all is well"))
    return 0 if well else common.NOT_WELL


def show(arguments: Namespace) -> int:
    """Show the rules of a slice, or the policy, as they are or would be loaded."""
    from dualwan import inspection

    config, wrong = common.config_in_use(arguments, look=True)
    for finding in wrong:
        common.complain(finding.text)
    output.show(
        inspection.show(config, arguments.what, as_json=arguments.json, width=common.width())
    )
    return 0


def mape(arguments: Namespace) -> int:
    """Show what follows from a prefix."""
    from dualwan.mape import calculator

    output.show(calculator.render(arguments.prefix, arguments.provider, as_json=arguments.json))
    return 0
