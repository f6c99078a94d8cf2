"""A report on another machine: its plan, its diagnosis, a golden case; and what is none."""

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from case_of_report import main, write
from doctor_cases import Doctored
from golden_cases import plan_case, plan_cases
from hypothesis import example, given, settings
from hypothesis import strategies as st
from machine import Machine
from reports import ABOUT, DERIVED, KEY, PREFIX, made

from dualwan.errors import ConfigError, HostError
from dualwan.model.event import Event
from dualwan.model.plan import Step
from dualwan.planning import make_plan
from dualwan.recording import dossier
from dualwan.report import plan as plan_report


def test_the_commands_replay_a_file(run, machine, tmp_path):
    """The lines that the report has, on any machine, and nothing is changed."""
    run()
    machine.flush_ruleset()
    target = tmp_path / "report.json"
    assert run("report", "--output", str(target)) == (0, "", "")
    assert target.stat().st_mode & 0o777 == 0o600
    found = json.loads(target.read_text())
    machine.state = Machine("other0").state
    machine.applied.clear()
    code, out, err = run("--dry-run", "--from", str(target))
    assert (code, out.splitlines(), err) == (0, found["plan"], "")
    assert run("--dry-run", "--exit-code", "--from", str(target))[0] == 1
    code, out, err = run("doctor", "-v", "--from", str(target))
    assert (code, out.splitlines(), err) == (1, found["doctor"], "")
    data = json.loads(run("doctor", "--json", "--from", str(target))[1])
    assert len(data["checks"]) == len(found["doctor"])
    assert "snat:" in run("--dry-run", "--slice", "snat", "--from", str(target))[1]
    assert machine.applied == []


@pytest.mark.parametrize(
    "argv",
    [("--from", "f"), ("--from", "f", "status"), ("--from", "f", "--dry-run", "down")],
)
def test_from_goes_with_the_dry_run_and_doctor(run, argv):
    """With nothing else."""
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert "--from" in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("", "is no report"),
        ("[]", "is no report"),
        ('{"dualwan-hook report": 99}', "of another form"),
        ('{"dualwan-hook report": 1, "recording": {}, "configuration": {}}', "is no whole report"),
        ("[" * 100000, "is no report"),
    ],
)
def test_what_is_no_report_is_refused(run, tmp_path, text, says):
    """With its name, and exit code 3."""
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    code, out, err = run("--dry-run", "--from", str(path))
    assert (code, out) == (3, "")
    assert err.startswith(f"dualwan-hook: {path}: ")
    assert says in err


def leaves(data, path=()):
    """Yield the place of each value in ``data``."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


def has(data, key):
    """Whether ``data`` has a value at ``key``."""
    if isinstance(data, list):
        return isinstance(key, int) and key < len(data)
    return isinstance(data, dict) and key in data


WHOLE = made(Doctored())
PLACES = [*leaves({key: WHOLE[key] for key in ("configuration", "recording")})]
GARBAGE = (None, True, -1, 1 << 70, 1.5, "", "x", "::", "0.0.0.0/0", "\n", [], {}, [[]])


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(GARBAGE)), min_size=1))
@example([(("configuration",), None), (("recording",), None)])
@settings(max_examples=40)
def test_a_garbled_report_is_refused_or_read(changes):
    """It comes from a stranger: whatever it has in it ends in one line."""
    data = json.loads(json.dumps(WHOLE))
    for (*way, last), garbage in changes:
        inner = data
        for key in way:
            inner = inner[key] if has(inner, key) else None
        if has(inner, last):
            inner[last] = garbage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_text(json.dumps(data))
        with suppress(ConfigError):
            dossier.diagnosed(dossier.read(path))


def test_a_recording_cannot_be_changed():
    """Whatever is asked of it."""
    replay = dossier.replayed("f", made(Doctored()))
    step = next(
        one
        for item in make_plan(replay.config, replay.host, Event.REMOVE).slices
        for one in item.steps
    )
    assert isinstance(step, Step)
    with pytest.raises(HostError, match="this is a recording"):
        replay.host.apply(step)


def test_a_report_becomes_a_golden_case(tmp_path):
    """With the same plan, and what another program did to a table."""
    it = Doctored(DERIVED, (PREFIX,))
    tables = (replace(one, intact="snat" not in one.name) for one in it.host.state.tables)
    it.host.state = replace(it.host.state, tables=tuple(tables))
    found = made(it)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(found))
    assert write(path, "edited", "Somebody has edited a table.", tmp_path) == ""
    case = plan_case("edited", tmp_path)
    plan = make_plan(case.config, case.host(), case.event)
    assert plan_report.lines(plan) == [
        line for line in found["plan"] if not line.startswith(("warning", "obstacle"))
    ]
    assert "edited = true" in (tmp_path / "edited" / "case.toml").read_text()


def test_each_golden_case_of_an_apply_can_be_made_of_its_report(tmp_path):
    """What is written down can be said again."""
    for case in plan_cases():
        if case.event is Event.APPLY and case.observed.tables is not None:
            found = dossier.make(case.config, case.host(), (), ABOUT, KEY)
            path = tmp_path / f"{case.name}.json"
            path.write_text(json.dumps(found))
            assert write(path, case.name, "Again.", tmp_path) == "", case.name


def test_make_case_says_what_is_missing(tmp_path):
    """The file, or another name."""
    assert "FROM=FILE" in main("")
    assert "cannot be read" in main(str(tmp_path / "none.json"))
