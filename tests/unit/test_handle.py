"""The stages of an event: one that fails does not keep the others from being done."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, ours, pending

from dualwan.errors import BusyError, HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event

DIALS = config(a="dial = false -> dial = true")
DS_LITE = """\
[mape]
mode = "ds-lite"
aftr = "gw.example.jp"
[pppoe]
dial = true
"""


@pytest.fixture(autouse=True)
def log(monkeypatch):
    """Collect what would go to syslog."""
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: lines.append(line))
    return lines


def router(cfg=DIALS):
    """Return a router that is up, with its PPP session dialled."""
    machine = Machine("wan0", "lan0")
    handle_event(cfg, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    return machine


@pytest.mark.parametrize(
    ("event", "left"), [(Event.REMOVE, set()), (Event.DOWN, {"dualwan_firewall"})]
)
def test_a_session_that_does_not_end_is_said_and_the_rest_goes(log, event, left):
    """Hanging up fails: tunnel, translation and routing go all the same, and nothing is wanted."""
    machine = router()
    machine.refuse = ["hanging up"]
    with pytest.raises(HostError, match="hanging up dsl-provider failed with code 1"):
        handle_event(DIALS, machine, event)
    assert {table.name for table in machine.state.tables} == left
    assert machine.state.tunnels == ()
    assert not machine.run_state.wanted
    assert "hanging up dsl-provider failed" in log[-1]


class Patient(Machine):
    """A line that announces its prefix only to those who wait."""

    def await_prefix(self, device, seconds):
        """Announce a prefix."""
        self.announced[device] = ("2001:db8:12:3400::/64",)
        return super().await_prefix(device, seconds)


def test_a_session_that_does_not_start_does_not_keep_map_e_away(log):
    """The peer's file is missing: ifup waits for the prefix all the same, and MAP-E stands."""
    machine, cfg = Patient("wan0", "lan0"), config(DIALS_BY_RULE)
    machine.refuse = ["pon"]
    with pytest.raises(HostError, match="pon dsl-provider failed"):
        handle_event(cfg, machine, Event.UP)
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    assert pending(machine, cfg, Event.APPLY) == []
    assert "pon dsl-provider failed" in log[-1]


def test_the_sessions_that_we_dialled_are_noted():
    """So that they are hung up also where the configuration is gone by then."""
    machine = router()
    assert machine.run_state.dialled == ("dsl-provider",)
    handle_event(DIALS, machine, Event.REMOVE)
    assert machine.run_state.dialled == ()
    assert ours(machine) == ()


def test_a_full_run_directory_is_said_and_what_was_done_is_logged(log):
    """A slice is not touched whose originals cannot be noted; one that has none is.

    So the machine is closed, whatever else cannot be done.
    """
    machine = Machine("wan0", "lan0")
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match="No space left on device"):
        handle_event(config(), machine, Event.UP)
    done = [
        "nft table inet dualwan_firewall",
        "conntrack entries of flows from outside",
        "nft table ip dualwan_snat",
        "nft table ip dualwan_pbr",
        "rule 99: fwmark 0x1000000/0xf000000 lookup main suppress_prefixlength 7",
        "rule 101: fwmark 0x1000000/0xf000000 lookup 100",
    ]
    assert [step.text for step in machine.applied] == done
    assert [line.partition(" (cause")[0] for line in log[:-1]] == [
        f"{step.sign} {step.text}" for step in machine.applied
    ]
    assert "No space left on device" in log[-1]


@pytest.mark.parametrize("error", [BusyError("gave up after 60 s"), RuntimeError("a bug")])
def test_what_was_done_before_a_run_is_cut_short_is_logged_and_noted(log, error):
    """The deadline of a hook comes in the middle of a slice: the log says how far it came."""
    machine = Machine("wan0", "lan0")
    original = machine.apply

    def apply(step):
        if step.text.startswith("tunnel mape0"):
            raise error
        original(step)

    machine.apply = apply
    with pytest.raises(type(error)):
        handle_event(config(), machine, Event.UP)
    done = [f"{step.sign} {step.text}" for step in machine.applied]
    assert any("accept_ra" in text for text in done)
    assert [line.partition(" (cause")[0] for line in log][: len(done)] == done
    assert machine.run_state.sysctls["tunnel"]
    assert machine.run_state.wanted


