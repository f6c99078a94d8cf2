import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from machine import BASE, Machine, ours

from dualwan import cli
from dualwan.errors import BusyError


@pytest.fixture(name="config")
def _config(tmp_path, monkeypatch):
    """Return the path of the configuration in use."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    return path


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """Let the command act on a machine in memory; the log goes nowhere."""
    machine = Machine("wan0", "lan0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    return machine


@pytest.fixture(name="run")
def _run(config, machine, capsys):
    """Return a function that runs the command and returns exit code, output and errors."""
    assert config
    assert machine

    def run(*argv):
        try:
            code = cli.main(argv)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


# --- apply and dry run -----------------------------------------------------------------------


def test_without_a_command_it_brings_everything_to_its_state(run, machine):
    """Shows what it changed, grouped by slice; the second time there is nothing to do."""
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["firewall:", "  + nft table inet dualwan_firewall"]
    assert len(machine.state.tables) == 3
    assert run() == (0, "nothing to do\n", "")


def test_a_dry_run_shows_the_plan_and_changes_nothing(run, machine):
    """Neither the kernel nor the notes are written, whatever would change."""
    before = machine.state
    code, out, _ = run("--dry-run")
    assert code == 0
    assert "  + route default dev mape0 table main" in out.splitlines()
    assert machine.state == before
    assert machine.applied == []


def test_a_dry_run_shows_also_what_is_in_order(run):
    """= for each thing that is as it should be."""
    run()
    code, out, _ = run("--dry-run")
    assert code == 0
    assert {line.strip()[0] for line in out.splitlines() if line.startswith("  ")} == {"="}


def test_exit_code_tells_whether_something_would_change(run):
    """1 where something would, 0 where not: for scripts and tests."""
    assert run("--dry-run", "--exit-code")[0] == 1
    run()
    assert run("--dry-run", "--exit-code")[0] == 0


def test_what_stands_in_the_way_counts_as_a_change(run, machine):
    """A problem is shown by the dry run, with its own mark, and is no 0."""
    machine.plug("mape0", "veth")
    run()
    code, out, _ = run("--dry-run", "--exit-code")
    assert not any(line.startswith(("  +", "  ~", "  -")) for line in out.splitlines())
    assert code == 1
    assert "problem: mape0 (mape.tunnel) is there already, and is no IPv6 tunnel" in out


def test_slices_can_be_named(run, machine):
    """--slice, also more than once, touches only those."""
    assert run("--slice", "snat", "--slice", "pbr")[0] == 0
    assert {table.name for table in machine.state.tables} == {"dualwan_snat", "dualwan_pbr"}


def test_verbose_shows_what_was_in_order_too(run):
    """-v after a run that changed nothing shows why."""
    run()
    assert "  = nft table ip dualwan_snat" in run("-v")[1].splitlines()


def test_down_removes_everything(run, machine):
    """And its dry run shows what it would remove."""
    run()
    _, out, _ = run("--dry-run", "down")
    assert "  - nft table inet dualwan_firewall" in out.splitlines()
    assert len(machine.state.tables) == 3
    assert run("down")[0] == 0
    assert machine.state.tables == ()
    assert run("down") == (0, "nothing to do\n", "")


@pytest.mark.parametrize(
    ("choice", "painted"), [("always", True), ("never", False), ("auto", False)]
)
def test_colour_is_for_terminals(run, choice, painted):
    """The output of a test is no terminal."""
    assert ("\x1b[32m" in run("--dry-run", "--color", choice)[1]) is painted


def test_plan_as_json(run):
    """The same plan for programs: signs, texts, problems, number of changes."""
    _, out, _ = run("--dry-run", "--json")
    plan = json.loads(out)
    assert list(plan["slices"]) == ["firewall", "snat", "tunnel", "pbr"]
    assert plan["changes"] == sum(
        step["sign"] != "=" for steps in plan["slices"].values() for step in steps
    )
    assert plan["problems"] == []


# --- options and exit codes ------------------------------------------------------------------


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
    config.write_text(BASE.replace("psid = 1", "psid = 64"))
    code, out, err = run(*argv)
    assert (code, out) == (3, "")
    assert err.startswith(f"dualwan-hook: {config}:12: mape.psid: PSID 64 does not fit")
    assert err.count("\n") == 1
    assert machine.applied == []


@pytest.mark.parametrize("text", [None, "", "[wan\n", BASE.replace("psid = 1", "psid = 64")])
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


# --- status and events -----------------------------------------------------------------------


def test_status_tells_what_is_there(run, machine):
    """Both WANs, each slice, in words and as JSON."""
    machine.connect("203.0.113.7")
    before = json.loads(run("status", "--json")[1])
    assert {item["state"] for item in before["slices"].values()} <= {"absent", "differs"}
    run()
    after = json.loads(run("status", "--json")[1])
    assert {item["state"] for item in after["slices"].values()} == {"in order"}
    assert after["pppoe"]["address"] == "203.0.113.7"
    assert after["mape"]["ports"] == 1008
    _, out, _ = run("status")
    assert "203.0.113.7" in out
    assert "192.0.2.18, 1008 ports (PSID 1)" in out


def test_status_says_what_is_missing(run, machine):
    """What somebody flushed is pending."""
    run()
    machine.flush_ruleset()
    status = json.loads(run("status", "--json")[1])
    assert status["slices"]["snat"] == {
        "state": "absent",
        "pending": ["+ nft table ip dualwan_snat"],
    }


def test_a_person_can_play_a_hook(run, machine, monkeypatch):
    """`event` does what the hook of that name does, with its environment and its exit code."""
    machine.connect("203.0.113.7")
    monkeypatch.setenv("PPP_IFACE", "ppp0")
    assert run("event", "ppp-up")[0] == 0
    assert "203.0.113.7" in repr(machine.state.rules)
    monkeypatch.setenv("IFACE", "wan0")
    assert run("event", "ifup")[0] == 0
    assert machine.state.tunnels
    assert run("event", "ifdown")[0] == 0
    assert machine.state.tunnels == ()
    monkeypatch.setenv("IFACE", "eth9")
    machine.applied.clear()
    assert run("event", "ifup") == (0, "", "")
    assert machine.applied == []


# --- as a process ----------------------------------------------------------------------------

# Everything is loaded first: a checkout may lie where only its owner can read.
AS_USER = """
import difflib, encodings.ascii, os, nftables, syslog, tomli
import dualwan.host.kernel, dualwan.log, dualwan.report.plan, dualwan.report.status
import dualwan.handle
from dualwan.cli import main
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
raise SystemExit(main())
"""


def as_user(*argv, config):
    """Run the command as a user without rights, on the machine itself."""
    return subprocess.run(
        [sys.executable, "-B", "-c", AS_USER, *argv],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={
            **os.environ,
            "DUALWAN_CONFIG": str(config),
            "DUALWAN_RUN": str(config.parent / "run"),
        },
    )


@pytest.fixture(name="readable")
def _readable(config):
    """Return a configuration that any user can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield shutil.copy(config, Path(folder, "dualwan.toml"))


