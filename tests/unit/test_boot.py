"""What happens before the network starts, and where no program says that it has."""

from dataclasses import replace
from pathlib import Path

import pytest
from machine import Machine, config, pending, run

from dualwan import handle
from dualwan.cli import main
from dualwan.config import load
from dualwan.errors import HostError
from dualwan.host import last_good, trials
from dualwan.host.around import interfaces
from dualwan.model.event import Event
from dualwan.model.trial import Trial

DIALS = config(a="dial = false -> dial = true")


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """Return a machine without devices, on which the command acts."""
    machine = Machine()
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    return machine


def test_before_the_network_starts_the_machine_is_closed(config_file, machine, monkeypatch, log):
    """The firewall alone: no sysctl, no other table; and the router is to be up."""
    monkeypatch.setattr(interfaces, "stanza", lambda _device: "")
    assert main(["--config", str(config_file), "event", "boot"]) == 0
    assert [table.name for table in machine.state.tables] == ["dualwan_firewall"]
    assert machine.run_state.wanted
    assert log == ["+ nft table inet dualwan_firewall (cause=boot slice=firewall)"]


def test_where_ifup_has_the_wan_boot_is_left_to_it(config_file, machine, monkeypatch):
    """Its hook closes the machine before the WAN comes up; by hand, it may stay down."""
    asked = []
    monkeypatch.setattr(interfaces, "is_run", lambda: True)
    monkeypatch.setattr(
        interfaces, "stanza", lambda device: asked.append(device) or "/etc/network/interfaces:9"
    )
    assert main(["--config", str(config_file), "event", "boot"]) == 0
    assert asked == ["wan0"]
    assert machine.applied == []
    assert not machine.run_state.wanted


def test_a_stanza_without_ifup_closes_nothing_so_boot_does(config_file, machine, monkeypatch):
    """/etc/network/interfaces stays when ifupdown is removed, and another program runs the WAN."""
    monkeypatch.setattr(interfaces, "is_run", lambda: False)
    monkeypatch.setattr(interfaces, "stanza", lambda _device: "/etc/network/interfaces:9")
    assert main(["--config", str(config_file), "event", "boot"]) == 0
    assert [table.name for table in machine.state.tables] == ["dualwan_firewall"]
    assert machine.run_state.wanted


def test_a_machine_that_cannot_be_closed_fails_the_unit(config_file, machine, monkeypatch, capsys):
    """Systemctl shows it; the code says that the kernel refused."""
    monkeypatch.setattr(interfaces, "stanza", lambda _device: "")
    machine.refuse = ["dualwan_firewall"]
    assert main(["--config", str(config_file), "event", "boot"]) == 4
    assert "dualwan_firewall" in capsys.readouterr().err


@pytest.fixture(name="config_file")
def _config_file(config):
    """Return the file of a configuration whose WAN is wan0."""
    return config


def test_the_watcher_alone_brings_the_router_up(log):
    """Networkd runs no hook: boot closes, and the change of the line that the WAN is does all."""
    machine = Machine()
    run(machine, DIALS, Event.BOOT)
    machine.plug("lan0")
    machine.plug("wan0", up=False)
    with pytest.raises(HostError, match="is down"):
        handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == set()
    machine.switch("wan0", up=True)
    handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == {"dsl-provider"}
    assert pending(machine, DIALS, Event.APPLY) == []
    assert "dialled dsl-provider (cause=the line changed)" in log


def test_who_has_hung_up_by_hand_is_not_dialled_by_a_change_of_the_line():
    """Until the next ifup or apply."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(DIALS, machine, Event.UP)
    machine.running.clear()  # poff
    handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == set()
    handle.handle_event(DIALS, machine, Event.APPLY)
    assert machine.running == {"dsl-provider"}


def test_after_a_soft_reboot_what_was_dialled_before_is_dialled_again():
    """Every process has ended, pppd too; the kernel's state and /run are as they were."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(DIALS, machine, Event.UP)
    machine.running.clear()
    handle.handle_event(DIALS, machine, Event.BOOT)
    handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == {"dsl-provider"}


def test_after_ifdown_no_change_of_the_line_dials():
    """The router is to be down."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(DIALS, machine, Event.UP)
    handle.handle_event(DIALS, machine, Event.DOWN)
    handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == set()


def test_between_the_halves_of_ifup_a_change_of_the_line_leaves_dialling_to_it(log):
    """The link comes up before ifup has ended; other scripts of its have yet to run."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(DIALS, machine, Event.PRE_UP)
    handle.handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == set()
    handle.handle_event(DIALS, machine, Event.UP)
    assert [line for line in log if "dialled" in line] == ["dialled dsl-provider (cause=ifup)"]


