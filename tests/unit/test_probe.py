"""Failover by probe: what a row of them does to the LAN, and what the command says."""

import json
from dataclasses import replace

import pytest
from config_texts import PROBED
from machine import BASE, CE, Machine, config, pending, run

from dualwan import cli
from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.handle.probe import probe
from dualwan.line.failover import FAILS, RECOVERS
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Route
from dualwan.model.state import Health
from dualwan.slices.tunnel import LAST_METRIC, STAND_IN_METRIC

BY_MAPE = {Route(MAIN, "mape0"), Route(MAIN, "ppp0", STAND_IN_METRIC)}
BY_PPPOE = {Route(MAIN, "mape0", LAST_METRIC), Route(MAIN, "ppp0", STAND_IN_METRIC)}


class Careful(Machine):
    """A machine that notes pings."""

    def __init__(self, *devices):
        super().__init__(*devices)
        self.probed = []

    def any_answers(self, device, targets):
        """See Machine; never while the lock is held, which a silent line would hold up."""
        assert not self.locked
        self.probed.append((device, targets))
        return super().any_answers(device, targets)


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """Return a clock, in a list, that stands still unless a test moves it."""
    now = [1000.0]
    monkeypatch.setattr("dualwan.handle.probe.clock_gettime", lambda _clock: now[0])
    return now


@pytest.fixture(name="machine")
def _machine(clock, log):
    """Return a router that is up by MAP-E and PPPoE, and answers by MAP-E."""
    assert clock
    machine = Careful("wan0", "lan0")
    machine.connect("203.0.113.7")
    machine.answering = {"mape0"}
    handle_event(config(PROBED), machine, Event.UP)
    assert ways(machine) == BY_MAPE
    log.clear()
    return machine


def ways(machine):
    """Return the default routes of the main table."""
    return {route for route in machine.state.routes if route.table == MAIN}


def probes(machine, number):
    """Probe ``number`` times; return what the last one believed."""
    return [probe(config(PROBED), machine) for _ in range(number)][-1]


def test_the_targets_are_asked_through_mape(machine):
    """By the tunnel's device, each of them; who answers by PPPoE does not count."""
    machine.answering = {"ppp0", "wan0"}
    assert probes(machine, 1) == Health(streak=1)
    assert machine.probed == [("mape0", ["198.51.100.1", "198.51.100.2"])]


def test_an_answer_changes_nothing(machine, log):
    """No step, no line in the log, nothing noted but that all is well."""
    steps = list(machine.applied)
    assert probes(machine, FAILS + 1) == Health()
    assert (machine.applied, log) == (steps, [])


def test_a_row_of_silence_moves_the_lan_to_pppoe(machine, log):
    """With the last of the row and not before; MAP-E stays, for what comes in by it."""
    machine.answering.clear()
    assert probes(machine, FAILS - 1) == Health(streak=FAILS - 1)
    assert (ways(machine), log) == (BY_MAPE, [])
    assert probes(machine, 1) == Health(broken=True, since=1000.0)
    assert ways(machine) == BY_PPPOE
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    assert CE in repr(machine.state.addresses)
    assert log[0] == "MAP-E does not answer: the LAN takes PPPoE (cause=the line changed)"
    assert any("metric 4096" in line for line in log[1:])


def test_each_probe_goes_on_where_the_one_before_ended(machine):
    """The command is started for each anew: what it counted is in the notes."""
    machine.answering.clear()
    probes(machine, FAILS - 1)
    machine.answering = {"mape0"}
    assert probes(machine, 1) == machine.run_state.health == Health()
    machine.answering.clear()
    assert not probes(machine, FAILS - 1).broken
    assert machine.run_state.health == Health(streak=FAILS - 1)
    assert probes(machine, 1).broken


def test_what_is_broken_stays_so_through_other_events(machine):
    """A hook that comes meanwhile leaves the LAN on PPPoE, and plans nothing."""
    machine.answering.clear()
    probes(machine, FAILS)
    for event in (Event.APPLY, Event.PREFIX_CHANGED, Event.PPP_UP, Event.UP):
        assert pending(machine, config(PROBED), event) == []
        assert run(machine, config(PROBED), event) == []
        assert ways(machine) == BY_PPPOE


def test_a_row_of_answers_brings_the_lan_back(machine, clock, log):
    """Once the hold-down is over, with the same words as it went."""
    machine.answering.clear()
    probes(machine, FAILS)
    machine.answering = {"mape0"}
    log.clear()
    clock[0] += 299
    assert probes(machine, RECOVERS + 3).broken
    assert (ways(machine), log) == (BY_PPPOE, [])
    clock[0] += 1
    assert probes(machine, 1) == Health(broken=False, since=1300.0)
    assert ways(machine) == BY_MAPE
    assert log[0] == "MAP-E answers again: the LAN takes it (cause=the line changed)"


