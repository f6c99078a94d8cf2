"""Where findings are shown: status, check, apply and its dry run, and once in the log."""

import json
from dataclasses import replace

import pytest
from config_texts import PROBED
from machine import BASE

from dualwan.config import from_text
from dualwan.handle.findings import LOOK_SECONDS
from dualwan.host.around import files
from dualwan.model.event import Event
from dualwan.model.finding import Finding
from dualwan.model.state import Health
from dualwan.model.surroundings import Surroundings
from dualwan.planning import make_plan
from dualwan.report.verdict import verdict

CONFIG = from_text("dualwan.toml", BASE)
SHADOW = Surroundings(shadowing=("/etc/ppp/ip-up.local",))
OTHER = Surroundings(shadowing=("/etc/ppp/ip-down.local",))
NAMED = "/etc/ppp/ip-up.local is executable, so pppd runs it"


def test_status_begins_with_whether_it_works(run, machine):
    """One line, and the same as JSON, before and after a configuration is in force."""
    assert run("status")[1].splitlines()[0] == (
        "broken   it is not up: `ifup wan0` or `dualwan-hook` brings it up"
    )
    run()
    assert run("status")[1].splitlines()[0].startswith("works    as far as the machine shows")
    assert json.loads(run("status", "--json")[1])["works"] is True
    machine.around = SHADOW
    assert run("status")[1].splitlines()[0].startswith(f"broken   {NAMED}")
    data = json.loads(run("status", "--json")[1])
    assert data["works"] is False
    assert data["cause"].startswith(NAMED)


def first_cause(machine, config=CONFIG):
    """Return the verdict on what MACHINE shows."""
    return verdict(config, make_plan(config, machine, Event.APPLY))


@pytest.mark.parametrize(
    ("happens", "cause"),
    [
        pytest.param(
            lambda machine: machine.switch("wan0", up=False),
            "the interface wan0 (wan.interface) is down",
            id="the WAN down",
        ),
        pytest.param(
            lambda machine: machine.unplug("wan0"),
            "the interface wan0 (wan.interface) does not exist",
            id="the WAN gone",
        ),
        pytest.param(
            lambda machine: machine.flush_ruleset(),
            "is not as configured (+ nft table",
            id="the ruleset flushed",
        ),
    ],
)
def test_the_first_cause_is_named(run, machine, happens, cause):
    """What a line needs first is named first."""
    run()
    happens(machine)
    found = first_cause(machine)
    assert found.works is False
    assert cause in found.cause


def test_a_way_that_the_probes_call_broken_does_not_work(run, machine):
    """The routes are in place, but nothing answers."""
    run()
    machine.run_state = replace(machine.run_state, health=Health(broken=True))
    assert "does not answer the probes" in first_cause(machine, from_text("f", PROBED)).cause


def test_what_cannot_be_seen_is_not_said_to_work(run, machine):
    """Without root the tables are hidden: neither yes nor no."""
    run()
    machine.state = replace(machine.state, tables=None)
    found = first_cause(machine)
    assert found.works is None
    assert found.text.startswith("unknown  ")


def test_a_session_that_we_dial_has_to_have_an_address(run, machine):
    """With `dial = false` PPPoE is another's business."""
    dialling = from_text("dualwan.toml", BASE.replace("dial = false", "dial = true"))
    run()
    plan = make_plan(dialling, machine, Event.APPLY)
    assert verdict(dialling, plan).cause.startswith("ppp0 has no address")
    machine.connect("203.0.113.7")
    run()
    assert verdict(dialling, make_plan(dialling, machine, Event.APPLY)).works


def test_apply_and_dry_run_name_the_obstacles(run, machine):
    """After the plan; a part of it (--slice) tells nothing of the rest."""
    machine.around = SHADOW
    assert f"obstacle: {NAMED}" in run("--dry-run")[1]
    assert f"obstacle: {NAMED}" in run()[1]
    assert json.loads(run("--json")[1])["findings"][0]["code"] == "hook-shadowed"
    assert "obstacle" not in run("--slice", "snat")[1]
    assert "obstacle" not in run("down")[1]


def test_the_log_names_each_finding_once(run, machine, monkeypatch):
    """When it appears, at apply as at ifup; again where it was gone in between."""
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: lines.append(line))

    def named():
        found = [line for line in lines if "code=hook-shadowed" in line]
        lines.clear()
        return len(found)

    monkeypatch.setenv("IFACE", "wan0")
    machine.around = SHADOW
    run()
    assert named() == 1
    run("event", "ifup")
    assert named() == 0
    machine.around = OTHER
    machine.boottime += LOOK_SECONDS
    run("event", "ifup")
    assert named() == 1
    machine.around = Surroundings()
    run()
    machine.around = OTHER
    run()
    assert named() == 1


