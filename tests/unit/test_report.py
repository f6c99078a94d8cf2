"""The command `report`: what is in the file, what is not, and whether it says the same again."""

import json
import re
from dataclasses import replace

import pytest
from broken_lines import CASES
from doctor_cases import BASE, Doctored
from golden_cases import GOLDEN, compare, plan_cases
from reports import ABOUT, KEY, SESSION, made, owner

from dualwan import catalogue, doctor
from dualwan.errors import ConfigError
from dualwan.mape.table import load_table
from dualwan.model.event import Event
from dualwan.model.log import LogLine
from dualwan.planning import make_plan
from dualwan.recording import dossier
from dualwan.report import plan as plan_report
from dualwan.words import say


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


SECRETS = ("hunter2", "guest@", "me@x", "guest-account-7", "02:11:22:33:44", "02-11-22-33-44")
OF_WAYS = ("2404:8e01:77:", "153.151.6.", "a1b2:c3d4", "153.152.9.", "133.6.7.", "133.7.8.")


def test_nothing_of_the_owner_is_in_it():
    """No address of the line, the session, the LAN or a friend, no name and no secret."""
    it = owner()
    it.host.run_state = replace(it.host.run_state, notified_of={"fixed": "0123456789ab"})
    plan = make_plan(it.config, it.host, Event.APPLY)
    softwire = plan.line.softwire
    log = [f"+ address {softwire.ipv4} (cause=apply)", f"password=hunter2 {SESSION}"]
    found = made(it, replace(ABOUT, log=log))
    assert found["differences"] == []
    text = json.dumps(found)
    addresses = (
        SESSION,
        str(softwire.ipv4),
        str(softwire.ce),
        "133.4.5.",
        "5c71:af00",
        "0123456789ab",
    )
    for word in (*SECRETS, *addresses, *OF_WAYS, '"192.168.1.1"'):
        assert word not in text, word
    assert "/etc/ppp/peers/dsl-provider:3" in text
    assert "/etc/network/interfaces:7 runs MODE=start /root/mape.sh, which" in text


def test_it_is_english_in_any_language(japanese):
    """Its reader has another one; and in a Japanese sentence an address would not be masked."""
    assert japanese
    there = made(owner())
    assert catalogue.shown(say("all is well")) != "all is well"
    catalogue.end()
    assert there == made(owner())


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
    said = dossier.said_of(dossier.replayed("f", found))
    assert "\x1b" not in "".join(line for lines in said.values() for line in lines)
    assert [line[:3] for line in said["plan"]] == [
        line[:3] for line in plan_report.text(plan, (), everything=True).splitlines()
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


def test_a_log_that_cannot_be_read_is_none(run, machine):
    """And one that can has its lines with their times."""
    machine.logged = None
    assert json.loads(run("report")[1])["log"] is None
    machine.logged = (LogLine(0.0, 1, False, "+ rule (cause=apply slice=pbr)"),)
    assert json.loads(run("report")[1])["log"] == [
        "1970-01-01T00:00:00Z + rule (cause=apply slice=pbr)"
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_order_of_masked_addresses_is_no_difference(number):
    """The flows of several ways are forgotten in the order of their addresses."""
    way = '[way.w{0}]\ntype = "ipip"\nbr = "2001:db8::{0}"\nipv4 = "153.151.6.{0}"\nce = "{1}{0}"\n'
    ways = "".join(way.format(one, "2001:db8:0:100::") for one in range(10, 15))
    found = made(Doctored(BASE + ways), key=bytes([number]) * 32)
    assert sum("conntrack entries of 153." in line for line in found["down"]) == 5
    assert found["differences"] == []
