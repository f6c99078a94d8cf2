"""Bring the router to its desired state, or take it down; or show the plan of that."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from dualwan.commands import common
from dualwan.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from dualwan.config import Config
    from dualwan.model.event import Event
    from dualwan.model.finding import Finding
    from dualwan.result import Plan, Result


def apply(arguments: Namespace) -> int:
    """Bring every slice, or those that are named, to its desired state."""
    from dualwan.model.event import Event

    return _run(arguments, common.config(arguments), Event.APPLY)


def down(arguments: Namespace) -> int:
    """Take everything down, even if the configuration is missing or wrong."""
    from dualwan.model.event import Event

    try:
        config: Config | None = common.config(arguments)
    except ConfigError as error:
        print(f"dualwan-hook: {error}; going by what is noted and tagged", file=sys.stderr)
        config = None
    return _run(arguments, config, Event.REMOVE)


def _run(arguments: Namespace, config: Config | None, event: Event) -> int:
    from dualwan import inspection
    from dualwan.handle import handle_event
    from dualwan.reconcile import make_plan

    only, host = arguments.slices or None, common.kernel_host()
    whole = config if only is None and event.wanted else None  # a part tells nothing of the rest
    if not arguments.dry_run:
        result = handle_event(config, host, event, only)
        _show(arguments, result, inspection.findings(whole, host), everything=arguments.verbose)
        return 0
    plan = make_plan(config, host, event, only)
    _show(arguments, plan, inspection.findings(whole, host), everything=True)
    return common.WOULD_CHANGE if arguments.exit_code and (plan.changes or plan.problems) else 0


def _show(
    arguments: Namespace, plan: Plan | Result, found: Sequence[Finding], *, everything: bool
) -> None:
    from dualwan.report import plan as report

    if arguments.json:
        common.show(json.dumps(report.as_data(plan, found), indent=2))
        return
    common.show(report.text(plan, found, everything, common.colour(arguments)))
