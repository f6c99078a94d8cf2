"""What the probes have said of a line that was taken down since, or that nobody asks any more."""

import pytest
from config_texts import PROBED
from machine import BASE, Machine, config, pending

from dualwan import cli
from dualwan.handle import handle_event, trial
from dualwan.handle import probe as probes_of
from dualwan.handle.probe import probe
from dualwan.line.failover import FAILS
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Route
from dualwan.model.state import Health
from dualwan.planning import make_plan
from dualwan.report.verdict import verdict
from dualwan.slices.tunnel import LAST_METRIC, STAND_IN_METRIC

CONFIG = config(PROBED)
NOT_PROBED = config(BASE.replace("[lan]", "failover = true\n[lan]"))
BY_MAPE = {Route(MAIN, "mape0"), Route(MAIN, "ppp0", STAND_IN_METRIC)}
BROKEN = "MAP-E does not answer the probes, so the LAN takes PPPoE"
BY_PPPOE = {Route(MAIN, "mape0", LAST_METRIC), Route(MAIN, "ppp0", STAND_IN_METRIC)}


@pytest.fixture(name="machine")
def _machine(log):
    """Return a router that is up by MAP-E and PPPoE, and answers by MAP-E."""
    machine = Machine("wan0", "lan0")
    machine.answering = {"mape0"}
    ifup(machine)
    log.clear()
    return machine


def ifup(machine):
    """Bring the router up, and let PPPoE connect."""
    machine.connect("203.0.113.7")
    machine.switch("wan0", up=True)
    handle_event(CONFIG, machine, Event.UP)


def ifdown(machine):
    """Take it down."""
    handle_event(CONFIG, machine, Event.DOWN)
    machine.unplug("ppp0")
    machine.switch("wan0", up=False)
    handle_event(CONFIG, machine, Event.POST_DOWN)


def probes(machine):
    """Probe until the way would count as broken."""
    return [probe(CONFIG, machine) for _ in range(FAILS + 1)][-1]


def ways(machine):
    """Return the default routes of the main table."""
    return {route for route in machine.state.routes if route.table == MAIN}


def test_a_line_that_was_taken_down_is_not_asked(machine, log):
    """Nobody can answer: it counted as broken, the log said so, and the LAN took PPPoE at ifup."""
    ifdown(machine)
    machine.answering = set()
    log.clear()
    assert probes(machine) == Health()
    assert log == []
    machine.answering = {"mape0"}
    ifup(machine)
    assert ways(machine) == BY_MAPE


def test_a_line_that_is_taken_down_while_it_is_asked_is_not_called_broken(machine, log):
    """Not even by the last probe of the row."""
    machine.answering = set()
    for _ in range(FAILS - 1):
        probe(CONFIG, machine)

    def asked(*_):
        ifdown(machine)
        log.clear()
        return False

    machine.any_answers = asked
    assert not probe(CONFIG, machine).broken
    assert log == []


def test_an_ifup_while_a_verdict_is_followed_makes_an_end_of_it(machine, monkeypatch):
    """It begins with the default way, and what was believed before is not noted after it."""
    stages = probes_of.run_stages

    def run_stages(run):
        ifdown(machine)
        ifup(machine)
        return stages(run)

    monkeypatch.setattr(probes_of, "run_stages", run_stages)
    machine.answering = set()
    for _ in range(FAILS):
        probe(CONFIG, machine)
    assert not machine.run_state.health.broken
    assert ways(machine) == BY_MAPE
    assert pending(machine, CONFIG, Event.APPLY) == []


def test_the_command_says_why_nobody_was_asked(machine, tmp_path, monkeypatch, capsys):
    """In its words; for a program nothing is new."""
    path = tmp_path / "dualwan.toml"
    path.write_text(PROBED)
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    ifdown(machine)
    assert cli.main(["--config", str(path), "probe"]) == 0
    assert capsys.readouterr().out == "the router is not up\n"


def test_an_ifup_begins_with_the_default_way(machine):
    """What was broken before an ifdown was another time's; three probes tell if it still is."""
    machine.answering = set()
    assert probes(machine).broken
    assert ways(machine) == BY_PPPOE
    ifdown(machine)
    ifup(machine)
    assert ways(machine) == BY_MAPE
    assert probes(machine).broken
    assert ways(machine) == BY_PPPOE


def test_another_event_of_a_router_that_is_up_changes_no_verdict(machine):
    """A second stanza of the WAN, or a person who applies."""
    machine.answering = set()
    assert probes(machine).broken
    for event in (Event.UP, Event.APPLY, Event.PREFIX_CHANGED, Event.MEND):
        handle_event(CONFIG, machine, event)
        assert ways(machine) == BY_PPPOE


@pytest.mark.parametrize("cfg", [NOT_PROBED, config()])
def test_a_verdict_that_no_probe_could_change_counts_no_longer(machine, cfg):
    """[wan] probe is gone, with failover or without: the LAN stayed on PPPoE until an ifdown."""
    machine.answering = set()
    assert probes(machine).broken
    assert verdict(cfg, make_plan(cfg, machine, Event.APPLY)).cause != BROKEN
    handle_event(cfg, machine, Event.APPLY)
    assert Route(MAIN, "mape0") in ways(machine)
    assert verdict(cfg, make_plan(cfg, machine, Event.APPLY)).works
    handle_event(CONFIG, machine, Event.APPLY)
    assert ways(machine) == BY_MAPE


def test_a_verdict_outlives_a_trial_without_probes(machine):
    """The LAN is back on PPPoE at once, and not after three more probes in vain."""
    handle_event(CONFIG, machine, Event.APPLY)
    machine.answering = set()
    before = probes(machine)
    assert before.broken
    trial.begin(NOT_PROBED, "/etc/dualwan/dualwan.toml", machine, 60)
    handle_event(NOT_PROBED, machine, Event.APPLY)
    assert ways(machine) == BY_MAPE
    assert trial.go_back(machine)
    assert ways(machine) == BY_PPPOE
    assert machine.run_state.health == before