def test_while_ifdown_hangs_up_a_change_of_the_line_does_not_dial():
    """The watcher hears that the session has ended before ifdown has told its goal."""

    class Watched(Machine):
        def hang_up(self, peer, seconds):
            """End the session, which a watcher hears at once."""
            ended = super().hang_up(peer, seconds)
            self.run_state = replace(self.run_state, dialled=())
            handle.handle_event(DIALS, self, Event.PREFIX_CHANGED)
            return ended

    machine = Watched("wan0", "lan0")
    handle.handle_event(DIALS, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    handle.handle_event(DIALS, machine, Event.DOWN)
    assert machine.running == set()
    assert not machine.run_state.wanted


# --- what closes it where the firewall cannot ----------------------------------------------------


@pytest.fixture(name="closing")
def _closing(tmp_path, monkeypatch):
    """Put a program in the place of the one that closes; return what it was called with."""
    called = tmp_path / "called"

    def closing(code=0):
        program = tmp_path / "close"
        program.write_text(f'#!/bin/sh\necho "$@" >> {called}\necho closed >&2\nexit {code}\n')
        program.chmod(0o755)
        monkeypatch.setattr("dualwan.paths.CLOSE", str(program))
        return lambda: called.read_text().splitlines() if called.exists() else []

    return closing


def test_a_wrong_configuration_is_closed_at_boot(config_file, machine, closing, capsys, log):
    """By the table that needs none; the unit fails, so that systemctl shows it."""
    calls = closing()
    config_file.write_text("[wan\n")
    assert main(["--config", str(config_file), "event", "boot"]) == 3
    assert calls() == [f"boot  {config_file}"]
    assert machine.applied == []
    assert "closed\n" in capsys.readouterr().err
    assert log[0].startswith(f"{config_file}:1: ")


def test_the_one_applied_last_is_used_at_boot(config_file, machine, closing, monkeypatch, log):
    """And the table that needs none is not."""
    monkeypatch.setattr(interfaces, "stanza", lambda _device: "")
    monkeypatch.setenv("DUALWAN_STATE", str(config_file.parent / "lib"))
    last_good.save(last_good.encode(load(config_file)))
    calls = closing()
    config_file.write_text("[wan\n")
    assert main(["--config", str(config_file), "event", "boot"]) == 0
    assert [table.name for table in machine.state.tables] == ["dualwan_firewall"]
    assert calls() == []
    assert log[0].startswith(f"{config_file}:1: ")
    assert "applied last" in log[0]


@pytest.mark.usefixtures("state_folder")
def test_a_reboot_within_the_first_trial_closes_nothing(config_file, machine, closing, log):
    """Nothing of ours was there before it; and its owner may come by the WAN to try again."""
    calls, path = closing(), str(config_file)
    trials.save(Trial(path, path, config_file.read_text(), "", "an earlier boot", 60.0))
    assert main(["event", "boot"]) == 0
    assert calls() == []
    assert machine.applied == []
    assert "was tried and not confirmed" in log[0]


@pytest.mark.parametrize("code", [0, 1])
def test_a_firewall_that_is_refused_at_boot(config_file, machine, closing, monkeypatch, code):
    """The smallest table is tried."""
    monkeypatch.setattr(interfaces, "stanza", lambda _device: "")
    calls = closing(code)
    machine.refuse = ["dualwan_firewall"]
    assert main(["--config", str(config_file), "event", "boot"]) == 4
    assert calls() == [f"boot  {config_file}"]


@pytest.mark.parametrize("code", [0, 1])
def test_the_command_closes_before_ifup_as_the_hook_does(
    config_file, machine, closing, monkeypatch, code
):
    """`event ifup` with PHASE=pre-up, from a line of a stanza; the program's word counts."""
    calls = closing(code)
    machine.refuse = ["dualwan_firewall"]
    monkeypatch.setenv("IFACE", "wan0")
    monkeypatch.setenv("PHASE", "pre-up")
    assert main(["--config", str(config_file), "event", "ifup"]) == code
    assert calls() == [f"pre-up wan0 {config_file}"]
    monkeypatch.setenv("PHASE", "post-up")
    assert main(["--config", str(config_file), "event", "ifup"]) == 0
    assert len(calls()) == 1


def test_the_unit_closes_also_if_the_command_cannot_start():
    """Its modules may be gone, or the kernel may have ended it."""
    folder = Path(__file__).parents[2] / "packaging/debian"
    unit = (folder / "dualwan-hook.dualwan-close.service").read_text()
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStopPost=")]
    assert line.removeprefix("ExecStopPost=") == (
        '/bin/sh -c \'test "$SERVICE_RESULT" = success || '
        "exec /usr/libexec/dualwan-hook/close boot'"
    )
