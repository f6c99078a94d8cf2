"""The configuration applied last, where the present one is wrong: who uses it, and who says so."""

import json
import os
import re
from pathlib import Path

import pytest
from config_texts import WRONG
from machine import BASE, Machine

from dualwan import handle, hook
from dualwan.config import from_text, load
from dualwan.host import last_good
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look

pytestmark = pytest.mark.usefixtures("state_folder")


def machine_in_order():
    """Return a machine that has its configuration applied."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(from_text("x", BASE), machine, Event.APPLY)
    return machine


@pytest.mark.parametrize("event", ["pre-up", "up"])
def test_an_event_uses_it_and_says_so(kept, machine, log, capsys, event):
    """The fault of the present one with file and line, and which is in use."""
    assert hook.hook(event, "wan0") == 0
    assert "dualwan_firewall" in {table.name for table in machine.state.tables}
    assert log[0].startswith(f"{kept}:12: mape.psid: PSID 64 does not fit")
    assert re.search(
        r"; until that is mended, the configuration applied last, of \d{4}-\d\d-\d\d \d\d:\d\d, "
        r"is in use \(cause=",
        log[0],
    )
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError()])
@pytest.mark.usefixtures("kept")
def test_it_is_used_also_where_nobody_can_read_of_it(machine, log, monkeypatch, error):
    """Whoever ran ifup was ended, and its terminal is gone: the log has it."""

    class Gone:
        def write(self, _):
            raise error

    monkeypatch.setattr("sys.stderr", Gone())
    assert hook.hook("up", "wan0") == 0
    assert "dualwan_firewall" in {table.name for table in machine.state.tables}
    assert "is in use" in log[0]
    assert not [line for line in log if "please report it" in line]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe", b"[wan"])
def test_a_file_that_was_cut_off_does_not_open_the_machine(config, machine, content, log):
    """It names no WAN any more; the one that was applied last does."""
    last_good.save(last_good.encode(load(config)))
    config.write_bytes(content)
    assert hook.hook("pre-up", "wan0") == 0
    assert [table.name for table in machine.state.tables][:1] == ["dualwan_firewall"]
    assert str(config) in log[0]


def test_a_fifo_in_its_place_does_not_open_the_machine(config, machine, log):
    """Nor a folder, or a file that cannot be read."""
    last_good.save(last_good.encode(load(config)))
    config.unlink()
    os.mkfifo(config)
    assert hook.hook("pre-up", "wan0") == 0
    assert machine.applied
    assert log


@pytest.mark.parametrize("event", ["pre-up", "up"])
def test_a_link_that_leads_nowhere_does_not_open_the_machine(config, machine, event, log):
    """What it leads to may be on a disk that is not mounted yet."""
    last_good.save(last_good.encode(load(config)))
    config.unlink()
    config.symlink_to("/nowhere/dualwan.toml")
    assert hook.hook(event, "wan0") == 0
    assert [table.name for table in machine.state.tables][:1] == ["dualwan_firewall"]
    assert "is in use" in log[0]


def test_a_configuration_that_was_taken_away_is_taken_away(config, machine):
    """Without a file nothing is done, as before the first one."""
    last_good.save(last_good.encode(load(config)))
    config.unlink()
    assert hook.hook("pre-up", "wan0") == 0
    assert machine.applied == []
    assert last_good.load(config) is None


@pytest.mark.usefixtures("kept")
def test_an_interface_of_neither_is_left_alone(machine, log):
    """Another one's ifup is none of our business, with a wrong configuration too."""
    assert hook.hook("pre-up", "eth9") == 0
    assert machine.applied == []
    assert log == []


@pytest.mark.usefixtures("log")
def test_a_wan_that_only_the_wrong_one_names_is_not_vouched_for(kept, machine):
    """The one in use does not know it: the caller closes the machine before it comes up."""
    kept.write_text(WRONG.replace("wan0", "wan1"))
    assert hook.hook("pre-up", "wan1") == hook.NOT_CLOSED
    assert hook.hook("up", "wan1") == 0
    assert machine.applied == []


