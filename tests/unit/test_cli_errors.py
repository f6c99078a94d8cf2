"""Options, and what each exit code stands for."""

import json

import pytest
from config_texts import WRONG
from machine import BASE, Machine, ours

from dualwan.errors import BusyError


@pytest.mark.parametrize("argv", [("--json", "status"), ("status", "--json")])
def test_options_may_stand_before_or_after_the_command(run, argv):
    """Nobody has to remember which."""
    assert json.loads(run(*argv)[1])["mape"]["ipv4"] == "192.0.2.18"


def test_the_configuration_may_be_named_on_either_side(run, config, monkeypatch):
    """--config goes before DUALWAN_CONFIG."""
    monkeypatch.setenv("DUALWAN_CONFIG", "/nonexistent")
    for argv in (
        ("--config", str(config), "check"),
        ("check", "--config", str(config)),
        ("check", str(config)),
    ):
        assert run(*argv) == (0, f"{config}: in order\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        ("--slice", "nat"),
        ("fly",),
        ("--exit-code",),
        ("--dry-run", "status"),
        ("--slice", "snat", "check"),
        ("event", "ppp-sideways"),
        ("--color", "pink"),
        ("event",),
        ("mape",),
        ("down", "--exit-code"),
    ],
)
def test_what_is_not_understood_is_2_and_one_line(run, machine, argv):
    """Usage errors name what was wrong and where help is, and change nothing."""
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("dualwan-hook: ")
    assert err.count("\n") == 1
    assert machine.applied == []


@pytest.mark.parametrize("argv", [(), ("--dry-run",), ("check",), ("status",)])
def test_a_wrong_configuration_is_3_and_changes_nothing(run, machine, config, argv):
    """One line with file and line number, whatever the command."""
    config.write_text(WRONG)
    code, out, err = run(*argv)
    assert (code, out) == (3, "")
    assert err.startswith(f"dualwan-hook: {config}:12: mape.psid: PSID 64 does not fit")
    assert err.count("\n") == 1
    assert machine.applied == []


@pytest.mark.parametrize("text", [None, "", "[wan\n", WRONG])
def test_down_needs_no_configuration(run, machine, config, text):
    """With a wrong one or none, tags and the run state tell what is ours; the reason is said."""
    run()
    assert machine.state.tunnels
    machine.running.add("theirs")
    if text is None:
        config.unlink()
    else:
        config.write_text(text)
    assert "- nft table inet dualwan_firewall" in run("--dry-run", "down")[1]
    assert machine.state.tunnels
    code, out, err = run("down")
    assert code == 0
    assert "- nft table inet dualwan_firewall" in out
    assert err.startswith(f"dualwan-hook: {config}")
    assert err.endswith("; going by what is noted and tagged\n")
    assert ours(machine) == ()
    assert machine.running == {"theirs"}


def test_down_without_a_configuration_hangs_up_what_was_dialled_by_us(run, machine, config):
    """The run state knows the peer that ifup or apply had started."""
    config.write_text(BASE.replace("dial = false", "dial = true"))
    run()
    assert machine.running == {"dsl-provider"}
    config.unlink()
    assert run("down")[0] == 0
    assert machine.running == set()


def test_a_refusal_of_the_kernel_is_4(run, machine):
    """The step that was refused is named."""
    machine.refuse = ["route default dev mape0"]
    code, _, err = run()
    assert code == 4
    assert "route default dev mape0" in err


def test_something_in_the_way_is_4_and_the_rest_is_done(run, machine):
    """A device that took the tunnel's name stops the tunnel only."""
    machine.plug("mape0", "veth")
    code, _, err = run()
    assert code == 4
    assert "mape0 (mape.tunnel) is there already" in err
    assert len(machine.state.tables) == 3


class Locked(Machine):
    """A machine on which another run is at work."""

    def lock(self, seconds):
        """Give up at once."""
        raise BusyError(f"another run of dualwan-hook has been at work for {seconds:.0f} s")


def test_locked_out_is_5(run, monkeypatch):
    """Busy: said in words, nothing changed."""
    locked = Locked("wan0", "lan0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: locked)
    code, _, err = run()
    assert code == 5
    assert "another run" in err
    assert locked.applied == []


def test_help_and_version_are_0(run):
    """What exists is shown."""
    code, out, _ = run("--help")
    assert code == 0
    for word in ("event", "down", "check", "status", "mape", "--dry-run", "--slice"):
        assert word in out
    assert run("--version")[1].startswith("dualwan-hook ")


def test_who_presses_ctrl_c_gets_no_traceback(run, monkeypatch):
    """The code is the shell's for SIGINT, and nothing is said."""

    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("dualwan.cli._run", interrupted)
    assert run("status") == (130, "", "")