def test_the_hold_down_of_another_clock_begins_anew(machine, clock):
    """0.1.0 noted the time of day: an upgrade does not keep the LAN on PPPoE for years."""
    machine.answering.clear()
    probes(machine, FAILS)
    noted = machine.run_state.health._replace(since=1_764_000_000.0)
    machine.run_state = replace(machine.run_state, health=noted)
    machine.answering = {"mape0"}
    assert probes(machine, RECOVERS).broken
    clock[0] += 300
    assert not probes(machine, 1).broken


def test_a_move_that_was_refused_is_tried_again_by_the_next_probe(machine, log):
    """Nobody else may come for hours: the LAN does not stay on a way that is broken."""
    machine.answering.clear()
    probes(machine, FAILS - 1)
    machine.refuse_after = 0
    with pytest.raises(HostError, match="route default dev mape0"):
        probes(machine, 1)
    assert ways(machine) != BY_PPPOE
    assert probes(machine, 1).broken
    assert ways(machine) == BY_PPPOE
    log.clear()
    steps = len(machine.applied)
    assert probes(machine, 2).broken  # and once it has succeeded, it is not tried any more
    assert (len(machine.applied), log) == (steps, [])


def test_after_ifdown_a_probe_brings_nothing_up(machine):
    """The timer goes on; nobody is asked, and what is down stays down."""
    machine.unplug("ppp0")
    handle_event(config(PROBED), machine, Event.DOWN)
    machine.answering.clear()
    assert not probes(machine, FAILS).broken
    assert machine.probed == []
    assert ways(machine) == set()
    assert machine.state.tunnels == ()


# --- the command -------------------------------------------------------------------------


@pytest.fixture(name="command")
def _command(machine, tmp_path, monkeypatch, capsys):
    """Return a function that runs `dualwan-hook probe` and returns code, output and errors."""
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    path = tmp_path / "dualwan.toml"

    def command(*argv, text=PROBED):
        path.write_text(text)
        return cli.main(["probe", "--config", str(path), *argv]), *capsys.readouterr()

    return command


def test_the_command_says_which_way_the_lan_takes(command, machine):
    """In words, and as data that tells how far a row has come."""
    assert command() == (0, "MAP-E is in use\n", "")
    machine.answering.clear()
    code, out, err = command("--json")
    assert (code, json.loads(out), err) == (0, {"broken": False, "row": 1}, "")
    assert command() == (0, "MAP-E is in use\n", "")
    assert command() == (0, "MAP-E does not answer\n", "")
    assert json.loads(command("--json")[1]) == {"broken": True, "row": 0}


def test_the_command_needs_targets(command, machine, tmp_path):
    """Without any it is a mistake of whoever calls it; nobody is asked."""
    assert command(text=BASE) == (
        2,
        "",
        f"dualwan-hook: {tmp_path / 'dualwan.toml'} names no hosts ([wan] probe)\n",
    )
    assert machine.probed == []


def test_a_move_that_fails_is_told(command, machine):
    """With the kernel's word and code 4; what was counted is kept for the next one."""
    machine.answering.clear()
    command()
    command()
    machine.refuse_after = 0
    code, out, err = command()
    assert (code, out) == (4, "")
    assert "route default dev mape0" in err
    assert machine.run_state.health.broken
    assert run(machine, config(PROBED), Event.PREFIX_CHANGED) == []
    assert ways(machine) == BY_PPPOE


def test_without_probes_the_default_route_of_the_line_decides(machine):
    """Failover by what the line announces needs no target, and no broken health."""
    machine.state = replace(machine.state, ipv6_default=False)
    assert run(machine, config(PROBED), Event.PREFIX_CHANGED) == []
    assert ways(machine) == BY_PPPOE
    machine.state = replace(machine.state, ipv6_default=True)
    assert run(machine, config(PROBED), Event.PREFIX_CHANGED) == []
    assert ways(machine) == BY_MAPE


def test_without_failover_the_default_route_stays_where_it_is(clock, log):
    """Whatever the line announces or a probe once said: nobody asked for another way."""
    assert (clock, log) == ([1000.0], [])
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    assert run(machine, config(), Event.UP) == []
    health = Health(broken=True, since=1000.0)
    machine.state = replace(machine.state, ipv6_default=False)
    machine.run_state = replace(machine.run_state, health=health)
    assert run(machine, config(), Event.PREFIX_CHANGED) == []
    assert ways(machine) == {Route(MAIN, "mape0")}


def test_a_move_that_was_made_is_noted_as_followed(machine):
    """So the next probe reconciles nothing."""
    machine.answering = set()
    for _ in range(FAILS):
        probe(config(PROBED), machine)
    health = machine.run_state.health
    assert (health.broken, health.followed) == (True, True)
