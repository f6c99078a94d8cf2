"""The commands try and confirm, and what status says of a trial."""

import json
from datetime import UTC, datetime

import pytest
from machine import BASE

from dualwan.report import trial as report

OTHER = BASE.replace("psid = 1\n", "psid = 2\n")


def test_try_says_when_it_goes_back_and_confirm_keeps_it(run, machine, config):
    """The plan on stdout, the way back on stderr, before anything else."""
    code, out, err = run("try", "--timeout", "90")
    assert code == 0
    assert out.startswith("firewall:\n  + nft table inet dualwan_firewall")
    assert err == (
        "goes back in 90 s to what was there before, also if this session ends; "
        "to keep it: dualwan-hook confirm\n"
        "applied; 90 s are left to confirm it\n"
    )
    assert machine.armed == 90
    assert run("confirm") == (0, "confirmed\n", "")
    assert run("confirm") == (4, "", "dualwan-hook: no trial is pending\n")
    assert config.read_text() == BASE


def test_try_revert_goes_back_at_once(run, machine):
    """As the timer does; without a trial there is nothing to do."""
    assert run("try", "--revert") == (0, "no trial is pending\n", "")
    run("try")
    assert run("try", "--revert", "--json")[:2] == (0, '{"gone-back": true}\n')
    assert machine.state.tables == ()
    code, _, err = run("confirm")
    assert (code, "has gone back" in err) == (4, True)


def test_a_file_that_was_changed_meanwhile_is_named(run, config):
    """What is confirmed is not what stands there, and the next event uses that."""
    run("try")
    config.write_text(OTHER)
    assert f"but {config} is another one by now" in run("confirm")[1]


def test_another_file_becomes_the_configuration(run, machine, config, tmp_path):
    """Confirm says where it was put."""
    other = tmp_path / "new.toml"
    other.write_text(OTHER)
    assert run("--config", str(other), "try")[0] == 0
    assert run("confirm")[1] == f"confirmed: {config} is now what {other} was\n"
    assert machine.installed == {str(config): OTHER}


@pytest.mark.parametrize("seconds", ["4", "3601", "soon", "-1", "1.5"])
def test_a_timeout_has_limits(run, machine, seconds):
    """A usage error names the option."""
    code, _, err = run("try", "--timeout", seconds)
    assert code == 2
    assert f"--timeout: must be a number from 5 to 3600, not {seconds!r}" in err
    assert machine.trial is None


def test_while_one_is_pending_another_configuration_is_refused_with_5(run, config, machine):
    """Another trial, and the command; down ends the trial."""
    run("try")
    assert run("try")[0] == 5
    assert run()[0] == 0
    config.write_text(OTHER)
    code, _, err = run()
    assert code == 5
    assert "a trial is pending: the router goes back in 60 s" in err
    assert run("--dry-run")[0] == 0
    assert run("down")[0] == 0
    assert (machine.trial, machine.armed) == (None, None)


def test_a_wrong_configuration_is_not_tried(run, config, machine):
    """As it is not applied."""
    config.write_text("[wan\n")
    assert run("try")[0] == 3
    assert (machine.trial, machine.armed) == (None, None)


def test_status_tells_of_a_trial(run, machine):
    """As text, and as JSON for programs."""
    assert json.loads(run("status", "--json")[1])["trial"] is None
    assert "\ntry " not in run("status")[1]
    run("try")
    machine.boottime += 18
    found = json.loads(run("status", "--json")[1])["trial"]
    assert (found["state"], found["left"]) == ("pending", 42)
    assert "(42 s), and then the router goes back" in run("status")[1]
    run("try", "--revert")
    assert json.loads(run("status", "--json")[1])["trial"]["state"] == "not confirmed"
    assert "was not confirmed: events use what was applied before" in run("status")[1]
    run()
    assert json.loads(run("status", "--json")[1])["trial"] is None


def test_status_tells_how_to_try_another_file_again(run, config):
    """Plain `dualwan-hook` applies the usual one, which is in use anyway."""
    other = config.with_name("new.toml")
    other.write_text(OTHER)
    run("--config", str(other), "try")
    run("try", "--revert")
    said = run("status")[1]
    assert f"to try it again: dualwan-hook --config {other} try" in said.replace("\n", " ")
    assert "applies it as it is" not in said
    found = json.loads(run("status", "--json")[1])["trial"]
    assert (found["file"], found["path"]) == (str(other), str(config))


def test_a_file_is_the_same_by_whatever_name(run, config, machine, monkeypatch):
    """Named from its folder, the usual one is no other; of another one the whole name is kept."""
    monkeypatch.chdir(config.parent)
    run("--config", config.name, "try")
    assert (machine.trial.source, machine.trial.path) == (str(config), str(config))
    assert run("confirm") == (0, "confirmed\n", "")
    config.with_name("new.toml").write_text(OTHER)
    run("--config", "new.toml", "try")
    assert machine.trial.source == str(config.with_name("new.toml"))


def test_the_time_of_day_is_the_users():
    """Until when, to the second."""
    now = datetime(2026, 11, 26, 23, 59, 30, tzinfo=UTC)
    data = {"state": "pending", "file": "/etc/f", "left": 42}
    assert report.words(data, now).startswith("/etc/f is tried until 00:00:12 (42 s)")