def test_a_dry_run_needs_no_root(readable):
    """It plans as far as the kernel answers and says what it could not see."""
    done = as_user("--dry-run", config=readable)
    assert done.returncode == 0
    for name in ("firewall", "snat", "pbr"):
        assert f"not seen: {name}: nft shows its tables to root only" in done.stdout
    assert "problem: the interface wan0 (wan.interface) does not exist" in done.stdout
    assert not (readable.parent / "run").exists()


def test_a_change_needs_root(readable):
    """Nothing is tried without; the reason is one line."""
    done = as_user(config=readable)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "root" in done.stderr


def test_check_needs_neither_root_nor_kernel(readable):
    """A configuration can be checked anywhere; what drives the kernel is not even loaded."""
    code = (
        "import sys; from dualwan.cli import main; code = main(['check']);"
        "sys.exit(code or bool({'pyroute2', 'nftables', 'structlog'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            capture_output=True,
            env={**os.environ, "DUALWAN_CONFIG": str(readable)},
        ).returncode
        == 0
    )


def test_a_reader_that_has_seen_enough_is_no_error(readable):
    """`dualwan-hook --dry-run | head -1` ends quietly."""
    command = [sys.executable, "-m", "dualwan.cli", "mape", "2400:4050:5c71:af00::", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command,
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "DUALWAN_CONFIG": str(readable)},
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
