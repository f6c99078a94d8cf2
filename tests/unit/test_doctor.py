"""Doctor's checks: each cause alone is named by the first line, and a line that works by none."""

import json
from dataclasses import replace

import pytest
from broken_lines import CASES
from doctor_cases import BASE, CE, PREFIX, WORKS, Doctored, config_of

from dualwan import doctor
from dualwan.doctor import Result, inquiry
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.evidence import Heard
from dualwan.model.finding import Finding
from dualwan.planning import make_plan
from dualwan.report import doctor as report


def failing(outcomes):
    """Return the names of the checks that have failed."""
    return [one.check.name for one in outcomes if one.answer.result is Result.FAILED]


def test_a_line_that_works_has_nothing_to_say():
    """No line, nothing that could not be checked."""
    outcomes = Doctored().diagnose()
    assert report.text(outcomes) == ""
    assert doctor.is_well(outcomes)
    assert report.as_data(outcomes)["first"] is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_the_first_line_names_the_cause(case):
    """One cause, one failing check, with what was seen and what to do."""
    outcomes = case.made().diagnose()
    assert failing(outcomes)[:1] == [case.check]
    first = report.text(outcomes).splitlines()[0]
    assert first.startswith("failed")
    for word in case.words:
        assert word in first
    assert not doctor.is_well(outcomes)


def test_every_check_has_a_case():
    """Each check of the registry is the first to fail in one of them."""
    names = {"way.NAME" if case.check.startswith("way.") else case.check for case in CASES}
    assert names == {check.name for check in doctor.ALL}


def test_names_are_unique_and_needs_come_before():
    """A check can ask only for what was looked at already."""
    before = set()
    for check in doctor.ALL:
        assert check.name not in before
        assert set(check.needs) <= before
        before.add(check.name)


def test_what_depends_on_a_failure_is_not_guessed():
    """It is not checked, and the first cause is named; what does not depend on it is checked."""
    made = Doctored()
    made.evidence = replace(made.evidence, prefixes=(), heard=Heard())
    made.plan_changes(ipv6_default=False)
    found = {one.check.name: one for one in made.diagnose()}
    for name in ("provider", "ce", "border-relay", "tunnel", "mtu", "ports"):
        assert found[name].answer.result is Result.UNCHECKED
        assert found[name].because == "advertisement"
        assert found[name].answer.seen == "advertisement failed"
    assert found["lan"].answer.result is Result.OK


def test_without_root_what_cannot_be_heard_is_not_checked():
    """The reason is told; what only root sees is not said to be in order."""
    made = Doctored()
    made.evidence = replace(made.evidence, heard=None, unheard="listening on wan0 needs root")
    outcomes = made.diagnose()
    found = {one.check.name: one for one in outcomes}
    assert failing(outcomes) == []
    assert found["border-relay"].answer.seen == "listening on wan0 needs root"
    assert found["tunnel"].because == "border-relay"
    assert not doctor.is_well(outcomes)


def test_a_finding_of_a_code_that_nobody_knows_is_named():
    """It appears by itself, in the check for all others."""
    made = Doctored()
    made.findings = (Finding("something-new", "it is odd", "mend it"),)
    assert failing(made.diagnose()) == ["others"]
    assert "it is odd: mend it" in report.text(made.diagnose())


def test_two_findings_of_a_check_are_one_line():
    """Both are told."""
    made = Doctored()
    made.findings = (
        Finding("ppp-default-route", "/etc/ppp/peers/x:3: defaultroute", "remove it"),
        Finding("ppp-resolvers", "/etc/ppp/peers/x:4: usepeerdns", "remove that"),
    )
    (line,) = report.text(made.diagnose()).splitlines()
    assert "x:3: defaultroute: remove it; /etc/ppp/peers/x:4: usepeerdns: remove that" in line


def test_a_notice_is_no_failure():
    """Those who ask to see everything see it."""
    made = Doctored()
    made.findings = (Finding("device-unnamed", "3 packets from docker0", "name it"),)
    outcomes = made.diagnose()
    assert doctor.is_well(outcomes)
    assert "3 packets from docker0: name it" in report.text(outcomes, everything=True)


