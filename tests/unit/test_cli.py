"""The command: apply, dry run, down, and how a plan is shown."""

import json

import pytest


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
    ("choice", "terminal", "painted"),
    [
        ("always", False, True),
        ("always", True, True),
        ("never", True, False),
        ("auto", True, True),
        ("auto", False, False),
    ],
)
def test_colour_is_for_terminals(run, monkeypatch, choice, terminal, painted):
    """Unless it is asked for, or refused."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert ("\x1b[32m" in run("--dry-run", "--color", choice)[1]) is painted


def test_plan_as_json(run):
    """The same plan for programs: signs, texts, problems, number of changes."""
    _, out, _ = run("--dry-run", "--json")
    plan = json.loads(out)
    assert list(plan["slices"]) == ["firewall", "snat", "tunnel", "pbr", "offload"]
    assert plan["changes"] == sum(
        step["sign"] != "=" for steps in plan["slices"].values() for step in steps
    )
    assert plan["problems"] == []
