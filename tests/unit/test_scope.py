"""An event looks at everything that is cheap: what is gone outside its scope is put back too."""

from dataclasses import replace

import pytest
from machine import Machine, config, kernel_state, pending, run

from dualwan.model.event import Event
from dualwan.nft.table import NftTable
from dualwan.planning import make_plan

CONFIG = config()


def router():
    """Return a machine that is up, with a PPP session and an event of it behind it."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    run(machine, CONFIG, Event.APPLY, Event.PPP_UP)
    return machine


def lose(field, wanted):
    """Return a function that takes those of ``field`` away for which ``wanted`` is true."""

    def lost(machine):
        kept = tuple(item for item in getattr(machine.state, field) if not wanted(item))
        assert kept != getattr(machine.state, field)
        machine.state = replace(machine.state, **{field: kept})

    return lost


LOSSES = {
    "the default route in main": lose("routes", lambda route: route.device == "mape0"),
    "the CE address": lose("addresses", lambda item: item.device == "wan0"),
    "the tunnel": lambda machine: machine.unplug("mape0"),
    "the tunnel's address": lose("addresses", lambda item: item.device == "mape0"),
    "forwarding": lambda machine: machine.set_sysctl("net/ipv4/ip_forward", "0"),
    "accept_ra": lambda machine: machine.set_sysctl("net/ipv6/conf/wan0/accept_ra", "1"),
    "rp_filter of the tunnel": lambda machine: machine.set_sysctl(
        "net/ipv4/conf/mape0/rp_filter", "1"
    ),
    "the translation": lambda machine: machine.delete_table("dualwan_snat"),
    "a rule of the translation": lambda machine: machine.edit_table("dualwan_snat"),
    "a flap of the WAN": lambda machine: [
        machine.switch("wan0", up=False),
        machine.switch("wan0", up=True),
    ],
}


@pytest.mark.parametrize("what", LOSSES)
@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN])
def test_an_event_of_pppoe_puts_back_what_is_gone_of_map_e(event, what):
    """And then there is nothing left to do."""
    machine = router()
    whole = kernel_state(machine)
    LOSSES[what](machine)
    assert kernel_state(machine) != whole
    assert run(machine, CONFIG, event) == []
    assert kernel_state(machine) == whole
    assert pending(machine, CONFIG, Event.APPLY) == []


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN, Event.MEND])
def test_after_ifdown_nothing_is_put_back(event):
    """Nothing of it is wanted then, although all of it is gone."""
    machine = router()
    machine.unplug("ppp0")
    machine.switch("wan0", up=False)
    run(machine, CONFIG, Event.DOWN, Event.POST_DOWN)
    before = kernel_state(machine)
    run(machine, CONFIG, event)
    assert kernel_state(machine) == before


def test_a_table_of_another_program_does_not_widen_an_event():
    """The ruleset is another one, so every table of ours is looked at once; then no longer."""
    machine = router()
    machine.state = replace(
        machine.state, tables=(*machine.state.tables, NftTable("inet", "theirs"))
    )
    machine.generation += 1
    observe, reads = machine.observe, []

    def observing(asked):
        reads.append({table.name for table in asked.tables})
        return observe(asked)

    machine.observe = observing
    plan = make_plan(CONFIG, machine, Event.PPP_UP)
    assert [item.name for item in plan.slices] == ["firewall", "pbr", "offload"]
    assert "dualwan_snat" in reads[-1]
    run(machine, CONFIG, Event.PPP_UP)
    reads.clear()
    make_plan(CONFIG, machine, Event.PPP_UP)
    assert reads == [{"dualwan_firewall", "dualwan_pbr", "dualwan_offload"}]


def test_the_generation_is_noted_only_where_every_table_was_seen_as_wanted():
    """A named slice says nothing of the others; a refused one nothing at all."""
    machine = Machine("wan0", "lan0")
    run(machine, CONFIG, Event.APPLY, only=("snat",))
    assert machine.run_state.generation == 0
    machine.refuse = ["dualwan_pbr"]
    run(machine, CONFIG, Event.APPLY)
    assert machine.run_state.generation == 0
    machine.refuse = []
    run(machine, CONFIG, Event.APPLY)
    assert machine.run_state.generation == machine.generation
    machine.edit_table("dualwan_snat")
    run(machine, CONFIG, Event.APPLY, only=("pbr",))
    assert machine.run_state.generation != machine.generation


def test_without_root_the_generation_is_unknown():
    """Nothing follows from that."""
    machine = router()
    machine.state = replace(machine.state, tables=None)
    assert make_plan(CONFIG, machine, Event.PPP_UP).generation is None