def test_the_inquiry_asks_nothing_outside_the_line():
    """Probes go to our own address; hosts are asked where [wan] probe names them."""
    made = Doctored()
    asked = inquiry.inquiry(made.config, made.plan)
    assert {probe.target for probe in asked.probes} == {"192.0.2.18"}
    assert asked.targets == ()
    named = BASE.replace('"wan0"\n', '"wan0"\nfailover = true\nprobe = ["198.51.100.1"]\n')
    assert inquiry.inquiry(config_of(named), made.plan).targets == ("198.51.100.1",)


def test_a_port_of_each_block_is_tried():
    """Ours alone, with the same port on both ends; sizes go up to the MTU."""
    made = Doctored()
    asked = inquiry.inquiry(made.config, made.plan).probes
    ranges = made.plan.line.softwire.port_set.ranges()
    assert {low for low, _ in ranges} == {probe.port for probe in asked}
    assert max(probe.size for probe in asked) == made.config.mape.mtu
    assert len({probe.number for probe in asked}) == len(asked)


def test_ds_lite_pings_the_aftr():
    """RFC 6333: the address that the other end has for everybody."""
    text = BASE.partition("[mape]")[0] + '[mape]\nmode = "ds-lite"\naftr = "2001:db8:f::64"\n'
    made = Doctored(text, prefixes=("2001:db8:0:100::/64",), aftr="2001:db8:f::64")
    asked = inquiry.inquiry(made.config, made.plan)
    assert {(probe.target, probe.echo) for probe in asked.probes} == {("192.0.0.1", True)}


def test_the_aftr_of_the_last_answer_is_known():
    """Since the boot no name server has answered; the tunnel stands by what one said before."""
    text = BASE.partition("[mape]")[0] + '[mape]\nmode = "ds-lite"\naftr = "gw.example.jp"\n'
    made = Doctored(text)
    made.host.names = {"gw.example.jp": "2001:db8:f::64"}
    handle_event(made.config, made.host, Event.APPLY)
    made.host.names = {}
    made.host.run_state = replace(made.host.run_state, aftr="", aftr_name="")
    made.plan = make_plan(made.config, made.host, Event.APPLY)
    provider = next(one for one in made.diagnose() if one.check.name == "provider")
    assert provider.answer.seen == f"{PREFIX}: AFTR gw.example.jp"


def test_the_command_prints_nothing_where_all_is_well(run, machine, config):
    """Exit code 0; -v shows every check, --json all of it."""
    config.write_text(BASE)
    machine.connect("203.0.113.7")
    run()
    machine.seen = WORKS
    assert run("doctor") == (0, "", "")
    out = run("doctor", "-v")[1]
    made = [check.name for check in doctor.ALL if check.applies(config_of(BASE))]
    assert len(out.splitlines()) == len(made)
    data = json.loads(run("doctor", "--json")[1])
    assert data["well"] is True
    assert [one["name"] for one in data["checks"]] == made
    assert {one["result"] for one in data["checks"]} == {"ok", "not applicable"}


def test_the_command_ends_with_1_where_anything_is_wrong(run, machine, config):
    """A line for each failure, in the order in which a line fails; nothing is applied."""
    config.write_text(BASE)
    run()
    machine.applied.clear()
    saves = machine.saves
    machine.seen = replace(WORKS, heard=None, unheard="no", devices={})
    code, out, err = run("doctor")
    assert (code, err) == (1, "")
    assert out.splitlines()[0].startswith("failed          device: there is no interface wan0")
    assert machine.applied == []
    assert machine.saves == saves
    data = json.loads(run("doctor", "--json")[1])
    assert (data["well"], data["first"]) == (False, "device")
    assert data["checks"][1]["because"] == "device"


def test_colours_are_for_terminals(run, machine, config):
    """Or where they are asked for."""
    config.write_text(BASE)
    run()
    machine.seen = replace(WORKS, devices={})
    assert "\x1b[31mfailed" in run("doctor", "--color", "always")[1]
    assert "\x1b" not in run("doctor")[1]


def test_the_ce_of_the_cases_is_as_the_rule_makes_it():
    """The evidence of the cases fits their configuration."""
    made = Doctored()
    assert str(made.plan.line.softwire.ce) == CE
    assert not make_plan(made.config, made.host, Event.APPLY).changes
