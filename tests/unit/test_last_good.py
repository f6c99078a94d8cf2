"""The configuration that was applied last, in use while the present one is wrong."""

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from machine import BASE, Machine

from dualwan import handle
from dualwan.config import from_text, load
from dualwan.errors import ConfigError, HostError
from dualwan.host import last_good
from dualwan.model.event import Event

RULE = """\
[[rule]]
provider = "example"
ipv6-prefix = "240b:f000::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
br = "2001:db8:ffff::1"
"""
pytestmark = pytest.mark.usefixtures("state_folder")


def machine_in_order(*events):
    """Return a machine after EVENTS."""
    machine = Machine("wan0", "lan0")
    for event in events:
        handle.handle_event(from_text("x", BASE), machine, event)
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


def test_only_root_may_read_it_and_it_is_written_once(config, state_folder):
    """0600, whatever the umask; the same again touches nothing."""
    text = last_good.encode(load(config))
    last_good.save(text)
    path = state_folder / "last-good.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = untouched(path)
    last_good.save(text)
    assert untouched(path) == before
    assert [one.name for one in state_folder.iterdir()] == ["last-good.json"]


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
def test_a_broken_file_is_none(kept, state_folder, content):
    """Whatever it holds, it is no error."""
    (state_folder / "last-good.json").write_text(content.replace("P", str(kept)))
    assert last_good.load(kept) is None


def test_one_that_others_can_write_is_none(kept, state_folder):
    """What it says decides what root does."""
    (state_folder / "last-good.json").chmod(0o666)
    assert last_good.load(kept) is None


def test_one_that_was_named_from_its_folder_is_of_the_same_file(config, monkeypatch):
    """`cd /etc/dualwan; dualwan-hook --config dualwan.toml`: events name it from the root."""
    monkeypatch.chdir(config.parent)
    last_good.save(last_good.encode(load(Path(config.name))))
    config.write_text("[wan")
    for path in (config, Path(config.name)):
        found = last_good.load(path)
        assert found
        assert found.config.text == BASE


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
