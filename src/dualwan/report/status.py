"""The status of the router: as data for programs, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from dualwan import slices
from dualwan.config import Config
from dualwan.config.ways import device
from dualwan.errors import MapeError
from dualwan.host.api import Host
from dualwan.line.provisioning.answer import CachedAnswer, ce_parameters
from dualwan.line.role import stands_by
from dualwan.model.finding import Finding
from dualwan.model.log import LogLine, last_event
from dualwan.model.plan import SlicePlan
from dualwan.model.usage import Usage
from dualwan.model.way import Kind, Softwire, Way, of_kind
from dualwan.ppp.session import NO_DEVICE, NO_DEVICES
from dualwan.report import opened, ports, zones
from dualwan.report.data import (
    LastData,
    LearnedData,
    MapeData,
    SliceData,
    SoftwireData,
    StatusData,
    TrialData,
    WayData,
)
from dualwan.report.findings import as_data as findings_data
from dualwan.report.status_text import text
from dualwan.report.verdict import verdict
from dualwan.result import Plan
from dualwan.words import say

__all__ = ["as_data", "text", "usage"]


def usage(host: Host, plan: Plan) -> Usage | None:
    """Return the usage of the port set; None without one, or without the permission."""
    softwire = plan.line.softwire
    if softwire is None or softwire.port_set is None or stands_by(plan.config, plan.state):
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
    unseen: Sequence[str] = (),
    log: Sequence[LogLine] | None = None,
) -> StatusData:
    """Return the data of --json.

    ``plan``: of Event.APPLY; ``used``: the usage of the port set; ``unnamed``: dropped packets by
    device that no section names; ``watched``: whether a watcher runs; ``tried``: see report.trial;
    ``unseen``: sentences about what only root may see. ``log``: its last lines, None if they
    cannot be read.
    """
    seen, softwire = plan.observed, plan.line.softwire
    pppoe, session = config.pppoe, of_kind(plan.line.ways, Kind.PPP)[0].device
    by_name = {item.name: item for item in plan.slices}
    answer = verdict(config, plan, findings)
    return {
        "works": answer.works,
        "role": answer.role or None,
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
        "ways": [_way(config, plan, way) for way in plan.line.ways if way.name in config.ways],
        "ports": ports.as_data(softwire, used) if used else None,
        "watcher": watched,
        "trial": tried,
        "waiting": _waiting(config, plan, watched=watched),
        "slices": {
            one.name: _slice(item)
            for one in slices.ALL
            if (item := by_name[one.name]).steps or not one.optional
        },
        "learned": [_learned(cached, plan.line.prefix) for cached in plan.line.answers],
        "problems": list(plan.problems),
        "warnings": list(plan.warnings),
        "unseen": [*plan.unobserved, *unseen],
        "unnamed": dict(unnamed or {}),
        "findings": findings_data(findings),
        "open": opened.as_data(config, () if stands_by(config, plan.state) else plan.line.ways),
        "zones": zones.as_data(config),
        "last": _last(log or ()),
    }


def _last(log: Sequence[LogLine]) -> LastData | None:
    found = last_event(log)
    if found is None:
        return None
    at = datetime.fromtimestamp(found.time, UTC).astimezone()
    return {
        "event": found.event,
        "time": at.isoformat(timespec="seconds"),
        "changes": found.changes,
        "failure": found.failure,
    }


def _waiting(config: Config, plan: Plan, *, watched: bool) -> list[str]:
    """Return the sentence about the server that MAP-E waits for; [] if it waits for none."""
    if not plan.line.missing or plan.line.prefix or stands_by(config, plan.state):
        return []
    then = (
        say("starts within a second then")
        if watched
        else say("starts at the next event after that")
    )
    return [
        say(
            "MAP-E waits for a usable IPv6 prefix on {prefix_source}, and {then}",
            prefix_source=config.prefix_source,
            then=then,
        )
    ]


def _mape(config: Config, plan: Plan) -> MapeData:
    return {
        "mode": config.mape.mode,
        "tunnel": config.mape.tunnel,
        "up": plan.observed.is_up(config.mape.tunnel),
        "prefix": plan.line.prefix or None,
        **_softwire(plan.line.softwire),
    }


def _way(config: Config, plan: Plan, way: Way) -> WayData:
    asked = config.ways[way.name]
    return {
        "name": way.name,
        "type": asked.mode,
        "interface": device(asked) if way.device in NO_DEVICES else way.device,
        "up": plan.observed.is_up(way.device),
        "address": plan.observed.address_of(way.device) or None,
        "peer": way.peer or None,
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
