"""A slice that is added by a test alone goes through all that the program does with slices."""

import json
from dataclasses import replace

import pytest
from machine import BASE, Machine, config, pending, run

from dualwan import cli, slices
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.observed import TableId
from dualwan.model.plan import SlicePlan, restore_steps, sysctl_steps
from dualwan.model.resources import Sysctl
from dualwan.nft.table import NftTable, base_chain
from dualwan.slices import Slice
from dualwan.slices.tables import table_plan

LOG_MARTIANS = "net/ipv4/conf/wan0/log_martians"
TABLE = TableId("ip", "dualwan_toy")
WANTED = NftTable(
    TABLE.family,
    TABLE.name,
    (base_chain("toy", "type filter hook input priority 5; policy accept;", "accept"),),
)


def bring_up(at):
    """Load a table, and set a sysctl."""
    nft, unobserved = table_plan("toy", WANTED, TABLE.name, at.observed)
    return SlicePlan(
        "toy",
        (*nft, *sysctl_steps([Sysctl(LOG_MARTIANS, "1")], at.observed.sysctls)),
        unobserved=unobserved,
    )


def take_down(remains):
    """Remove the table, and restore the sysctl."""
    nft, unobserved = table_plan("toy", None, TABLE.name, remains.observed)
    originals = remains.state.sysctls.get("toy", {})
    return SlicePlan(
        "toy",
        (*nft, *restore_steps(originals, (), remains.observed.sysctls)),
        unobserved=unobserved,
    )


TOY = Slice(
    "toy",
    bring_up,
    take_down,
    needs="firewall",
    table=TABLE,
    sysctls=lambda _config, _ways: (LOG_MARTIANS,),
    note_up=lambda state, _at: replace(state, notified={**state.notified, "toy": "2001:db8::77"}),
)


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    monkeypatch.setattr(slices, "ALL", (*slices.ALL, TOY))
    monkeypatch.setattr(cli, "SLICES", (*cli.SLICES, TOY.name))
    machine = Machine("wan0", "lan0")
    machine.set_sysctl(LOG_MARTIANS, "0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    return machine


def test_it_is_planned_applied_and_taken_down(machine):
    """In its order, with what it notes; the second run plans nothing; down restores."""
    assert f"~ sysctl {LOG_MARTIANS} 0 -> 1" in pending(machine, config(), Event.APPLY)
    assert run(machine, config(), Event.APPLY) == []
    assert pending(machine, config(), Event.APPLY) == []
    assert machine.state.sysctls[LOG_MARTIANS] == "1"
    assert machine.run_state.notified["toy"] == "2001:db8::77"
    assert machine.run_state.sysctls["toy"] == {LOG_MARTIANS: "0"}
    assert run(machine, config(), Event.REMOVE) == []
    assert machine.state.sysctls[LOG_MARTIANS] == "0"
    assert machine.state.tables == ()
    assert "toy" not in machine.run_state.sysctls


def test_it_waits_for_what_it_needs(machine):
    """Without the firewall it is not brought up."""
    machine.refuse = ["dualwan_firewall"]
    assert "toy waits for firewall" in run(machine, config(), Event.APPLY)


def test_it_is_logged_and_told_when_it_drifts(machine, log):
    """Each step with its slice; a table that somebody removed is named."""
    handle_event(config(), machine, Event.UP)
    assert "+ nft table ip dualwan_toy (cause=ifup slice=toy)" in log
    log.clear()
    machine.flush_ruleset()
    handle_event(config(), machine, Event.PPP_UP)
    assert any("somebody removed nft table ip dualwan_toy (cause=ppp-up" in line for line in log)


def test_the_command_knows_it(machine, tmp_path, capsys):
    """Its name is a choice of --slice and stands in --help; plan and status have it."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    argv = ["--config", str(path)]
    assert cli.main([*argv, "--slice", "toy"]) == 0
    assert "+ nft table ip dualwan_toy" in capsys.readouterr().out
    assert [table.name for table in machine.state.tables] == ["dualwan_toy"]
    assert cli.main([*argv, "--dry-run", "--slice", "toy", "--exit-code"]) == 0
    capsys.readouterr()
    assert cli.main([*argv, "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slices"]["toy"]["state"] == "in order"
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "offload, toy)" in " ".join(capsys.readouterr().out.split())
