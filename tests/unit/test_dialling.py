"""When a PPP session is dialled and hung up, and what waits for the prefix meanwhile."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import (
    BASE,
    Machine,
    config,
    pending,
)
from routers import CONFIG
from way_texts import many

from dualwan import handle as running
from dualwan.cli import main
from dualwan.errors import HostError
from dualwan.handle import sessions
from dualwan.model.event import Event
from dualwan.model.state import TRANSITION_SECONDS, RunState

DIALS = config(a="dial = false -> dial = true")
SECOND = '[way.second]\ntype = "pppoe"\npeer = "other"\ninterface = "ppp1"\n'


def test_ifup_dials_and_ifdown_hangs_up(log):
    """`pon` when no pppd of the peer runs, and hung up when one does, each a line in the log."""
    machine = Machine("wan0", "lan0")
    running.handle_event(DIALS, machine, Event.PRE_UP)
    assert machine.running == set()
    running.handle_event(DIALS, machine, Event.UP)
    running.handle_event(DIALS, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    running.handle_event(DIALS, machine, Event.DOWN)
    assert machine.running == set()
    assert [line for line in log if "dsl-provider" in line] == [
        "dialled dsl-provider (cause=ifup)",
        "hung up dsl-provider (cause=ifdown)",
    ]


def test_a_peer_is_dialled_with_the_key_that_names_it(log):
    """Each session's own, at an event and for a confined unit: a failure names where to look."""
    keys = []

    class Noting(Machine):
        def dial(self, peer, key):
            keys.append(key)
            return super().dial(peer, key)

    machine, cfg = Noting("wan0", "lan0"), config(BASE.replace("dial = false", "") + SECOND)
    running.handle_event(cfg, machine, Event.UP)
    sessions.dial_for_unit(cfg, machine, "other")
    assert keys == ["pppoe.peer", "way.second.peer", "way.second.peer"]
    assert log


def test_dialling_is_the_owners_choice(log):
    """With dial = false, or for some slices only, pppd is left alone."""
    machine = Machine("wan0", "lan0")
    running.handle_event(CONFIG, machine, Event.UP)
    running.handle_event(DIALS, machine, Event.APPLY, ("snat",))
    assert machine.running == set()
    assert log


def test_nobody_is_dialled_into_an_open_router(log):
    """PPPoE waits for the firewall, and the log says why."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["dualwan_firewall"]
    with pytest.raises(HostError):
        running.handle_event(DIALS, machine, Event.UP)
    assert machine.running == set()
    assert "dualwan_firewall" in log[-1]


class Patient(Machine):
    """A line that announces its prefix only to those who wait."""

    def await_prefix(self, device, seconds):
        """Announce a prefix."""
        assert not self.locked, "others wait for the lock meanwhile"
        assert seconds == 30
        self.announced[device] = ("2001:db8:12:3400::/64",)
        return True


def test_pppoe_does_not_wait_for_the_prefix(log):
    """PPPoE is dialled at once; MAP-E follows when the line announces its prefix."""
    machine, cfg = Patient("wan0", "lan0"), config(DIALS_BY_RULE)
    running.handle_event(cfg, machine, Event.UP)
    words = "\n".join(log)
    assert words.index("dialled") < words.index("tunnel mape0")
    assert machine.run_state.prefix == "2001:db8:12:3400::/64"
    assert pending(machine, cfg, Event.APPLY) == []


def test_a_line_that_stays_silent_is_told_and_all_else_stands(log):
    """Without a prefix: firewall, PPPoE's way back and dialling, and one line of reason."""
    machine, cfg = Machine("wan0", "lan0"), config(DIALS_BY_RULE)
    running.handle_event(cfg, machine, Event.PRE_UP)
    with pytest.raises(HostError, match="no IPv6 prefix on wan0 yet"):
        running.handle_event(cfg, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    assert {table.name for table in machine.state.tables} == {
        "dualwan_firewall",
        "dualwan_snat",
        "dualwan_pbr",
    }
    assert "no IPv6 prefix on wan0 yet" in log[-1]


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.UP, Event.APPLY])
def test_a_renumbered_line_is_followed(log, event):
    """Another prefix changes CE, tunnel, address and ports; old flows are forgotten."""
    machine, cfg = Machine("wan0", "lan0"), config(DIALS_BY_RULE)
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    running.handle_event(cfg, machine, Event.UP)
    old = machine.state.tunnels[0].local
    machine.announced["wan0"] = ("2001:db8:56:7800::/64",)
    running.handle_event(cfg, machine, event)
    assert pending(machine, cfg, Event.APPLY) == []
    assert machine.state.tunnels[0].local.startswith("2001:db8:56:78")
    assert old not in repr((machine.state.addresses, machine.state.tunnels, machine.state.tables))
    assert any("conntrack entries of 192.0.2.18" in line for line in log)