def test_the_watcher_begins_with_it(kept, log):
    """After a boot it has seen none that was in order."""
    machine = machine_in_order()
    log.clear()
    machine.flush_ruleset()
    carried = Carried(line_due=False)
    Look(carried, Path(kept), machine).run()
    assert "dualwan_firewall" in machine.table_names()
    assert str(kept) in log[0]
    assert "applied last" in log[0]


def test_a_watcher_that_has_seen_another_since_uses_that(kept, log):
    """And does not say that an older one is in use."""
    machine = machine_in_order()
    log.clear()
    Look(Carried(text=BASE, line_due=False), Path(kept), machine).run()
    assert str(kept) in log[0]
    assert "applied last" not in log[0]


def test_a_persons_commands_refuse_the_wrong_one(kept, run, machine):
    """With the code of a configuration; they say what events use."""
    for argv in ([], ["--dry-run"], ["check"]):
        code, out, err = run(*argv)
        assert (code, out) == (3, "")
        assert err.startswith(f"dualwan-hook: {kept}:12: mape.psid: ")
        assert "the configuration applied last, of " in err
        assert err.count("\n") == 1
    assert machine.applied == []


def test_check_of_another_file_does_not_speak_of_it(kept, run, tmp_path):
    """What is in use has nothing to do with it."""
    other = tmp_path / "other.toml"
    other.write_text(WRONG)
    code, _, err = run("check", str(other))
    assert code == 3
    assert "applied last" not in err
    assert str(kept) not in err


def test_status_shows_the_router_as_it_is_used(kept, run):
    """And that the present configuration is wrong, with file and line."""
    code, out, _ = run("status")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("obstacle: ")]
    assert f"{kept}:12: mape.psid" in line
    assert "run `dualwan-hook`" in line
    assert "applied last" in line
    data = json.loads(run("status", "--json")[1])
    assert [one["code"] for one in data["findings"]] == ["configuration-wrong"]


def test_doctor_names_it(kept, run):
    """Not all is well while a wrong one is there."""
    code, out, _ = run("doctor")
    assert code == 1
    assert f"{kept}:12: mape.psid" in out
    assert "applied last" in out


def test_the_probe_goes_on_with_it(config, run):
    """Failover does not wait for somebody who mends a typo; the journal has the fault."""
    config.write_text(BASE.replace("[wan]", '[wan]\nfailover = true\nprobe = ["192.0.2.1"]'))
    assert run()[0] == 0  # a router that is up
    last_good.save(last_good.encode(load(config)))
    config.write_text("[wan\n")
    code, out, err = run("probe")
    assert (code, out) == (0, "MAP-E is in use\n")
    assert err.startswith(f"dualwan-hook: {config}:1: ")
    assert "applied last" in err


def test_without_one_all_is_as_before(config, run):
    """Status and doctor refuse a configuration that was never in order."""
    config.write_text(WRONG)
    for word in ("status", "doctor", "check"):
        code, out, err = run(word)
        assert (code, out) == (3, "")
        assert err.startswith(f"dualwan-hook: {config}:12: ")
        assert "applied last" not in err


@pytest.mark.parametrize(
    ("event", "code"), [("pre-up", 1), ("up", 0), ("down", 0), ("post-down", 0)]
)
def test_without_one_the_machine_is_not_vouched_for(config, machine, log, event, code):
    """Before ifup alone; ifupdown and pppd go on after every other event."""
    config.write_text(WRONG)
    assert hook.hook(event, "wan0") == code
    assert machine.applied == []
    assert len(log) == 1


def test_a_firewall_that_is_refused_is_not_vouched_for(machine, config, log):
    """The kernel has lost nft's modules: the caller tries the smallest table."""
    assert config
    machine.refuse = ["dualwan_firewall"]
    assert hook.hook("pre-up", "wan0") == hook.NOT_CLOSED
    assert "dualwan_firewall" in log[-1]
