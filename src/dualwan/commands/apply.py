"""Bring the router to its desired state, or take it down; or show the plan of that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.commands import common
from dualwan.errors import ConfigError
from dualwan.frozen import replace
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from dualwan.config import Config
    from dualwan.host.api import Host
    from dualwan.model.event import Event
    from dualwan.model.finding import Finding
    from dualwan.result import Plan, Result


def apply(arguments: Namespace) -> int:
    """Bring every slice, or those that are named, to its desired state."""
    from dualwan.model.event import Event

    if arguments.source:
        from pathlib import Path

        from dualwan.recording import dossier

        replay = dossier.read(Path(arguments.source))
        return _run(arguments, replay.config, Event.APPLY, replay.host)
    config, host = common.config(arguments), common.kernel_host()
    if not arguments.dry_run:
        from dualwan.handle import trial

        trial.decide_anew(config, host)
    return _run(arguments, config, Event.APPLY, host)


def tried(arguments: Namespace, config: Config, host: Host) -> int:
    """Bring every slice to the state of ``config``, for a trial that has just begun."""
    from dualwan import inspection
    from dualwan.handle import handle_event
    from dualwan.model.event import Event

    result = handle_event(config, host, Event.APPLY)
    found = inspection.findings(config, host)
    _show(arguments, result, found, everything=arguments.verbose)
    return 0


def down(arguments: Namespace) -> int:
    """Take everything down, even if the configuration is missing or wrong."""
    from dualwan.model.event import Event

    try:
        config: Config | None = common.config(arguments)
    except ConfigError as error:
        *others, last = error.lines
        for line in others:
            common.complain(line)
        common.complain(say("{error}; going by what is noted and tagged", error=last))
        config = None
    host = common.kernel_host()
    if not (arguments.dry_run or arguments.slices):
        from dualwan.handle import trial

        trial.forget(host)
    return _run(arguments, config, Event.REMOVE, host)


def _run(arguments: Namespace, config: Config | None, event: Event, host: Host) -> int:
    from dualwan import inspection
    from dualwan.findings.ssh_session import cut
    from dualwan.handle import handle_event
    from dualwan.planning import make_plan

    only = arguments.slices or None
    whole = config if only is None and event.wanted else None  # a part tells nothing of the rest
    if not arguments.dry_run:
        announce(config, host, event, only)
        result = handle_event(config, host, event, only)
        _show(arguments, result, inspection.findings(whole, host), everything=arguments.verbose)
        return 0
    plan = make_plan(config, host, event, only)
    if cuts := cut(plan, host.ssh_session()):
        plan = replace(plan, line=replace(plan.line, warnings=(*plan.line.warnings, cuts)))
    found = inspection.findings(whole, host)
    _show(arguments, plan, found, everything=True, contents=arguments.verbose)
    return common.WOULD_CHANGE if arguments.exit_code and (plan.changes or plan.problems) else 0


def announce(
    config: Config | None, host: Host, event: Event, only: Sequence[str] | None = None
) -> None:
    """Warn before ``event`` if it will cut the SSH session in which the command was typed."""
    session = host.ssh_session()
    if session is None:
        return
    from dualwan.findings.ssh_session import cut
    from dualwan.planning import make_plan

    if found := cut(make_plan(config, host, event, only), session):
        common.complain(say("warning: {found}", found=found))


def _show(
    arguments: Namespace,
    plan: Plan | Result,
    found: Sequence[Finding],
    *,
    everything: bool,
    contents: bool = False,
) -> None:
    from dualwan.report import plan as report

    if arguments.json:
        output.show(json.dumps(report.as_data(plan, found), indent=2))
        return
    output.show(report.text(plan, found, everything, common.terminal(arguments), contents))
