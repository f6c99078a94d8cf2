"""The environment of scripts; what a run without scripts, or one that goes wrong, tells them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import BASE, config
from owner import CONFIG, OTHER, PPPOE, SHARED, both_up, heard, ppp_up, with_scripts

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.notice.environment import environment


@pytest.fixture(name="machine")
def _machine(log):
    assert log == []
    return with_scripts()


@pytest.fixture(name="router")
def _router(machine):
    return both_up(machine)


def test_without_scripts_nothing_waits(machine):
    """Those that come later are told of each way that is up, at the first change."""
    machine.scripts = False
    handle_event(CONFIG, machine, Event.UP)
    assert machine.take_notices() == ()
    machine.scripts = True
    ppp_up(machine, PPPOE)
    assert heard(machine) == [("up", "mape", "", SHARED), ("up", "pppoe", "", PPPOE)]


def test_a_part_of_the_slices_is_told_too(router):
    """`--slice pbr`: its steps were applied."""
    router.delete_table("dualwan_pbr")
    handle_event(CONFIG, router, Event.APPLY, ["pbr"])
    (notice,) = router.take_notices()
    assert (notice.event, notice.slices, notice.reason) == ("change", ("pbr",), "apply")


def test_what_a_run_that_died_has_changed_is_told_by_the_next(router):
    """It ended between its last step and the notice: the next has nothing to change."""
    router.unplug("ppp0")
    router.scripts = False
    handle_event(CONFIG, router, Event.PPP_DOWN)
    router.scripts = True
    handle_event(CONFIG, router, Event.PPP_DOWN)
    assert heard(router) == [("lost", "pppoe", PPPOE, "")]


def test_a_run_that_was_overtaken_does_not_tell_an_address_of_before(router):
    """It had nothing to change, and looked before the session had another address."""
    has_scripts = router.has_scripts

    def late(*arguments, **options):
        router.has_scripts = has_scripts
        ppp_up(router, OTHER)
        return has_scripts(*arguments, **options)

    router.has_scripts = late
    handle_event(CONFIG, router, Event.MEND)
    assert heard(router) == [("address", "pppoe", PPPOE, OTHER)]
    handle_event(CONFIG, router, Event.MEND)
    assert heard(router) == []


def test_a_slice_that_fails_does_not_keep_the_others_from_being_told(router):
    """What was applied was applied, and the way is lost whatever else failed."""
    router.unplug("ppp0")
    router.delete_table("dualwan_snat")
    router.refuse = ["dualwan_snat"]
    with pytest.raises(HostError):
        handle_event(CONFIG, router, Event.PPP_DOWN)
    assert heard(router) == [("lost", "pppoe", PPPOE, "")]


def test_a_notice_that_cannot_be_kept_is_said_and_all_else_is_done(router, log):
    """The disk is full: the run is as it was, with one line more."""
    router.unplug("ppp0")
    router.refuse = ["pending.json"]
    handle_event(CONFIG, router, Event.PPP_DOWN)
    assert not any(rule.source for rule in router.state.rules)
    (line,) = [line for line in log if "hooks.d" in line]
    assert "are not told: pending.json" in line
    router.refuse = []
    handle_event(CONFIG, router, Event.PPP_DOWN)
    assert heard(router) == [("lost", "pppoe", PPPOE, "")]


def test_the_environment_is_fixed_and_says_it_all(router):
    """Each variable is always there; nothing of ours or of the caller besides."""
    ppp_up(router, OTHER)
    (notice,) = router.take_notices()
    assert environment(notice) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DUALWAN_EVENT": "address",
        "DUALWAN_WAY": "pppoe",
        "DUALWAN_INTERFACE": "ppp0",
        "DUALWAN_OLD_ADDRESS": PPPOE,
        "DUALWAN_NEW_ADDRESS": OTHER,
        "DUALWAN_PORTS": "1-65535",
        "DUALWAN_DEFAULT_WAY": "mape",
        "DUALWAN_PREFIX": "",
        "DUALWAN_SLICES": "pbr",
        "DUALWAN_REASON": "ppp-up",
    }


def test_a_port_set_is_its_ranges(machine):
    """As the calculator prints them: first and last of each block, with a space between."""
    handle_event(CONFIG, machine, Event.UP)
    (notice,) = machine.take_notices()
    words = environment(notice)["DUALWAN_PORTS"].split(" ")
    assert (words[0], words[1], len(words)) == ("1040-1055", "2064-2079", 63)


def test_a_prefix_is_told_where_the_line_has_one(machine, log):
    """For the AAAA record of dynamic DNS."""
    cfg = config(BASE.split("[mape]")[0] + '[mape]\nprovider = "ocn"\n\n[pppoe]\ndial = false\n')
    machine.announced = {"wan0": ("2400:4050:1234:5600::/56",)}
    handle_event(cfg, machine, Event.UP)
    (notice,) = machine.take_notices()
    assert log
    assert environment(notice)["DUALWAN_PREFIX"] == "2400:4050:1234:5600::/56"


LOADED = """
import sys
from dualwan.config import load
from dualwan.handle import handle_event
from dualwan.host.kernel import KernelHost
from dualwan.model.event import Event
from machine import Machine
class Router(Machine):
    has_scripts = KernelHost.has_scripts
    tell_scripts = KernelHost.tell_scripts
machine = Router("wan0", "lan0")
def loaded():
    return [name for name in sys.modules if ".notice" in name]
for name in loaded():  # by the double alone
    del sys.modules[name]
handle_event(load(sys.argv[1]), machine, Event.UP)
print(*loaded())
"""


@pytest.mark.parametrize("made", [False, True])
def test_without_scripts_nothing_is_loaded(tmp_path, made):
    """A folder that is missing or empty costs an event one look at it."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    if made:
        (tmp_path / "hooks.d").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LOADED, path],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)]),
            "DUALWAN_CONFIG": str(path),
            "DUALWAN_RUN": str(tmp_path / "run"),
        },
    )
    assert done.stdout == "\n"
    assert not (tmp_path / "run").exists()
