"""The status as lines for a person. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from dualwan.report import findings, opened, ports, trial, zones
from dualwan.report.data import LastData, LearnedData, MapeData, StatusData, WayData
from dualwan.report.terminal import PLAIN, Line, Terminal, Tone, render
from dualwan.report.verdict import Verdict
from dualwan.words import listed, say

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_NOT_WATCHED = say("not running: only events and the command mend (dualwan-watch.service)")
_STATES = {  # of a slice
    "in order": (say("in order"), Tone.GOOD),
    "absent": (say("absent"), Tone.BAD),
    "differs": (say("differs"), Tone.BAD),
    "unknown": (say("unknown"), Tone.DOUBT),
}


def text(data: StatusData, terminal: Terminal = PLAIN, now: datetime | None = None) -> str:
    """Return the status as lines for a person; ``now``: the time of day."""
    lines = [Verdict(data["works"], data["cause"], data["role"] or "").line, *_ways(data)]
    lines += map(_learned_line, data["learned"])
    lines += ports.lines(data["ports"], terminal)
    lines += [Line(say("open"), words) for words in opened.words(data["open"])]
    lines += [Line(say("zone"), zones.words(one)) for one in data["zones"]]
    for name, item in data["slices"].items():
        lines.append(Line(name, *_STATES[item["state"]]))
        lines += [Line("", f"  {line}") for line in item["pending"]]
    lines.append(
        Line(say("watcher"), say("running"), Tone.GOOD)
        if data["watcher"]
        else Line(say("watcher"), _NOT_WATCHED, Tone.DOUBT)
    )
    if data["trial"]:
        lines.append(Line(say("try"), trial.words(data["trial"]), Tone.DOUBT))
    if data["last"]:
        lines.append(_last_line(data["last"], now or datetime.now(UTC)))
    lines += [Line(say("waiting:"), words, Tone.DOUBT) for words in data["waiting"]]
    lines += [Line(say("problem:"), words, Tone.BAD) for words in data["problems"]]
    lines += [Line(say("warning:"), words, Tone.DOUBT) for words in data["warnings"]]
    lines += [Line(say("not seen:"), words, Tone.DOUBT) for words in data["unseen"]]
    lines += [Line(say("obstacle:"), findings.text(one), Tone.BAD) for one in data["findings"]]
    return render(lines, terminal)


def _learned_line(item: LearnedData) -> Line:
    words = say(
        "by {source} from {origin}, {age} ago, for {prefix}",
        source=item["source"],
        origin=item["origin"],
        age=_age(max(0, item["age"])),  # the clock may have been set back since
        prefix=item["prefix"],
    )
    if item["covers"]:
        return Line(say("learned"), words)
    return Line(say("learned"), words + say(": does not cover the prefix"), Tone.DOUBT)


def _ways(data: StatusData) -> list[Line]:
    wan, mape, pppoe = data["wan"], data["mape"], data["pppoe"]
    there = wan["ipv6-default-route"]
    route = say("IPv6 default route there") if there else say("no IPv6 default route")
    peer = say("peer {peer}", peer=pppoe["peer"])
    rows: tuple[tuple[str, list[str], object], ...] = (
        ("WAN", [_device(wan["interface"], wan["up"]), route], wan["up"] and there),
        ("MAP-E", [_device(mape["tunnel"], mape["up"]), *_mape_words(mape)], _works(mape)),
        (
            "PPPoE",
            [
                _device(pppoe["interface"], pppoe["up"]),
                pppoe["address"] or say("no address"),
                peer,
            ],
            pppoe["address"],
        ),
        *((one["name"], _way_words(one), one["up"] and one["address"]) for one in data["ways"]),
    )
    absent = Tone.NONE if data["role"] == "standby" else Tone.DOUBT  # a standby has none by intent
    return [
        Line(name, listed(", ", words), Tone.GOOD if is_up else absent)
        for name, words, is_up in rows
    ]


def _way_words(way: WayData) -> list[str]:
    last = say("peer {peer}", peer=way["peer"]) if way["peer"] else opened.NAMES[way["type"]]
    return [_device(way["interface"], way["up"]), way["address"] or say("no address"), last]


def _device(name: str, up: bool) -> str:
    return say("{device} up", device=name) if up else say("{device} down", device=name)


def _works(mape: MapeData) -> bool:
    return bool(mape["up"] and mape["ipv4"])


def _last_line(last: LastData, now: datetime) -> Line:
    at = datetime.fromisoformat(last["time"])
    ago = _age(max(0, int((now - at).total_seconds())))
    number = last["changes"]
    steps = say("1 change") if number == 1 else say("{number} changes", number=number)
    result = last["failure"] or (steps if number else say("done"))
    return Line(
        say("last"),
        say(
            "{event} at {at:%Y-%m-%d %H:%M:%S}, {ago} ago: {result}",
            event=last["event"],
            at=at,
            ago=ago,
            result=result,
        ),
        Tone.BAD if last["failure"] else Tone.GOOD,
    )


def _mape_words(mape: MapeData) -> list[str]:
    if mape["ipv4"] is None:
        return [say("no address yet")]
    ports = (
        say("{ports} ports (PSID {psid})", ports=mape["ports"], psid=mape["psid"])
        if "ports" in mape
        else mape["mode"]
    )
    return [
        mape["ipv4"],
        ports,
        say("border relay {br}", br=mape["br"]),
        say("by {origin}", origin=mape["origin"]),
    ]


def _age(seconds: int) -> str:
    if seconds >= 2 * _DAY:
        return say("{number} days", number=seconds // _DAY)
    if seconds >= 2 * _HOUR:
        return say("{number} hours", number=seconds // _HOUR)
    if seconds >= 2 * _MINUTE:
        return say("{number} minutes", number=seconds // _MINUTE)
    return say("{number} s", number=seconds)