@pytest.fixture(name="looks")
def _looks(run, machine, monkeypatch):
    """Return a function that tells whether an ifup, now, looks around."""
    monkeypatch.setenv("IFACE", "wan0")
    asked = []

    def look(config, *, at_event):
        assert at_event
        asked.append(config)
        return Surroundings()

    monkeypatch.setattr(machine, "surroundings", look)

    def looks():
        asked.clear()
        run("event", "ifup")
        return bool(asked)

    return looks


def test_a_second_stanza_of_the_wan_does_not_look_around(machine, looks):
    """Its ifup has called for the first one, which has looked."""
    assert looks()
    saves = machine.saves
    assert not looks()
    machine.boottime += LOOK_SECONDS - 1
    assert not looks()
    assert machine.saves == saves


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(
            lambda machine: setattr(machine, "boottime", machine.boottime + LOOK_SECONDS),
            id="a while passes",
        ),
        pytest.param(
            lambda machine: setattr(machine, "boottime", 0.0), id="the clock of another boot"
        ),
        pytest.param(
            lambda machine: setattr(machine, "generation", machine.generation + 1),
            id="somebody changes a table",
        ),
        pytest.param(lambda machine: machine.flush_ruleset(), id="the ruleset is flushed"),
        pytest.param(
            lambda machine: setattr(machine, "state", replace(machine.state, routes=())),
            id="our routes are gone",
        ),
    ],
)
def test_an_ifup_looks_around_again_where_anything_is_different(machine, looks, happens):
    """After a while, and after a change of nft or of what is ours, which it mends too."""
    assert looks()
    there = machine.state
    happens(machine)
    assert looks()
    assert (machine.state.tables, machine.state.routes) == (there.tables, there.routes)


@pytest.mark.parametrize("what", ["routes", "configuration"])
def test_news_of_the_line_hide_no_difference(machine, config, looks, monkeypatch, what):
    """They have the event reconcile twice, and the second time nothing is different."""
    monkeypatch.setattr("dualwan.handle.line._is_news", lambda _: True)
    assert looks()
    assert not looks()
    if what == "routes":
        machine.state = replace(machine.state, routes=())
    else:
        config.write_text(config.read_text() + "# edited\n")
    assert looks()


def test_an_ifup_after_an_ifdown_looks_around(run, looks):
    """The second stanza of the one before has not looked for it."""
    assert looks()
    run("event", "ifdown")
    assert looks()


def test_another_configuration_is_looked_at(looks, config):
    """What is an obstacle depends on it."""
    assert looks()
    config.write_text(config.read_text() + "# edited\n")
    assert looks()


def test_no_other_event_looks_around(run, machine, monkeypatch):
    """A reconnect of PPPoE takes no longer."""
    run()
    monkeypatch.setattr(machine, "surroundings", None)
    monkeypatch.setenv("PPP_IFACE", "ppp0")
    machine.connect("203.0.113.7")
    assert run("event", "ppp-up") == (0, "", "")


def test_check_names_what_stands_in_files(run, monkeypatch):
    """The configuration is in order all the same."""
    monkeypatch.setattr(files, "look", lambda **_: SHADOW)
    code, out, _ = run("check")
    assert code == 0
    assert out.splitlines()[0].endswith(": in order")
    assert out.splitlines()[1].startswith(f"warning: {NAMED}")
    found = json.loads(run("check", "--json")[1])
    assert found["ok"] is True
    assert found["findings"][0]["code"] == "hook-shadowed"


def test_a_notice_is_shown_and_breaks_nothing(run, machine):
    """A device that no section names is closed, as its owner may want it."""
    run()
    machine.around = Surroundings(unnamed={"docker0": 3})
    shown = run("status")[1]
    assert shown.startswith("works ")
    assert "obstacle: 3 packets from docker0" in shown


def test_a_count_that_grows_is_no_other_finding():
    """It is the same obstacle, whose packets are counted."""
    first = Finding("device-unnamed", "1 packet from docker0 met a closed firewall", "x")
    later = first._replace(seen="27 packets from docker0 met a closed firewall")
    other = first._replace(seen="27 packets from docker1 met a closed firewall")
    assert first.digest == later.digest
    assert first.digest != other.digest