def test_a_session_is_noted_though_the_run_that_dialled_was_killed(log):
    """So that `down` hangs it up also where the configuration is gone."""
    machine = Machine("wan0", "lan0")
    machine.running = {"dsl-provider"}  # of a run that was killed right after pon
    running.handle_event(DIALS, machine, Event.UP)
    assert machine.run_state.dialled == ("dsl-provider",)
    running.handle_event(None, machine, Event.REMOVE)
    assert machine.running == set()
    assert "hung up dsl-provider (cause=down)" in log


# --- for a confined unit ---------------------------------------------------------------------


UNDER_WAY = {"wanted": True, "in_transition": True, "transition_at": 990.0}  # of 1000 s since boot


def dialled(machine):
    """Return the peers that the run state calls dialled."""
    return machine.load_state().dialled


@pytest.mark.parametrize(
    ("settings", "state", "peer", "runs"),
    [
        (DIALS, {"wanted": True}, "dsl-provider", True),
        (DIALS, {"wanted": True}, "another", False),
        (CONFIG, {"wanted": True}, "dsl-provider", False),
        (DIALS, {"wanted": False}, "dsl-provider", False),
        (DIALS, UNDER_WAY, "dsl-provider", False),
        (DIALS, UNDER_WAY | {"transition_at": 1000 - TRANSITION_SECONDS}, "dsl-provider", True),
    ],
)
def test_what_a_unit_wants_dialled_is_dialled_if_it_still_is(settings, state, peer, runs):
    """Not after an ifdown, in the middle of one, or where the configuration says otherwise.

    An ifup that has failed does not go on.
    """
    machine = Machine("wan0", "lan0")
    with machine.lock(1):
        machine.save_state(RunState(**state))
    sessions.dial_for_unit(settings, machine, peer)
    assert machine.running == ({peer} if runs else set())


def test_a_unit_may_ask_again_after_a_failure(log):
    """It noted that it had dialled, and this is taken back; the log has the reason."""
    machine = Machine("wan0", "lan0")
    with machine.lock(1):
        machine.save_state(RunState(wanted=True, dialled=("other", "dsl-provider")))
    machine.refuse = ["pon dsl-provider"]
    with pytest.raises(HostError, match="pon dsl-provider"):
        sessions.dial_for_unit(DIALS, machine, "dsl-provider")
    assert dialled(machine) == ("other",)
    assert "pon dsl-provider" in log[-1]


def test_a_unit_may_ask_again_after_an_ifup_that_has_failed():
    """In the middle of it nothing is dialled, and nothing is noted as dialled."""
    machine = Machine("wan0", "lan0")
    with machine.lock(1):
        machine.save_state(RunState(**UNDER_WAY, dialled=("other", "dsl-provider")))
    sessions.dial_for_unit(DIALS, machine, "dsl-provider")
    assert machine.running == set()
    assert dialled(machine) == ("other",)


def test_the_command_dials_what_a_unit_wants(monkeypatch, tmp_path):
    """`event dial` of dualwan-dial.service; without a wish it does not even read the file."""
    machine, path = Machine("wan0", "lan0"), tmp_path / "dualwan.toml"
    with machine.lock(1):
        machine.save_state(RunState(wanted=True))
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    wishes = ["", "dsl-provider", ""]
    monkeypatch.setattr("dualwan.host.pppd.take_wanted", lambda: wishes.pop(0))
    assert main(["--config", str(path), "event", "dial"]) == 0
    path.write_text(BASE.replace("dial = false", "dial = true"))
    assert main(["--config", str(path), "event", "dial"]) == 0
    assert machine.running == {"dsl-provider"}


def test_all_that_is_wanted_is_dialled_in_one_start(monkeypatch, tmp_path, log):
    """Systemd gives up a unit at its sixth start within ten seconds, and its path with it.

    One that fails keeps none of the others from it, and is the outcome.
    """
    machine, path = Machine("wan0", "lan0"), tmp_path / "dualwan.toml"
    names = ("a", "b", "c", "d", "e", "f")
    path.write_text(many(*names).replace("dial = false", "dial = true"))
    with machine.lock(1):
        machine.save_state(RunState(wanted=True))
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    machine.refuse = ["pon peer-b"]
    wishes = ["dsl-provider", *(f"peer-{name}" for name in names), ""]
    monkeypatch.setattr("dualwan.host.pppd.take_wanted", lambda: wishes.pop(0))
    assert main(["--config", str(path), "event", "dial"]) == 4
    assert machine.running == {"dsl-provider", *(f"peer-{name}" for name in names if name != "b")}
    assert "pon peer-b" in log[-1]
