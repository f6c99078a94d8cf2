"""The command `report`: what is in the file, what is not, and its replay."""

import json
import re
from dataclasses import replace

import pytest
from broken_lines import CASES
from case_of_report import main, write
from doctor_cases import BASE, Doctored
from golden_cases import GOLDEN, plan_case, plan_cases
from machine import Machine
from machine import run as happen
from test_golden import compare

from dualwan import doctor
from dualwan.config import from_text
from dualwan.errors import ConfigError, HostError
from dualwan.mape.table import load_table
from dualwan.model.event import Event
from dualwan.model.log import LogLine
from dualwan.model.plan import Step
from dualwan.model.surroundings import OwnScript, ScriptLine
from dualwan.planning import make_plan
from dualwan.ppp.options import Option, PeerOptions
from dualwan.ppp.session import Pppd, Session
from dualwan.recording import dossier
from dualwan.report import plan as plan_report

KEY = b"a key of these tests, 32 bytes."
ABOUT = dossier.About("Debian", "6.12", {"nft": "1.1"}, ["2026 + rule (cause=apply slice=pbr)"])
DERIVED = re.sub(r'provider = "manual"\n(.+\n)+\[pppoe\]', "[pppoe]", BASE)
PREFIX, SESSION = "2400:4050:5c71:af00::/64", "153.150.3.77"


def made(doctored, about=ABOUT, key=KEY):
    """Return the report of a machine, through its text."""
    doctored.host.seen = doctored.evidence
    found = dossier.make(doctored.config, doctored.host, doctored.findings, about, key)
    return json.loads(json.dumps(found))


def results(outcomes):
    """Return what doctor says, check by check."""
    return [(one.check.name, one.answer.result, one.because) for one in outcomes]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_a_broken_line_is_as_broken_at_a_replay(case):
    """The same plan and the same diagnosis, word by word but for the addresses."""
    it = case.made()
    found = made(it)
    assert found["differences"] == []
    replay = dossier.replayed("f", found)
    plan = make_plan(it.config, it.host, Event.APPLY)
    seen = doctor.diagnose(doctor.Case(it.config, plan, it.evidence, it.findings, load_table({})))
    assert results(dossier.diagnosed(replay)) == results(seen)
    again = make_plan(replay.config, replay.host, Event.APPLY)
    assert [one.sign for item in again.slices for one in item.steps] == [
        one.sign for item in plan.slices for one in item.steps
    ]
    if plan.line.softwire:
        assert again.line.softwire.port_set == plan.line.softwire.port_set


def owner():
    """Return a router with addresses of an owner, and secrets wherever there may be some."""
    it = Doctored(DERIVED, (PREFIX,))
    machine = it.host
    machine.unplug("ppp0")
    machine.connect(SESSION)
    text = (
        it.config.text + '\n[firewall]\ninbound = [{ service = "ssh", from = ["133.4.5.0/24"] }]\n'
    )
    text += "# the password = hunter2 of guest@isp.example.jp\n"
    it.config = from_text("dualwan.toml", text, {})
    happen(machine, it.config, Event.APPLY)
    machine.ppp = (
        Session(
            "ppp0",
            Pppd(812, ("pppd", "call", "dsl-provider", "user", "guest@isp.example.jp")),
            SESSION,
        ),
    )
    options = (
        Option("user", "guest-account-7", "/etc/ppp/peers/dsl-provider:3"),
        Option("plugin", "rp-pppoe.so", "/etc/ppp/peers/dsl-provider:4"),
    )
    around = machine.around
    machine.around = replace(
        around,
        floods={"02:11:22:33:44:55": 7},
        traces=replace_line(around.traces, "MODE=start /root/mape.sh -u me:hunter2"),
        ppp=replace(around.ppp, peer=PeerOptions(options), clients=("guest-account-7",)),
        own_scripts=(
            OwnScript(
                "/etc/dualwan/hooks.d/50-ddns",
                "failed",
                "https://me:hunter2@ddns.example/update?token=hunter2 refused",
            ),
        ),
    )
    it.evidence = replace(
        it.evidence, ppp_log=(f"local  IP address {SESSION}", 'user="guest@isp.example.jp"')
    )
    return it


def replace_line(traces, command):
    """Return ``traces`` with a line of interfaces(5)."""
    return traces._replace(lines=(ScriptLine("/etc/network/interfaces", 7, command),))


SECRETS = ("hunter2", "guest@", "guest-account-7", "02:11:22:33:44:55")


