"""Scripts of hooks.d that are not run, or have failed: named by check, status and doctor."""

import json
import os

import pytest
from machine import Machine
from scripts import write

from dualwan import inspection
from dualwan.config import load
from dualwan.doctor.machine import group_of
from dualwan.findings import find
from dualwan.handle import handle_event
from dualwan.host.around import files, own_scripts
from dualwan.host.notice import queue
from dualwan.host.notice.queue import Failure
from dualwan.host.surroundings import look
from dualwan.model.event import Event
from dualwan.model.surroundings import OwnScript, Surroundings


@pytest.fixture(name="place")
def _place(config, monkeypatch):
    """Return the folder of the scripts, beside the configuration."""
    monkeypatch.setenv("DUALWAN_RUN", str(config.parent / "run"))
    place = config.parent / "hooks.d"
    place.mkdir(mode=0o755)
    return place


def found(config, around):
    """Return code and text of each finding about scripts."""
    return [(one.code, one.text) for one in find(load(config), around)]


def test_what_is_not_run_is_named_with_the_reason_and_what_to_do(config, place):
    """By its whole path, as each finding about a file."""
    write(place, "50-ddns.sh", "exit 0")
    write(place, "60-mail", "exit 0").chmod(0o775)
    around = Surroundings(own_scripts=own_scripts.refused(place))
    assert found(config, around) == [
        (
            "hooksd-name",
            f"{place}/50-ddns.sh is not run: its name has another letter than a-z, A-Z, 0-9, _ "
            "and - (run-parts(8)): rename it; no dot, no .sh",
        ),
        (
            "hooksd-untrusted",
            f"{place}/60-mail is not run: others than root may change it: read it, then chown "
            "root 60-mail; chmod go-w 60-mail",
        ),
    ]
    assert {group_of(one) for one in find(load(config), around)} == {"owner-scripts"}


def test_check_names_them_without_root(config, place):
    """It reads the folder beside the configuration, and nothing else is needed."""
    write(place, "50-ddns.sh", "exit 0")
    assert files.look(config=load(config)).own_scripts[0].path == str(place / "50-ddns.sh")
    said = inspection.check(load(config), as_json=False, width=None)
    assert f"warning: {place}/50-ddns.sh is not run" in said
    data = json.loads(inspection.check(load(config), as_json=True, width=None))
    assert [one["code"] for one in data["findings"]] == ["hooksd-name"]


def test_a_failure_is_named_until_it_is_over_or_the_script_is_gone(config, place):
    """With the notice at which it failed; one of another folder is not ours to name."""
    path = write(place, "50-ddns", "exit 7")
    with queue.locked():
        queue.save_failures(
            [
                Failure(str(place), "50-ddns", "exit code 7", "up of pppoe"),
                Failure("/elsewhere", "a", "exit code 1", "change"),
            ]
        )
    assert own_scripts.failed(place) == (
        OwnScript(str(path), "failed", "exit code 7", of="up of pppoe"),
    )
    assert look(config=load(config)).own_scripts == own_scripts.failed(place)
    path.unlink()
    assert own_scripts.failed(place) == ()


def test_who_may_not_see_failures_is_told(config, place, monkeypatch):
    """Where there are scripts; to root, and without scripts, nothing is said."""
    write(place, "50-ddns", "exit 7")
    assert look(config=load(config)).unseen == ()
    with queue.locked():
        queue.save_failures([Failure(str(place), "50-ddns", "exit code 7", "up of pppoe")])
    assert look(config=load(config)).unseen == ()

    def refuse(_name):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dualwan.host.run_files.read", refuse)
    said = f"{place}: whether a script failed at its last run is shown to root only"
    assert look(config=load(config)).unseen == (said,)
    (place / "50-ddns").unlink()
    assert look(config=load(config)).unseen == ()


def test_status_says_what_only_root_sees(run, machine):
    """In its text and in its data; nobody takes silence for success."""
    machine.around = Surroundings(unseen=("hooks.d: shown to root only",))
    assert run()[0] == 0
    assert "not seen: hooks.d: shown to root only" in run("status")[1]
    assert "hooks.d: shown to root only" in json.loads(run("status", "--json")[1])["unseen"]


def test_status_names_a_failure_and_says_that_the_router_works(config, run, machine):
    """A script is the owner's: what it fails to do is not the router's work."""
    machine.around = Surroundings(
        own_scripts=(OwnScript("/etc/dualwan/hooks.d/a", "failed", "exit code 7", of="change"),)
    )
    assert run()[0] == 0
    code, said, _ = run("status")
    assert code == 0
    assert (
        "obstacle: the script /etc/dualwan/hooks.d/a failed at its last run, change: exit code 7"
        in said
    )
    assert "hooks.d" not in json.loads(run("status", "--json")[1])["cause"]
    assert config


def test_a_script_that_is_switched_off_is_no_failure_of_doctor(config, run, machine):
    """`chmod a-x`: its owner knows. What fails is."""

    def answer(code):
        machine.around = Surroundings(own_scripts=(OwnScript("/a", code, "reason", "remedy"),))
        checks = json.loads(run("doctor", "--json")[1])["checks"]
        (one,) = [one for one in checks if one["name"] == "owner-scripts"]
        return one["result"], one["seen"]

    assert config
    assert answer("mode") == ("ok", "none has failed; /a is not run: reason: remedy")
    assert answer("untrusted") == ("failed", "/a is not run: reason")
    assert answer("failed")[0] == "failed"


def test_one_with_a_name_of_another_code_is_named_at_an_event(config, place, log):
    """In EUC-JP: the event went no further, and the command ended with a traceback."""
    write(place, os.fsdecode("10-メモ".encode("euc-jp")), "exit 0")
    machine = Machine("wan0", "lan0")
    machine.around = Surroundings(own_scripts=own_scripts.refused(place))
    handle_event(load(config), machine, Event.APPLY)
    assert machine.kept is not None
    assert any("is not run: its name has another letter" in line for line in log)
