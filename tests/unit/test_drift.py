"""Living with others on the machine: what they remove, and what they have beside ours."""

import json
from dataclasses import replace

import pytest
from machine import BASE, Machine, config, kernel_state, pending, run

from dualwan import cli
from dualwan.host import xtables
from dualwan.model.event import Event
from dualwan.model.observed import Observed
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable
from dualwan.planning import make_plan
from dualwan.reconcile import reconcile
from dualwan.slices.drift import tables_missing, warnings

CONFIG = config()
LEGACY = ("iptables-legacy filter", "iptables-legacy nat")


def router(*events):
    """Return a machine after EVENTS."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.APPLY, *events)
    return machine


@pytest.mark.parametrize(
    "event", [Event.APPLY, Event.UP, Event.PPP_UP, Event.PPP_DOWN, Event.PREFIX_CHANGED]
)
def test_the_next_event_restores_what_was_flushed(event):
    """Whatever it is about: an event of PPPoE restores the translation of MAP-E too."""
    machine = router()
    whole = kernel_state(machine)
    machine.flush_ruleset()
    run(machine, CONFIG, event)
    assert kernel_state(machine) == whole


def test_an_event_of_pppoe_leaves_the_rest_alone_while_all_is_there():
    """Only what is missing makes it look at more; somebody else's table is no matter."""
    machine = router()
    machine.state = replace(
        machine.state, tables=(*machine.state.tables, NftTable("inet", "theirs"))
    )
    assert [item.name for item in make_plan(CONFIG, machine, Event.PPP_UP).slices] == [
        "firewall",
        "pbr",
        "offload",
    ]


def test_after_ifdown_nothing_is_restored():
    """What we took away ourselves is not missing."""
    machine = router(Event.DOWN, Event.POST_DOWN)
    machine.flush_ruleset()
    machine.unplug("ppp0")
    assert pending(machine, CONFIG, Event.PPP_DOWN) == []
    assert reconcile(CONFIG, machine, Event.PPP_DOWN).warnings == ()


def test_who_cannot_look_misses_nothing():
    """Without root nft shows no tables: that is not the same as none."""
    loaded = RunState(tables=("dualwan_snat",))
    assert not tables_missing(loaded, None)
    assert not tables_missing(loaded, ["dualwan_snat", "filter"])
    assert tables_missing(RunState(tables=("dualwan_snat", "dualwan_pbr")), ["dualwan_pbr"])


def test_what_was_removed_is_said_by_the_run_that_restores_it():
    """Once; the first load of a table is no restoration."""
    machine = Machine("wan0", "lan0")
    assert reconcile(CONFIG, machine, Event.APPLY).warnings == ()
    machine.state = replace(
        machine.state,
        tables=tuple(table for table in machine.state.tables if table.name != "dualwan_snat"),
    )
    said = ("somebody removed nft table ip dualwan_snat",)
    assert make_plan(CONFIG, machine, Event.APPLY).warnings == said
    assert reconcile(CONFIG, machine, Event.APPLY).warnings == said
    assert reconcile(CONFIG, machine, Event.APPLY).warnings == ()


def test_a_changed_table_is_no_removed_one():
    """That is said at the step itself."""
    table = NftTable("ip", "dualwan_snat", intact=False)
    plan = SlicePlan("snat", (Step(Action.CHANGE, table, table),))
    assert warnings(RunState(), Observed(), [plan]) == ()


def test_rules_of_iptables_legacy_are_said():
    """They apply beside nftables, and nothing in nft shows them."""
    assert warnings(RunState(), Observed(legacy=LEGACY), []) == (
        "there are rules of iptables-legacy filter, iptables-legacy nat, which apply beside "
        "ours: move them to nftables, or take them away",
    )


def test_tables_of_xtables_are_read_where_there_are_any(tmp_path, monkeypatch):
    """The kernel lists them in /proc/net, one a line; the file is missing without xtables."""
    names = tmp_path / "ip_tables_names"
    names.write_text("nat\nfilter\n")
    monkeypatch.setattr(
        xtables, "NAMES", (("iptables-legacy", names), ("ip6tables-legacy", tmp_path / "none"))
    )
    assert xtables.tables() == LEGACY
    names.write_text("")
    assert xtables.tables() == ()


@pytest.fixture(name="command")
def _command(monkeypatch, capsys, tmp_path):
    """Return a machine with rules of iptables-legacy, and the command on it."""
    machine = Machine("wan0", "lan0")
    machine.state = replace(machine.state, legacy=LEGACY)
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)

    def call(*argv):
        assert cli.main(["--config", str(path), *argv]) == 0
        return capsys.readouterr().out

    return machine, call


def test_a_person_is_told_by_status_and_by_the_plan(command):
    """In words and in JSON, with what was removed."""
    machine, call = command
    said = "warning: there are rules of iptables-legacy filter"
    assert said in call()
    assert call().startswith("nothing to do\nwarning: there are rules")
    machine.flush_ruleset()
    status = call("status")
    assert said in status
    assert "warning: somebody removed nft table ip dualwan_snat" in status
    assert len(json.loads(call("status", "--json"))["warnings"]) == 4
    assert len(json.loads(call("--dry-run", "--json"))["warnings"]) == 4
