"""The file of `report`: made of a machine, and read again on any machine."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dualwan import __version__, catalogue
from dualwan import doctor as checks
from dualwan.config import Config, from_text
from dualwan.config.mape import MapE
from dualwan.doctor.inquiry import inquiry
from dualwan.errors import ConfigError, DualwanError
from dualwan.findings import find
from dualwan.host import store
from dualwan.host.api import Host
from dualwan.mape.table import RuleTable, load_table
from dualwan.model.event import Event
from dualwan.model.finding import Finding
from dualwan.model.plan import shortened
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.planning import make_plan
from dualwan.recording import codec, owner, tables
from dualwan.recording.machine import Recorder, Recording, ReplayHost
from dualwan.recording.scrub import HIDDEN, without_comments
from dualwan.report import doctor as doctor_report
from dualwan.report import plan as plan_report
from dualwan.report import rules
from dualwan.words import listed, say

FORM = 1  # version of the file; others are not read
MAX_FILE = 1 << 24  # bytes
_FORM_KEY = "dualwan-hook report"
_SCRIPT = re.compile(r"(?<!\S)(?:MODE=\w+|\S*\.sh)(?!\S)")
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
_SHOWN = ("firewall", "snat", "pbr")


@dataclass(frozen=True)
class Replay:
    """The machine of a report. rules: of MAP-E, for the diagnosis."""

    config: Config
    host: Host
    findings: tuple[Finding, ...]
    rules: RuleTable | None


@dataclass(frozen=True)
class About:
    """The parts of a report that a plan or a diagnosis does not need.

    log: None if it could not be read. present, errors: the text of the present configuration and
    its errors, if another one or none is in use. rules: of MAP-E, None for those of the package.
    """

    release: str
    kernel: str
    programs: dict[str, str]
    log: Sequence[str] | None = None
    present: str = ""
    errors: Sequence[str] = ()
    rules: RuleTable | None = None


def make(
    config: Config | None,
    host: Host,
    findings: tuple[Finding, ...],
    about: About,
    key: bytes | None = None,
) -> dict[str, Any]:
    """Return the report of a machine, in English; raises KernelError.

    English, because only addresses that are separate words are masked, which Japanese text would
    not have. ``config``: the one that events use, None for none; ``findings``: about the present
    one. ``key``: of the mask, for tests.
    """
    with catalogue.english():
        return _made(config, host, findings, about, key)


def _made(
    config: Config | None,
    host: Host,
    findings: tuple[Finding, ...],
    about: About,
    key: bytes | None,
) -> dict[str, Any]:
    key, table = key or secrets.token_bytes(32), about.rules or load_table({})
    recording, state, said, inner = _look(config, host, findings, table)
    hide = owner.scrub(key, config, recording, state, table)
    found = hide.data(
        {
            "release": about.release,
            "kernel": about.kernel,
            "programs": about.programs,
            "configuration": _configuration(config, about, table),
            **said,
            "log": about.log,
            "recording": inner,
        }
    )
    report = {_FORM_KEY: FORM, "version": __version__, **found}
    differences = _differences(report)
    del report["unlike"]
    return {**report, "differences": differences}


def _configuration(config: Config | None, about: About, table: RuleTable) -> dict[str, Any]:
    """Return the texts of the configuration and of rules.d, without comments."""
    own = config.mape.rules if config and isinstance(config.mape, MapE) else None
    found: dict[str, Any] = {"errors": list(about.errors)}
    if about.present:
        found["present"] = without_comments(about.present).splitlines()
    if config:
        found |= {
            "file": config.path,
            "lines": without_comments(config.text).split("\n"),
            "rules": {
                name: without_comments(text).split("\n")
                for name, text in (own or table).texts.items()
            },
        }
    return found


def _look(
    config: Config | None, host: Host, findings: tuple[Finding, ...], table: RuleTable
) -> tuple[Recording, RunState, dict[str, Any], Any]:
    """Return the recording and the outputs made of it: the plan, the tables, the diagnosis."""
    recorder = Recorder(host)
    if config is None:
        recorder.load_state()
        said: dict[str, Any] = dict.fromkeys(("plan", "down", "doctor", "tables"))
        said["unlike"] = []
        return recorder.recording, recorder.state, said, None
    plan = make_plan(config, recorder.as_host, Event.APPLY)
    around = _without_arguments(host.surroundings(config))
    seen = host.evidence(inquiry(config, plan))
    recording = replace(recorder.recording, surroundings=around, evidence=seen, findings=findings)
    # Without digests, whose input can be guessed and tried.
    state = replace(recorder.state, findings=(), notified_of={}, applied="")
    by_name = tables.wanted(plan)
    replay = Replay(config, ReplayHost(recording, state, recorder.loaded), findings, table)
    inner = {
        "state": store.encode(state),
        "tables": tables.encode(recorder.loaded, by_name),
        **codec.encode(recording),
    }
    said = {**said_of(replay), "tables": _tables(replay)}
    live = plan_report.text(plan, find(config, around), everything=True)
    said["unlike"] = [] if live.splitlines() == said["plan"] else ["the recording"]
    return recording, state, said, inner


def _without_arguments(around: Surroundings) -> Surroundings:
    """Return ``around`` with only the names of scripts in interfaces(5), without arguments."""
    lines = (
        one._replace(command=" ".join(_SCRIPT.findall(one.command)) or HIDDEN)
        for one in around.traces.lines
    )
    return replace(around, traces=around.traces._replace(lines=tuple(lines)))


def said_of(replay: Replay) -> dict[str, Any]:
    """Return the lines of the plans and of the diagnosis, as the commands print them."""
    found = find(replay.config, replay.host.surroundings(replay.config))
    plan = make_plan(replay.config, replay.host, Event.APPLY)
    down = make_plan(replay.config, replay.host, Event.REMOVE)
    return {
        "plan": plan_report.text(plan, found, everything=True).splitlines(),
        "down": plan_report.text(down, (), everything=True).splitlines(),
        "doctor": doctor_report.text(diagnosed(replay), everything=True).splitlines(),
    }


def _tables(replay: Replay) -> dict[str, Any]:
    plan = make_plan(replay.config, replay.host, Event.APPLY)
    return {
        name: [
            shortened(line.replace("\t", "  "))
            for line in rules.text(rules.as_data(plan, name)).splitlines()
        ]
        for name in _SHOWN
    }


def diagnosed(replay: Replay) -> tuple[checks.Outcome, ...]:
    """Return the diagnosis of ``replay``."""
    plan = make_plan(replay.config, replay.host, Event.APPLY)
    seen = replay.host.evidence(inquiry(replay.config, plan))
    found = (*replay.findings, *find(replay.config, replay.host.surroundings(replay.config)))
    return checks.diagnose(checks.Case(replay.config, plan, seen, found, replay.rules))


def _differences(report: dict[str, Any]) -> list[str]:
    """Return the outputs in ``report`` that a replay does not reproduce, or why it cannot run.

    Steps that are in the order of their addresses are in another one with masked addresses.
    """
    if report["recording"] is None:
        return []
    try:
        again = said_of(replayed("report", json.loads(json.dumps(report))))
    except DualwanError as error:
        return [f"it cannot be replayed: {error}"]
    unlike = (name for name, lines in again.items() if sorted(lines) != sorted(report[name]))
    return [*report["unlike"], *unlike]


def read(path: Path) -> Replay:
    """Return the machine of the report ``path``; raises ConfigError."""
    try:
        with path.open(encoding="utf-8") as file:
            data = json.loads(file.read(MAX_FILE))
    except OSError as error:
        raise ConfigError(
            say("{path}: cannot be read: {reason}", path=path, reason=error.strerror)
        ) from None
    except (ValueError, RecursionError):
        raise ConfigError(say("{path}: is no report of dualwan-hook", path=path)) from None
    found = replayed(str(path), data)
    try:  # a stranger's values may have the right types and still make no sense
        said_of(found)
    except _BROKEN as error:
        raise ConfigError(
            say("{path}: is no report of a machine: {error!r:.100}", path=path, error=error)
        ) from None
    return found


def replayed(name: str, data: Any) -> Replay:
    """Return the machine of a report's ``data``, from the file ``name``; raises ConfigError."""
    if not isinstance(data, dict) or data.get(_FORM_KEY) != FORM:
        raise ConfigError(
            say("{path}: is no report of dualwan-hook, or one of another form", path=name)
        )
    try:
        if data.get("recording") is not None:
            return _replay(data["configuration"], dict(data["recording"]))
        errors = [*map(str, data.get("configuration", {}).get("errors", ()))]
    except ConfigError:
        raise
    except _BROKEN as error:
        raise ConfigError(
            say("{path}: is no whole report: {error!s:.200}", path=name, error=error)
        ) from None
    raise ConfigError(
        say(
            "{path}: has no configuration in use: {errors}",
            path=name,
            errors=listed("; ", errors),
        )
    )


def _replay(texts: Any, data: dict[str, Any]) -> Replay:
    beside = {str(name): "\n".join(lines) for name, lines in texts["rules"].items()}
    config = from_text(str(texts["file"]), "\n".join(texts["lines"]), beside)
    state = store.decode(data.pop("state"))
    loaded = data.pop("tables")
    recording: Recording = codec.decode(Recording, data)
    bare = make_plan(config, ReplayHost(recording, state, ()), Event.APPLY)
    kept = tables.decode(loaded, tables.wanted(bare))
    return Replay(
        config, ReplayHost(recording, state, kept), recording.findings, load_table(beside)
    )