def test_nothing_of_the_owner_is_in_it():
    """No address of the line, the session, the LAN or a friend, no name and no secret."""
    it = owner()
    plan = make_plan(it.config, it.host, Event.APPLY)
    softwire = plan.line.softwire
    log = [f"+ address {softwire.ipv4} (cause=apply)", f"password=hunter2 {SESSION}"]
    found = made(it, replace(ABOUT, log=log))
    assert found["differences"] == []
    text = json.dumps(found)
    addresses = (SESSION, str(softwire.ipv4), str(softwire.ce), "133.4.5.", "5c71:af00")
    for word in (*SECRETS, *addresses, '"192.168.1.1"'):
        assert word not in text, word
    assert "/etc/ppp/peers/dsl-provider:3" in text
    assert "/etc/network/interfaces:7 runs MODE=start /root/mape.sh, which" in text


def test_two_reports_have_other_addresses():
    """The key is a new one each time, and in no report."""
    first, second = (made(owner(), key=None) for _ in range(2))
    assert first["plan"] != second["plan"]
    assert [re.sub(r"\S*[.:]\S*", "x", line) for line in first["plan"]] == [
        re.sub(r"\S*[.:]\S*", "x", line) for line in second["plan"]
    ]


@pytest.mark.parametrize("case", plan_cases(), ids=lambda case: case.name)
def test_every_golden_machine_can_be_replayed(case):
    """As it is before an apply."""
    found = json.loads(json.dumps(dossier.make(case.config, case.host(), (), ABOUT, KEY)))
    assert found["differences"] == []
    plan = make_plan(case.config, case.host(), Event.APPLY)
    again = dossier.said_of(dossier.replayed("f", found))["plan"]
    assert [line[:3] for line in again] == [
        line[:3] for line in plan_report.text(plan, (), everything=True, colour=False).splitlines()
    ]


def test_the_file_is_as_written_down(run, machine, config, tmp_path, monkeypatch):
    """What a person reads in it; the recording and the rules are left out here."""
    del machine, config, tmp_path
    monkeypatch.setattr("secrets.token_bytes", lambda _: KEY)
    monkeypatch.setattr("dualwan.host.about.release", lambda: "Debian GNU/Linux 13 (trixie)")
    monkeypatch.setattr("dualwan.host.about.kernel", lambda: "6.12.1 x86_64")
    monkeypatch.setattr("dualwan.host.about.programs", lambda: {"nft": "nftables v1.1.3"})
    monkeypatch.setattr("dualwan.__version__", "0.0.0")
    monkeypatch.setattr("dualwan.recording.dossier.__version__", "0.0.0")
    code, out, err = run("report")
    assert (code, err) == (0, "")
    found = json.loads(out)
    shown = {
        key: value for key, value in found.items() if key not in {"recording", "tables", "doctor"}
    }
    shown["configuration"]["file"] = "dualwan.toml"
    compare(GOLDEN / "report" / "report.json", json.dumps(shown, indent=1) + "\n")


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


def test_a_report_of_a_wrong_configuration_has_its_errors(run, config):
    """All of them, and cannot be replayed; a reader is told why."""
    config.write_text(BASE.replace("psid = 1", "psid = -1").replace("dial = true", "dial = 7"))
    code, out, _ = run("report")
    found = json.loads(out)
    assert code == 0
    assert [line.split(": ")[1] for line in found["configuration"]["errors"]] == [
        "mape.psid",
        "pppoe.dial",
    ]
    assert (found["recording"], found["plan"]) == (None, None)
    assert found["configuration"]["present"][0] == "[wan]"
    with pytest.raises(ConfigError, match=r"f: has no configuration in use: .*mape\.psid"):
        dossier.replayed("f", found)


def test_a_report_while_an_earlier_configuration_is_in_use(run, config, machine):
    """Both are in it: what is in use is replayed, with the finding about the other."""
    run()
    before = config.read_text()
    config.write_text(before.replace("psid = 1", "psid = 99"))
    code, out, _ = run("report")
    found = json.loads(out)
    assert code == 0
    assert len(found["configuration"]["errors"]) == 1
    assert "psid = 99" in found["configuration"]["present"]
    assert machine.applied


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


def test_a_log_that_cannot_be_read_is_none(run, machine):
    """And one that can has its lines with their times."""
    machine.logged = None
    assert json.loads(run("report")[1])["log"] is None
    machine.logged = (LogLine(0.0, 1, False, "+ rule (cause=apply slice=pbr)"),)
    assert json.loads(run("report")[1])["log"] == [
        "1970-01-01T00:00:00Z + rule (cause=apply slice=pbr)"
    ]


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
