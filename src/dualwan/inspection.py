"""The answers of the commands that only look: check, show, status, doctor, report.

Each imports what it needs: people run `check` after each edit, also on small machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dualwan.catalogue import shown, told
from dualwan.errors import ConfigError
from dualwan.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dualwan.config import Config
    from dualwan.doctor import Outcome
    from dualwan.host.api import Host
    from dualwan.model.finding import Finding
    from dualwan.report.terminal import Terminal

DOCTOR_SECONDS = 19  # a diagnosis is over in 20
REPORT_SECONDS = 59  # a diagnosis, and versions of programs


def findings(config: Config | None, host: Host) -> tuple[Finding, ...]:
    """Return what keeps the router from its work; nothing without a configuration."""
    if config is None:
        return ()
    from dualwan.findings import find

    return find(config, host.surroundings(config))


def check(config: Config, *, as_json: bool, width: int | None) -> str:
    """Return the answer of `check` about a configuration without errors; raises ConfigError.

    ``width``: columns of the terminal, None for no limit.
    """
    found = findings_in_files(config)
    if as_json:
        import json

        from dualwan.report import findings as report

        data = report.as_data(found)
        return json.dumps({"file": config.path, "ok": True, "findings": data})
    from dualwan.report.layout import folded

    well = shown(say("{path}: in order", path=config.path))
    warnings = [told(say("warning: {text}", text=one.text)) for one in found]
    return "\n".join(folded(line, width) for line in (well, *warnings))


def findings_in_files(config: Config) -> tuple[Finding, ...]:
    """Return the findings of `check`; raises ConfigError.

    They come from files, and for root from the kernel too: whether it can do what the configuration
    asks for. Neither root nor the kernel is needed.
    """
    from dualwan.findings import IN_FILES, IN_KERNEL, LAN_FILES, find, own_addresses
    from dualwan.frozen import replace
    from dualwan.host.around import files, flowtables

    around = replace(
        files.look(config=config),
        flowtables=flowtables.accepted(config),
        lan_files=files.lan_files(),
    )
    own_addresses.refuse(config, around)
    of_lan = LAN_FILES if around.lan_files.lines else ()
    return find(config, around, (*IN_FILES, *of_lan, *IN_KERNEL))


def status(
    config: Config,
    form: str,
    wrong: tuple[Finding, ...] = (),
    terminal: Terminal | None = None,
) -> str:
    """Return the status as "text" for ``terminal``, None for plain, "json" or "prometheus".

    ``wrong``: what is wrong with the present configuration, if ``config`` is an earlier one.
    """
    import json

    from dualwan.findings import find, unnamed
    from dualwan.host.kernel import KernelHost
    from dualwan.model.event import Event
    from dualwan.planning import make_plan
    from dualwan.report import prometheus, trial
    from dualwan.report import status as report
    from dualwan.report.terminal import PLAIN

    host = KernelHost()
    plan = make_plan(config, host, Event.APPLY)
    around, used = host.surroundings(config), report.usage(host, plan)
    closed = unnamed.by_device(config, around)
    data = report.as_data(
        config,
        plan,
        used,
        (*wrong, *find(config, around)),
        closed,
        watched=host.is_watched(),
        tried=trial.as_data(host.load_trial(), host.boot_id(), host.since_boot()),
        unseen=around.unseen,
        log=None if form == "prometheus" else host.log(),
    )
    if form == "prometheus":
        return prometheus.text(data)
    return json.dumps(data, indent=2) if form == "json" else report.text(data, terminal or PLAIN)


def show(config: Config, what: str, *, as_json: bool, width: int | None) -> str:
    """Return the rules of the slice ``what``, or the "policy" as a table of words.

    ``width``: columns of the terminal, None for no limit.
    """
    import json

    from dualwan.host.kernel import KernelHost
    from dualwan.model.event import Event
    from dualwan.planning import make_plan
    from dualwan.report import policy, rules

    plan = make_plan(config, KernelHost(), Event.APPLY)
    if what == "policy":
        found = policy.rows(config, plan.line.ways)
        data = policy.as_data(found)
        return json.dumps(data, indent=2) if as_json else policy.text(found, width)
    listed = rules.as_data(plan, what)
    return json.dumps(listed, indent=2) if as_json else rules.text(listed)


def doctor(
    config: Config,
    wrong: tuple[Finding, ...] = (),
    *,
    as_json: bool,
    everything: bool,
    terminal: Terminal,
) -> tuple[str, bool]:
    """Return the diagnosis as text or JSON, and whether all is well; raises BusyError.

    ``wrong``: what is wrong with the present configuration, if ``config`` is an earlier one.

    It changes nothing, and asks nothing outside the line but the hosts of [wan] probe.
    """
    from dualwan import doctor as checks
    from dualwan.doctor.inquiry import inquiry
    from dualwan.host.alarm import deadline
    from dualwan.host.kernel import KernelHost
    from dualwan.mape.table import load_table
    from dualwan.model.event import Event
    from dualwan.planning import make_plan

    with deadline(DOCTOR_SECONDS):
        host = KernelHost()
        plan = make_plan(config, host, Event.APPLY)
        found = (*wrong, *findings(config, host))
        seen = host.evidence(inquiry(config, plan))
        outcomes = checks.diagnose(checks.Case(config, plan, seen, found, load_table()))
    return _shown(outcomes, as_json=as_json, everything=everything, terminal=terminal)


def doctor_of(
    path: Path, *, as_json: bool, everything: bool, terminal: Terminal
) -> tuple[str, bool]:
    """Return the diagnosis of the machine in the report ``path``, as ``doctor`` does."""
    from dualwan.recording import dossier

    outcomes = dossier.diagnosed(dossier.read(path))
    return _shown(outcomes, as_json=as_json, everything=everything, terminal=terminal)


def _shown(
    outcomes: tuple[Outcome, ...], *, as_json: bool, everything: bool, terminal: Terminal
) -> tuple[str, bool]:
    import json

    from dualwan import doctor as checks
    from dualwan.report import doctor as report

    if as_json:
        text = json.dumps(report.as_data(outcomes), indent=2)
    else:
        text = report.text(outcomes, everything, terminal)
    return text, checks.is_well(outcomes)


def report(
    config: Config | None, wrong: tuple[Finding, ...], present: str, errors: Sequence[str]
) -> dict[str, Any]:
    """Return the report of this machine; raises KernelError, BusyError.

    ``config``: the one that events use, None for none. ``wrong``, ``present``, ``errors``: what is
    wrong with the present one, its text and all its errors, if that is another one.
    """
    from datetime import UTC, datetime

    from dualwan.host import about
    from dualwan.host.alarm import deadline
    from dualwan.host.kernel import KernelHost
    from dualwan.mape.table import load_table
    from dualwan.recording import dossier

    with deadline(REPORT_SECONDS):
        host = KernelHost()
        log = host.log()
        lines = (
            None
            if log is None
            else [
                f"{datetime.fromtimestamp(one.time, UTC):%Y-%m-%dT%H:%M:%SZ} {one.text}"
                for one in log
            ]
        )
        try:
            table = load_table()
        except ConfigError:  # of rules.d
            table = None
        known = dossier.About(
            about.release(), about.kernel(), about.programs(), lines, present, errors, table
        )
        return dossier.make(config, host, wrong, known)
