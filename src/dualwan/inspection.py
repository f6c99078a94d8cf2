"""The commands that only look: check, status, doctor. Nothing is changed, on disk or elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dualwan.findings import find
from dualwan.report import findings as findings_report

if TYPE_CHECKING:
    from dualwan.config import Config
    from dualwan.host.api import Host
    from dualwan.model.finding import Finding


def findings(config: Config | None, host: Host) -> tuple[Finding, ...]:
    """Return what keeps the router from its work; nothing without a configuration."""
    return find(config, host.surroundings(config)) if config else ()


def check(config: Config, *, as_json: bool) -> str:
    """Return what is to be said of a configuration that could be read; raises ConfigError.

    Of the findings only those in files belong to it; neither root nor the kernel is needed.
    """
    from dualwan.findings import own_addresses
    from dualwan.host.surroundings import files

    around = files()
    own_addresses.refuse(config, around)
    found = findings_report.as_data(one for one in find(config, around) if one.in_file)
    if as_json:
        return json.dumps({"file": config.path, "ok": True, "findings": found})
    return "\n".join([f"{config.path}: in order", *findings_report.lines(found)])


def status(config: Config, form: str) -> str:
    """Return the status as "text", "json" or "prometheus"."""
    from dualwan.host.kernel import KernelHost
    from dualwan.model.event import Event
    from dualwan.reconcile import make_plan
    from dualwan.report import prometheus
    from dualwan.report import status as report

    host = KernelHost()
    plan = make_plan(config, host, Event.APPLY)
    data = report.as_data(config, plan, report.usage(host, plan), findings(config, host))
    if form == "prometheus":
        return prometheus.text(data)
    return json.dumps(data, indent=2) if form == "json" else report.text(data)
