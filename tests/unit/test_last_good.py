"""The configuration that was applied last, in use while the present one is wrong."""

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from machine import BASE, Machine

from dualwan import handle, hook
from dualwan.config import from_text, load
from dualwan.errors import ConfigError, HostError
from dualwan.host import last_good
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look

RULE = """\
[[rule]]
provider = "example"
ipv6-prefix = "240b:f000::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
br = "2001:db8:ffff::1"
"""
WRONG = BASE.replace("psid = 1", "psid = 64")


@pytest.fixture(name="folder", autouse=True)
def _folder(tmp_path, monkeypatch):
    """Return a folder of its own in place of /var/lib/dualwan."""
    folder = tmp_path / "lib"
    monkeypatch.setenv("DUALWAN_STATE", str(folder))
    return folder


@pytest.fixture(name="kept")
def _kept(config):
    """Return the path of a configuration that is kept, and wrong now."""
    last_good.save(last_good.encode(load(config)))
    config.write_text(WRONG)
    return config


def machine_in_order(*events, text=BASE):
    """Return a machine after EVENTS with a configuration of TEXT."""
    machine = Machine("wan0", "lan0")
    for event in events:
        handle.handle_event(from_text("/etc/dualwan/dualwan.toml", text), machine, event)
    return machine


# --- when it is kept -------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Event.APPLY, Event.UP])
def test_it_is_kept_once_all_of_it_was_applied(event, log):
    """By ifup or by hand."""
    assert machine_in_order(event).kept.text == BASE
    assert log


@pytest.mark.parametrize("event", [Event.PRE_UP, Event.BOOT, Event.DOWN, Event.POST_DOWN])
def test_an_event_that_brings_up_a_part_says_nothing_of_the_whole(event):
    """Before ifup, or on the way down."""
    assert machine_in_order(event).kept is None


def test_the_watcher_keeps_one_too(log):
    """When the line changes, or a loss is mended, everything was looked at."""
    machine = machine_in_order(Event.UP)
    machine.kept = None
    machine.flush_ruleset()
    handle.handle_event(from_text("x", BASE), machine, Event.MEND)
    assert machine.kept.text == BASE
    assert log


@pytest.mark.parametrize("refused", ["dualwan_snat", "mape0", "dualwan_pbr"])
def test_a_failure_keeps_the_older_one(refused):
    """Nothing of a configuration that did not go through is taken for good."""
    machine = machine_in_order(Event.APPLY)
    machine.kept, machine.refuse = None, [refused]
    machine.flush_ruleset()
    machine.unplug("mape0")
    with pytest.raises(HostError):
        handle.handle_event(from_text("x", BASE), machine, Event.APPLY)
    assert machine.kept is None


def test_a_problem_keeps_the_older_one():
    """A WAN of another name is no failure of the kernel, but nothing works with it."""
    machine = Machine("lan0")
    with pytest.raises(HostError):
        handle.handle_event(from_text("x", BASE), machine, Event.APPLY)
    assert machine.kept is None


def test_a_part_that_was_asked_for_keeps_the_older_one():
    """`--slice firewall` says nothing of the rest."""
    machine = Machine("wan0", "lan0")
    handle.handle_event(from_text("x", BASE), machine, Event.APPLY, {"firewall"})
    assert machine.kept is None


