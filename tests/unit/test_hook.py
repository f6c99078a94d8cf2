"""Hooks: those of others load nothing, ours do what their event asks for and never fail."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from config_texts import WRONG
from machine import BASE, Machine

from dualwan import hook
from dualwan.model.event import Event

HOOKS = Path(__file__).parents[2] / "hooks"
# What takes longer to load than the whole of a hook that is not ours may take.
HEAVY = {
    "dns",
    "pyroute2",
    "structlog",
    "nftables",
    "tomli",
    "pyudev",
    "argparse",
    "dataclasses",
    "pathlib",
    "re",
    "json",
    "subprocess",
    "logging",
    "dualwan.config",
    "dualwan.slices.goals",
}
RUN_AND_TELL = """
import sys
from dualwan import paths
paths.CONFIG, paths.RUN_DIR = sys.argv[1], "/nonexistent"
sys.argv = sys.argv[2:]
code = 0
try:
    exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
except SystemExit as end:
    code = end.code
print(code, *sys.modules)
"""


def run_hook(path, config, *arguments, **environ):
    """Run the hook at PATH as ifupdown and pppd do; return code, modules loaded and errors."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", RUN_AND_TELL, config, path, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.environ["PYTHONPATH"], **environ},
    )
    code, *modules = done.stdout.split()
    return int(code), set(modules), done.stderr


# --- whose business it is --------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [
        {"PHASE": "post-up", "IFACE": "eth9"},
        {"PHASE": "post-up", "IFACE": "--all"},
        {"PHASE": "pre-up", "IFACE": "lo"},
        {"PHASE": "post-up"},
        {},
    ],
)
def test_other_interfaces_load_nothing(config, environ):
    """Not ours: out again before anything heavy is imported, with code 0."""
    code, modules, said = run_hook(HOOKS / "ifupdown", config, **environ)
    assert code == 0
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("dualwan")} == {
        "dualwan",
        "dualwan.hook",
        "dualwan.paths",
    }
    assert said == ""


@pytest.mark.parametrize("action", ["pre-up", "up", "pre-down", "down", "connectivity-change"])
def test_another_connection_of_networkmanager_loads_nothing(config, action):
    """NetworkManager runs the hook for each device, and waits for it before it comes up."""
    code, modules, said = run_hook(HOOKS / "networkmanager", config, "wlan9", action)
    assert (code, said) == (0, "")
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("dualwan")} == {
        "dualwan",
        "dualwan.hook",
        "dualwan.paths",
    }


@pytest.mark.parametrize("folder", ["ip-up.d", "ip-down.d"])
@pytest.mark.parametrize("environ", [{}, {"CALL_FILE": ""}, {"CALL_FILE": "lte"}])
def test_another_pppd_loads_nothing(config, tmp_path, folder, environ):
    """A VPN's pppd runs the same folders."""
    (tmp_path / folder).mkdir()
    hook = tmp_path / folder / "00dualwan-hook"
    hook.symlink_to(HOOKS / "ppp")
    code, modules, said = run_hook(hook, config, PPP_IFACE="ppp7", **environ)
    assert (code, said) == (0, "")
    assert not modules & HEAVY


def test_without_a_configuration_nothing_happens(tmp_path):
    """Installed and not configured yet: every ifup goes on as before."""
    code, modules, said = run_hook(
        HOOKS / "ifupdown", tmp_path / "none", PHASE="post-up", IFACE="wan0"
    )
    assert (code, said) == (0, "")
    assert not modules & HEAVY