def test_a_full_run_directory_keeps_nothing_from_being_taken_down():
    """What is put back was noted when there was room; what is said is that this is not noted."""
    machine = router()
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match="No space left on device"):
        handle_event(DIALS, machine, Event.REMOVE)
    assert ours(machine) == ()
    assert machine.running == set()


def test_a_table_that_was_loaded_is_logged_though_it_cannot_be_recorded(log):
    """The kernel has it: the log and the state say so, and the error names the file."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["tables/dualwan_snat.json"]
    with pytest.raises(HostError, match=r"tables/dualwan_snat\.json: No space left on device"):
        handle_event(config(), machine, Event.UP)
    assert any(line.startswith("+ nft table ip dualwan_snat") for line in log)
    assert "dualwan_snat" in machine.run_state.tables


@pytest.mark.parametrize("error", [BusyError("gave up after 60 s"), KeyboardInterrupt()])
def test_what_was_done_before_a_run_is_cut_short_is_logged(log, error):
    """By the deadline of a hook, or by a person: the log has each step that was done."""
    machine = Cut(error, "wan0", "lan0")
    with pytest.raises(type(error)):
        handle_event(config(), machine, Event.UP)
    done = [f"{step.sign} {step.text}" for step in machine.applied]
    assert len(done) == 5
    assert [line.partition(" (cause=")[0] for line in log[:5]] == done


class Cut(Machine):
    """A machine on which a run ends by ``error`` at its sixth step."""

    def __init__(self, error, *devices):
        super().__init__(*devices)
        self.error = error

    def apply(self, step):
        """See Machine."""
        if len(self.applied) == 5:
            raise self.error
        super().apply(step)


def test_a_session_that_does_not_end_is_said_also_where_the_rest_is_cut_short(log):
    """Another run holds the lock: two things stand in the way, and the log has both."""
    machine = router()
    machine.refuse = ["hanging up"]
    machine.lock = lambda _seconds: busy()
    with pytest.raises(BusyError, match="another run"):
        handle_event(DIALS, machine, Event.REMOVE)
    assert "hanging up dsl-provider failed" in log[-2]
    assert "another run" in log[-1]


def busy():
    """Be locked out."""
    raise BusyError("another run of dualwan-hook has been at work for 20 s")


def test_a_session_that_ended_by_itself_is_ours_no_longer():
    """What a person dials later is not hung up by a `down` without configuration."""
    machine = router()
    machine.running.clear()
    handle_event(DIALS, machine, Event.DOWN)
    assert machine.run_state.dialled == ()
    machine.running = {"dsl-provider"}
    handle_event(None, machine, Event.REMOVE)
    assert machine.running == {"dsl-provider"}


DSLITE = config(
    BASE.split("[mape]", maxsplit=1)[0] + '[mape]\nmode = "ds-lite"\naftr = "aftr.example"\n'
)


def test_an_address_that_cannot_be_noted_does_not_keep_the_rest_from_being_done():
    """DS-Lite asks first; with a full run directory the machine is closed all the same."""
    machine = Machine("wan0", "lan0")
    machine.names = {"aftr.example": "2001:db8:ffff::64"}
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match="No space left on device"):
        handle_event(DSLITE, machine, Event.APPLY)
    assert "dualwan_firewall" in machine.table_names()


def test_an_address_that_is_the_same_is_not_noted_again():
    """Looking up DS-Lite's other end changes nothing where nothing has changed."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    machine.names = {"aftr.example": "2001:db8:ffff::64"}
    handle_event(DSLITE, machine, Event.APPLY)
    assert machine.run_state.aftr == "2001:db8:ffff::64"
    machine.saves = 0
    handle_event(DSLITE, machine, Event.APPLY)
    assert machine.saves == 0


def test_a_failure_that_a_second_look_makes_up_for_is_logged(log):
    """PPPoE was not dialled, for the firewall did not stand then."""
    ds_lite = config(BASE[: BASE.index("[mape]")] + DS_LITE)
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    machine.names = {"gw.example.jp": "2001:db8:ffff::64"}
    original = machine.apply

    def refuse_once(step):
        machine.apply = original
        machine.refuse = {"dualwan_firewall": "Cannot allocate memory"}
        try:
            original(step)
        finally:
            machine.refuse = ()

    machine.apply = refuse_once
    handle_event(ds_lite, machine, Event.UP)
    assert machine.running == set()
    assert any("Cannot allocate memory" in line for line in log)
