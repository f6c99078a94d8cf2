"""The status of the router: as data for programs, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from dualwan import slices
from dualwan.config import Config
from dualwan.errors import MapeError
from dualwan.host.api import Host
from dualwan.line.provisioning.answer import CachedAnswer, ce_parameters
from dualwan.model.finding import Finding
from dualwan.model.log import LogLine, last_event
from dualwan.model.plan import SlicePlan
from dualwan.model.usage import Usage
from dualwan.model.way import Kind, Softwire, of_kind
from dualwan.ppp.session import NO_DEVICE
from dualwan.report import opened, ports, trial
from dualwan.report.data import (
    LastData,
    LearnedData,
    MapeData,
    SliceData,
    SoftwireData,
    StatusData,
    TrialData,
)
from dualwan.report.findings import as_data as findings_data
from dualwan.report.terminal import PLAIN, Line, Terminal, Tone, render
from dualwan.report.verdict import Verdict, verdict
from dualwan.result import Plan

_NOT_WATCHED = "not running: only events and the command mend (dualwan-watch.service)"
_TONES = {
    "in order": Tone.GOOD,
    "absent": Tone.BAD,
    "differs": Tone.BAD,
    "unknown": Tone.DOUBT,
}


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
        "unseen": [*plan.unobserved, *unseen],
        "unnamed": dict(unnamed or {}),
        "findings": findings_data(findings),
        "open": opened.as_data(config, plan.line.ways),
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


def text(data: StatusData, terminal: Terminal = PLAIN, now: datetime | None = None) -> str:
    """Return the status as lines for a person; ``now``: the time of day."""
    lines = [Verdict(data["works"], data["cause"]).line, *_ways(data)]
    lines += [
        Line(
            "learned",
            f"by {item['source']} from {item['origin']}, "
            f"{_age(item['age'])} ago, for {item['prefix']}"
            + ("" if item["covers"] else ": does not cover the prefix"),
            Tone.NONE if item["covers"] else Tone.DOUBT,
        )
        for item in data["learned"]
    ]
    lines += ports.lines(data["ports"], terminal)
    lines += [Line("open", words) for words in opened.words(data["open"])]
    for name, item in data["slices"].items():
        lines.append(Line(name, item["state"], _TONES[item["state"]]))
        lines += [Line("", f"  {line}") for line in item["pending"]]
    lines.append(
        Line("watcher", "running", Tone.GOOD)
        if data["watcher"]
        else Line("watcher", _NOT_WATCHED, Tone.DOUBT)
    )
    if data["trial"]:
        lines.append(Line("try", trial.words(data["trial"]), Tone.DOUBT))
    if data["last"]:
        lines.append(_last_line(data["last"], now or datetime.now(UTC)))
    lines += [Line("waiting:", words, Tone.DOUBT) for words in data["waiting"]]
    lines += [Line("problem:", words, Tone.BAD) for words in data["problems"]]
    lines += [Line("warning:", words, Tone.DOUBT) for words in data["warnings"]]
    lines += [Line("not seen:", words, Tone.DOUBT) for words in data["unseen"]]
    lines += [
        Line("obstacle:", f"{one['seen']}: {one['remedy']}", Tone.BAD) for one in data["findings"]
    ]
    return render(lines, terminal)


def _ways(data: StatusData) -> list[Line]:
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
    up = (wan["up"] and wan["ipv6-default-route"], mape["up"] and mape["ipv4"], pppoe["address"])
    return [
        Line(name, words, Tone.GOOD if is_up else Tone.DOUBT)
        for (name, words), is_up in zip(rows, up, strict=True)
    ]


def _last_line(last: LastData, now: datetime) -> Line:
    at = datetime.fromisoformat(last["time"])
    ago = _age(max(0, int((now - at).total_seconds())))
    steps = f"{last['changes']} change" + ("" if last["changes"] == 1 else "s")
    result = last["failure"] or (steps if last["changes"] else "done")
    return Line(
        "last",
        f"{last['event']} at {at:%Y-%m-%d %H:%M:%S}, {ago} ago: {result}",
        Tone.BAD if last["failure"] else Tone.GOOD,
    )


def _mape_words(mape: MapeData) -> str:
    if mape["ipv4"] is None:
        return "no address yet"
    ports = f"{mape['ports']} ports (PSID {mape['psid']})" if "ports" in mape else mape["mode"]
    return f"{mape['ipv4']}, {ports}, border relay {mape['br']}, by {mape['origin']}"


def _up(value: bool) -> str:
    return "up" if value else "down"
