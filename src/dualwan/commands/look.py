"""The commands that only look: check, status, doctor, mape."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dualwan.commands import common

if TYPE_CHECKING:
    from argparse import Namespace


def check(arguments: Namespace) -> int:
    """Say whether the configuration is in order."""
    from dualwan import inspection

    if arguments.file:
        arguments.config = arguments.file
    common.show(inspection.check(common.config(arguments), as_json=arguments.json))
    return 0


def status(arguments: Namespace) -> int:
    """Show what is there now, beside the configuration that events use."""
    from dualwan import inspection

    form = "prometheus" if arguments.prometheus else "json" if arguments.json else "text"
    config, wrong = common.config_in_use(arguments, look=True)
    common.show(inspection.status(config, form, wrong), end="" if arguments.prometheus else "\n")
    return 0


def doctor(arguments: Namespace) -> int:
    """Find what is wrong with the line or the machine."""
    from dualwan import inspection

    config, wrong = common.config_in_use(arguments, look=True)
    text, well = inspection.doctor(
        config,
        wrong,
        as_json=arguments.json,
        everything=arguments.verbose,
        colour=common.colour(arguments),
    )
    if text or sys.stdout.isatty():
        common.show(text or "all is well")
    return 0 if well else common.NOT_WELL


def mape(arguments: Namespace) -> int:
    """Show what follows from a prefix."""
    from dualwan.mape import calculator

    common.show(calculator.render(arguments.prefix, arguments.provider, as_json=arguments.json))
    return 0
