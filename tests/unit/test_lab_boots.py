"""Which scenarios a run of the lab has: each file is in one, and each that is named is there."""

from argparse import Namespace
from pathlib import Path

import boots
import pytest
from image import LabError

USUAL = {"soak": None, "your_lan": None, "long": False, "rest": False, "k": ""}
RELEASED = ("bookworm", "trixie")


def files(step):
    """Return the files of scenarios that a step runs."""
    return [Path(word).name for word in step.get("argv", ()) if word.endswith(".py")]


def test_each_file_is_run():
    """And each that is named is there."""
    boots.check_listed()


@pytest.mark.parametrize("suite", RELEASED)
def test_a_boot_has_each_of_its_scenarios_once(suite):
    """Those of the suite in their order; the upgrade is the last of all."""
    ran = [files(step) for step in boots.steps(Namespace(suite=suite, **USUAL))]
    assert ran[0] == [name for name, suites in boots.FIRST_BOOT.items() if suite in suites]
    assert all(len(set(one)) == len(one) for one in ran)
    assert ran[-1][-1] == boots.UPGRADE


@pytest.mark.parametrize("suite", ["bookworm", "trixie", "forky"])
def test_the_rest_is_what_the_usual_boots_leave_out(suite):
    """So each scenario can run on each suite, and in half of the time each is run once."""
    usual = boots.steps(Namespace(suite=suite, **USUAL))[0]
    rest, _, _, later = boots.steps(Namespace(suite=suite, **{**USUAL, "rest": True}))
    assert files(later) == ["test_boot.py", boots.UPGRADE]
    assert {*files(usual)} | {*files(rest)} == {*boots.FIRST_BOOT}
    assert not {*files(usual)} & {*files(rest)}
    assert "test_zones.py" in files(usual if suite == "bookworm" else rest)


@pytest.mark.parametrize("suite", ["bookworm", "trixie", "forky"])
def test_the_rest_starts_the_wan_by_the_other_word(suite):
    """And then upgrades with the other event first, as its environment tells the scenario."""
    usual, rest = (
        boots.steps(Namespace(suite=suite, **{**USUAL, "rest": other})) for other in (False, True)
    )
    assert {usual[1]["argv"][-1], rest[1]["argv"][-1]} == {"auto", "allow-hotplug"}
    assert "LAB_REST=1" in rest[-1]["argv"]
    assert "LAB_REST=1" not in usual[-1]["argv"]


def test_a_selection_counts_on_each_suite():
    """One boot, in which a scenario of the other suite may be selected too."""
    arguments = {**USUAL, "k": "policies"}
    (step,) = boots.steps(Namespace(suite="bookworm", **arguments))
    assert {"test_policies.py", "test_zones.py"} <= {*files(step)}
    assert step["accept"] == [0, 5]


@pytest.mark.parametrize("chosen", boots.YOUR_LAN)
def test_a_set_of_your_lan_has_a_reboot(chosen):
    """Before it and after it a host has what the pages promise."""
    steps = boots.steps(Namespace(suite="trixie", **{**USUAL, "your_lan": chosen}))
    assert steps[0]["argv"][-2:] == ["guest.prepare_your_lan", chosen]
    assert [bool(files(step)) for step in steps] == [False, True, False, True]
    assert steps[2] == {"reboot": True}


def test_a_file_that_no_boot_runs_is_refused(monkeypatch):
    """Before a guest is started."""
    monkeypatch.setattr(boots, "LONG", boots.LONG[1:])
    with pytest.raises(LabError, match=r"no boot runs test_readme\.py"):
        boots.check_listed()


def test_a_boot_of_a_file_that_is_not_there_is_refused(monkeypatch):
    """The guest's pytest would end with it, after all others have run."""
    monkeypatch.setattr(boots, "LONG", (*boots.LONG, "test_nothing.py"))
    with pytest.raises(LabError, match=r"there is no test_nothing\.py"):
        boots.check_listed()
