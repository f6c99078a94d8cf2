"""The status of the router: as data for programs, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from dualwan import slices
from dualwan.config import Config
from dualwan.errors import MapeError
from dualwan.host.api import Host
from dualwan.line.provisioning.answer import CachedAnswer, ce_parameters
from dualwan.model.finding import Finding
from dualwan.model.plan import SlicePlan
from dualwan.model.usage import Usage
from dualwan.model.way import Kind, Softwire, of_kind
from dualwan.ppp.session import NO_DEVICE
from dualwan.report import ports, trial
from dualwan.report.data import (
    LearnedData,
    MapeData,
    SliceData,
    SoftwireData,
    StatusData,
    TrialData,
)
from dualwan.report.findings import as_data as findings_data
from dualwan.report.findings import lines as findings_lines
from dualwan.report.verdict import Verdict, verdict
from dualwan.result import Plan

_NOT_WATCHED = "not running: only events and the command mend (dualwan-watch.service)"


def usage(host: Host, plan: Plan) -> Usage | None:
    """Return the usage of the port set; None without one, or without the permission."""
    softwire = plan.line.softwire
    if softwire is None or softwire.port_set is None:
        return None
    found = host.flows_from(str(softwire.ipv4))
    if found is None:
        return None
    losses = plan.state.losses
    for one in slices.ALL:
        if one.table and one.counts:
            losses += one.counts.losses(*host.counts(one.table, one.counts.elements))
    return Usage(found, losses)


def as_data(  # noqa: PLR0913 - each is a part of what status shows
    config: Config,
    plan: Plan,
    used: Usage | None = None,
    findings: Sequence[Finding] = (),
    unnamed: Mapping[str, int] | None = None,
    *,
    watched: bool = False,
    tried: TrialData | None = None,
) -> StatusData:
    """Return the data of --json.

    ``plan``: of Event.APPLY; ``used``: the usage of the port set; ``unnamed``: dropped packets by
    device that no section names; ``watched``: whether a watcher runs; ``tried``: see report.trial.
    """
    seen, softwire = plan.observed, plan.line.softwire
    pppoe, session = config.pppoe, of_kind(plan.line.ways, Kind.PPP)[0].device
    by_name = {item.name: item for item in plan.slices}
    answer = verdict(config, plan, findings)
    return {
        "works": answer.works,
        "cause": answer.cause,
        "wan": {
            "interface": config.wan.interface,
            "up": seen.is_up(config.wan.interface),
            "ipv6-default-route": seen.ipv6_default,
        },
        "mape": _mape(config, plan),
        "pppoe": {
            "peer": pppoe.peer,
            "interface": pppoe.interface if session == NO_DEVICE else session,
            "up": seen.is_up(session),
            "address": seen.address_of(session) or None,
        },
        "ports": ports.as_data(softwire, used) if used else None,
        "watcher": watched,
        "trial": tried,
        "waiting": _waiting(config, plan, watched=watched),
        "slices": {one.name: _slice(by_name[one.name]) for one in slices.ALL},
        "learned": [_learned(cached, plan.line.prefix) for cached in plan.line.answers],
        "problems": list(plan.problems),
        "warnings": list(plan.warnings),
        "unseen": list(plan.unobserved),
        "unnamed": dict(unnamed or {}),
        "findings": findings_data(findings),
    }


def _waiting(config: Config, plan: Plan, *, watched: bool) -> list[str]:
    """Return what MAP-E waits for, as a sentence; none if it waits for nothing."""
    if not plan.line.missing or plan.line.prefix:
        return []
    then = "starts within a second then" if watched else "starts at the next event after that"
    return [f"MAP-E waits for a usable IPv6 prefix on {config.prefix_source}, and {then}"]


def _mape(config: Config, plan: Plan) -> MapeData:
    return {
        "mode": config.mape.mode,
        "tunnel": config.mape.tunnel,
        "up": plan.observed.is_up(config.mape.tunnel),
        "prefix": plan.line.prefix or None,
        **_softwire(plan.line.softwire),
    }


def _softwire(softwire: Softwire | None) -> SoftwireData:
    if softwire is None:
        return {"ipv4": None}
    ends: SoftwireData = {
        "ipv4": str(softwire.ipv4),
        "ce": str(softwire.ce),
        "br": str(softwire.br),
        "origin": softwire.origin,
    }
    if (shared := softwire.port_set) is None:
        return ends
    return {
        **ends,
        "psid": shared.psid,
        "psid-offset": shared.psid_offset,
        "psid-length": shared.psid_length,
        "ports": len(shared),
        "ranges": [list(pair) for pair in shared.ranges()],
    }


def _learned(cached: CachedAnswer, prefix: str) -> LearnedData:
    covers = False
    if prefix:
        with suppress(MapeError):
            ce_parameters(cached.answer, prefix)
            covers = True
    return {
        "source": cached.source,
        "origin": cached.origin,
        "service": cached.answer.name,
        "prefix": cached.prefix,
        "age": cached.age,
        "ttl": cached.answer.ttl,
        "covers": covers,
    }


def _age(seconds: int) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _slice(item: SlicePlan) -> SliceData:
    if item.unobserved:
        state = "unknown"
    elif not item.changes:
        state = "in order"
    elif all(step.sign in ("+", "~") for step in item.changes) and not any(
        step.sign == "=" for step in item.steps
    ):
        state = "absent"
    else:
        state = "differs"
    return {"state": state, "pending": [f"{step.sign} {step.text}" for step in item.changes]}


def text(data: StatusData) -> str:
    """Return the status as lines for a person."""
    wan, mape, pppoe = data["wan"], data["mape"], data["pppoe"]
    rows = [
        (
            "WAN",
            f"{wan['interface']} {_up(wan['up'])}, "
            + (
                "IPv6 default route there" if wan["ipv6-default-route"] else "no IPv6 default route"
            ),
        ),
        ("MAP-E", f"{mape['tunnel']} {_up(mape['up'])}, " + _mape_words(mape)),
        (
            "PPPoE",
            f"{pppoe['interface']} {_up(pppoe['up'])}, "
            + (pppoe["address"] or "no address")
            + f", peer {pppoe['peer']}",
        ),
    ]
    lines = [Verdict(data["works"], data["cause"]).text]
    lines += [f"{name:9}{value}" for name, value in rows]
    lines += [
        f"{'learned':9}by {item['source']} from {item['origin']}, "
        f"{_age(item['age'])} ago, for {item['prefix']}"
        + ("" if item["covers"] else ": does not cover the prefix")
        for item in data["learned"]
    ]
    lines += [f"{name:9}{value}" for name, value in ports.rows(data["ports"])]
    for name, item in data["slices"].items():
        lines.append(f"{name:9}{item['state']}")
        lines += [f"           {line}" for line in item["pending"]]
    lines += [f"{'watcher':9}" + ("running" if data["watcher"] else _NOT_WATCHED)]
    if data["trial"]:
        lines += [f"{'try':9}" + trial.words(data["trial"])]
    lines += [f"waiting: {line}" for line in data["waiting"]]
    lines += [f"problem: {line}" for line in data["problems"]]
    lines += [f"warning: {line}" for line in data["warnings"]]
    lines += [f"not seen: {line}" for line in data["unseen"]]
    lines += findings_lines(data["findings"])
    return "\n".join(lines)


def _mape_words(mape: MapeData) -> str:
    if mape["ipv4"] is None:
        return "no address yet"
    ports = f"{mape['ports']} ports (PSID {mape['psid']})" if "ports" in mape else mape["mode"]
    return f"{mape['ipv4']}, {ports}, border relay {mape['br']}, by {mape['origin']}"


def _up(value: bool) -> str:
    return "up" if value else "down"