@pytest.mark.parametrize("name", ["ifupdown", "networkmanager", "ppp"])
def test_hooks_that_outlive_the_package_are_silent(name):
    """Files in /etc stay after `apt remove`; they end with 0 and no word."""
    done = subprocess.run(
        [sys.executable, "-I", HOOKS / name, "wan0", "up"],
        check=False,
        capture_output=True,
        env={"PHASE": "post-up", "IFACE": "wan0", "PPP_IFACE": "ppp0"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_interface_that_is_only_mentioned_changes_nothing(config, machine, log):
    """The LAN stands in the configuration, but its ifup is none of our business."""
    assert hook.hook("up", "lan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert machine.applied == []
    assert log == []


# --- what is ours ----------------------------------------------------------------------------


def test_a_hook_does_what_its_event_asks_for(config, machine, log):
    """One function of the environment: the event happens, each change is logged, 0."""
    environ = {"DUALWAN_CONFIG": str(config), "IFACE": "wan0", "PHASE": "up"}
    assert hook.hook(*hook.from_ifupdown("if-up.d", environ), environ) == 0
    assert {table.name for table in machine.state.tables} == {
        "dualwan_firewall",
        "dualwan_snat",
        "dualwan_pbr",
    }
    assert len(log) == len(machine.applied)
    machine.connect("203.0.113.1")
    environ = {"DUALWAN_CONFIG": str(config), "PPP_IFACE": "ppp0"}
    assert hook.hook(*hook.from_ppp("ip-up.d", environ), environ) == 0
    assert "203.0.113.1" in repr(machine.state.rules)


def test_pppd_s_default_device_needs_no_mention(config, machine, log):
    """ppp0 is the default, so a configuration that does not name it is about it."""
    machine.connect("203.0.113.1")
    assert "ppp0" not in config.read_text()
    assert hook.hook("ppp-up", "ppp0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert machine.applied
    assert log


PEER = {"dsl-provider": BASE, "flets": BASE + 'peer = "flets"\n'}


@pytest.mark.parametrize("peer", PEER)
@pytest.mark.parametrize(
    ("session", "ours"),
    [
        (("ppp3", "PEER"), True),
        (("ppp0", "PEER"), True),
        (("ppp0", "lte"), True),  # it has our name: nothing is to be offered on it
        (("ppp3", "lte"), False),
        (("ppp3", ""), False),
        (("ppp3", "PEER2"), False),
    ],
)
def test_a_session_of_our_peer_is_ours_whatever_its_unit(config, monkeypatch, peer, session, ours):
    """P4: pppd says in CALL_FILE which peer it was called for (options.c, callfile)."""
    handled = []
    monkeypatch.setattr("dualwan.handle.handle_event", lambda *given: handled.append(given[2]))
    config.write_text(PEER[peer])
    environ = {
        "DUALWAN_CONFIG": str(config),
        "PPP_IFACE": session[0],
        "CALL_FILE": session[1].replace("PEER", peer),
    }
    for folder, event in (("ip-up.d", Event.PPP_UP), ("ip-down.d", Event.PPP_DOWN)):
        assert hook.hook(*hook.from_ppp(folder, environ), environ) == 0
        assert handled == [event] * ours
        handled.clear()


def test_an_ifup_within_an_ip_up_script_is_not_pppds_event(config, monkeypatch):
    """It inherits CALL_FILE, but is about another interface."""
    monkeypatch.setattr("dualwan.handle.handle_event", lambda *_: pytest.fail("handled"))
    environ = {"DUALWAN_CONFIG": str(config), "CALL_FILE": "dsl-provider"}
    assert hook.hook("up", "eth9", environ) == 0


def test_a_broken_configuration_is_one_line_and_zero(config, machine, log, capsys):
    """The log has file, line and reason; ifup shows it; the interface comes up all the same."""
    config.write_text(WRONG)
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert machine.applied == []
    assert len(log) == 1
    assert log[0].startswith(f"{config}:12: mape.psid: PSID 64 does not fit")
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"wan0 \xff", b"wan0 = [", b"# wan0\n"])
def test_no_configuration_makes_a_hook_fail(config, machine, log, content):
    """Bytes that are no text, text that is no TOML, TOML that says nothing: one line and 0."""
    config.write_bytes(content)
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert machine.applied == []
    assert len(log) == 1
    assert str(config) in log[0]


def test_a_kernel_that_refuses_is_one_line_and_zero(config, machine, log, capsys):
    """What could not be done is the last line of the log."""
    machine.refuse = ["dualwan_firewall"]
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert "dualwan_firewall" in log[-1]
    assert "dualwan_firewall" in capsys.readouterr().err


class Stuck(Machine):
    """A machine that does not answer."""

    def observe(self, *_):
        """Take for ever."""
        time.sleep(60)


@pytest.mark.slow
def test_a_hook_has_a_deadline(config, monkeypatch, log):
    """Pppd holds back ip-down until ip-up has ended, so it ends: a line in the log and 0."""
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", Stuck)
    monkeypatch.setattr(hook, "DEADLINE_SECONDS", 1)
    began = time.monotonic()
    assert hook.hook("ppp-up", "ppp0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert time.monotonic() - began < 10
    assert log == ["gave up after 1 s (cause=ppp-up code=DW-ZYM47)"]