def test_a_full_disk_fails_no_event(log):
    """The kernel is as it is to be; the log has a warning."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["last-good.json"]
    handle.handle_event(from_text("x", BASE), machine, Event.APPLY)
    assert machine.kept is None
    assert "last-good.json: " in log[-1]


# --- how it is kept --------------------------------------------------------------------------


def untouched(path):
    """Return all that stat(2) tells of PATH but when it was read."""
    found = path.stat()
    return [
        getattr(found, name)
        for name in dir(found)
        if name.startswith("st_") and not name.startswith("st_atime")
    ]


def test_only_root_may_read_it_and_it_is_written_once(config, folder):
    """0600, whatever the umask; the same again touches nothing."""
    text = last_good.encode(load(config))
    last_good.save(text)
    path = folder / "last-good.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = untouched(path)
    last_good.save(text)
    assert untouched(path) == before
    assert [one.name for one in folder.iterdir()] == ["last-good.json"]


def test_a_write_that_fails_leaves_the_older_one(config, monkeypatch):
    """Whole or not at all."""
    last_good.save(last_good.encode(load(config)))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(HostError, match="No space left"):
        last_good.save("{}")
    monkeypatch.undo()
    monkeypatch.setenv("DUALWAN_STATE", str(config.parent / "lib"))
    assert last_good.load(config).config.text == BASE


def test_it_is_the_same_configuration_when_it_is_read_again(config, tmp_path):
    """With the rules that stood beside it, whatever stands there now."""
    rules = tmp_path / "rules.d"
    rules.mkdir()
    (rules / "own.toml").write_text(RULE)
    text = re.sub(r"\[mape\].*?\n\n", '[mape]\nprovider = "example"\n\n', BASE, flags=re.DOTALL)
    config.write_text(text)
    before = load(config, rules)
    last_good.save(last_good.encode(before))
    (rules / "own.toml").write_text("[[rule")
    after = last_good.load(config).config
    assert after == before
    assert after.mape.rules.providers == before.mape.rules.providers
    assert "example" in after.mape.rules.providers


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"path": 1}', "\xff", "[" * 100_000, '{"path":"P","text":"[wan"}']
)
def test_a_broken_file_is_none(kept, folder, content):
    """Whatever it holds, it is no error."""
    (folder / "last-good.json").write_text(content.replace("P", str(kept)))
    assert last_good.load(kept) is None


def test_one_that_others_can_write_is_none(kept, folder):
    """What it says decides what root does."""
    (folder / "last-good.json").chmod(0o666)
    assert last_good.load(kept) is None


def test_one_of_another_file_is_none(kept, tmp_path):
    """`--config FILE` names another router."""
    assert last_good.load(kept) is not None
    assert last_good.load(tmp_path / "other.toml") is None


# --- a key that an upgrade no longer knows -----------------------------------------------------


def kept_with(config, text):
    """Return what a version that does not know a key of TEXT makes of it."""
    last_good.save(last_good.encode(replace(load(config), text=text)))
    return last_good.load(config)


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("[wan]\n", "[wan]\nold-key = 1\n"),
        BASE.replace("[pppoe]", '[pppoe]\n"old key" = { a = 1 }'),
        BASE + "\n[old-section]\nkey = 1\n",
    ],
)
def test_an_unknown_key_is_ignored_in_it(config, text):
    """Another version wrote it, and it was in order then; in the present one it is an error."""
    with pytest.raises(ConfigError, match="unknown"):
        from_text(str(config), text)
    assert kept_with(config, text).config == load(config)


@pytest.mark.parametrize(
    "more",
    [
        "[firewall]\nonly-at-night = true\n",
        '[firewall]\ninbound = [{ service = "ssh", sources = ["192.0.2.0/24"] }]\n',
        "[firewall.guard]\ntries = 5\n",
        '[[forward]]\nvia = "pppoe"\nproto = "tcp"\nport = 80\nto = "192.168.1.5"\nsources = []\n',
    ],
)
def test_an_unknown_key_of_the_filter_is_an_error_there_too(config, more):
    """It may have been what kept a service closed; without it the service would be open to all."""
    assert kept_with(config, BASE + "\n" + more) is None


# --- where it is in use ------------------------------------------------------------------------


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
    machine = machine_in_order(Event.APPLY)
    log.clear()
    machine.flush_ruleset()
    carried = Carried(line_due=False)
    Look(carried, Path(kept), machine).run()
    assert "dualwan_firewall" in machine.table_names()
    assert str(kept) in log[0]
    assert "applied last" in log[0]


def test_a_watcher_that_has_seen_another_since_uses_that(kept, log):
    """And does not say that an older one is in use."""
    machine = machine_in_order(Event.APPLY)
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


# --- before ifup -------------------------------------------------------------------------------


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
