"""The run state after a run that was killed or refused: the next one notes what is true then."""

from dataclasses import replace

import pytest
from config_texts import AUTO
from machine import CE, CrashError, Machine, run
from routers import ADDRESSES, CONFIG, router

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.model.plan import Action
from dualwan.model.resources import Address, Flows, Solicitation
from dualwan.nft.table import NftTable
from dualwan.reconcile import reconcile

PREFIXES = ("2400:4050:5c71:af00::/64", "2400:4050:5c71:b000::/64")  # one address, other ports
SHARED = "153.241.113.198"


class KilledAt(Machine):
    """A machine whose process is killed right after the first step that a test names."""

    def kill_after(self, matches):
        """Kill after the next step that ``matches``."""
        original = self.apply

        def apply(step):
            original(step)
            if matches(step):
                self.apply = original
                self.killed = True
                raise CrashError(step.text)

        self.apply = apply


def loads(name):
    """Return what matches the step that loads a table."""
    return lambda step: isinstance(step.resource, NftTable) and step.resource.name == name


@pytest.mark.parametrize("name", ["dualwan_firewall", "dualwan_snat", "dualwan_pbr"])
def test_a_table_that_was_loaded_and_not_noted_is_noted_by_the_next_run(name):
    """So that its loss is noticed, and named, later."""
    machine = KilledAt("wan0", "lan0")
    machine.kill_after(loads(name))
    with pytest.raises(CrashError):
        run(machine, CONFIG, Event.UP)
    run(machine, CONFIG, Event.UP)
    assert set(machine.run_state.tables) == {"dualwan_firewall", "dualwan_snat", "dualwan_pbr"}
    machine.delete_table(name)
    assert "somebody removed nft table" in str(reconcile(CONFIG, machine, Event.PPP_DOWN).warnings)


def test_down_forgets_what_others_have_removed():
    """Tables that were flushed, and a CE address and a tunnel that went with the link."""
    machine = router(Event.UP)
    machine.flush_ruleset()
    machine.unplug("mape0")
    machine.lose_address(Address("wan0", CE))
    run(machine, CONFIG, Event.REMOVE)
    state = machine.run_state
    assert (state.tables, state.addresses, state.tunnels) == ((), (), ())


def test_addresses_of_earlier_prefixes_do_not_pile_up():
    """A link that goes down takes the CE address, and comes back with another prefix."""
    machine = Machine("wan0", "lan0")
    auto = from_text("f", AUTO)
    for at in range(6):
        machine.announced["wan0"] = (PREFIXES[at % 2],)
        machine.switch("wan0", up=False)
        machine.switch("wan0", up=True)
        run(machine, auto, Event.UP)
    assert len(machine.run_state.addresses) == 1
    assert machine.run_state.tunnels == ("mape0",)


def test_a_sysctl_of_our_own_device_has_no_original():
    """Also if the run that made the device was killed before it could set it."""
    machine = KilledAt("wan0", "lan0")
    machine.kill_after(lambda step: step.text.startswith("tunnel"))
    with pytest.raises(CrashError):
        run(machine, CONFIG, Event.UP)
    run(machine, CONFIG, Event.UP)
    assert machine.state.sysctls["net/ipv4/conf/mape0/rp_filter"] == "2"
    assert "net/ipv4/conf/mape0/rp_filter" not in machine.run_state.sysctls["tunnel"]


def renumbered():
    """Return a router, its configuration, after the line announced another prefix."""
    machine, auto = KilledAt("wan0", "lan0"), from_text("f", AUTO)
    machine.announced["wan0"] = (PREFIXES[0],)
    run(machine, auto, Event.UP)
    machine.announced["wan0"] = (PREFIXES[1],)
    machine.applied.clear()
    return machine, auto


def forgets(machine):
    """Return whether the flows of the shared address were forgotten."""
    return SHARED in [
        step.resource.address for step in machine.applied if isinstance(step.resource, Flows)
    ]


@pytest.mark.parametrize("refused", ["conntrack entries", "net/ipv4/conf/mape0/rp_filter"])
def test_flows_on_the_old_ports_go_with_the_next_event(refused):
    """Whether forgetting them is refused, or a step before: the address itself is the same."""
    machine, auto = renumbered()
    machine.set_sysctl("net/ipv4/conf/mape0/rp_filter", "0")
    machine.refuse = [refused]
    run(machine, auto, Event.PREFIX_CHANGED)
    assert not forgets(machine)
    machine.refuse = []
    run(machine, auto, Event.PREFIX_CHANGED)
    assert forgets(machine)
    assert machine.run_state.owed_flows == ()


def test_flows_on_the_old_ports_go_though_the_run_was_killed():
    """Right after the old CE address had gone."""
    machine, auto = renumbered()
    machine.kill_after(
        lambda step: step.action is Action.REMOVE and isinstance(step.resource, Address)
    )
    with pytest.raises(CrashError):
        run(machine, auto, Event.PREFIX_CHANGED)
    run(machine, auto, Event.PREFIX_CHANGED)
    assert forgets(machine)


def test_a_router_is_asked_though_the_run_was_killed():
    """Right after accept_ra was set: nothing else tells the next run that one was due."""
    machine = KilledAt("wan0", "lan0")
    machine.router_answers = False
    machine.state = replace(machine.state, ipv6_default=False)
    machine.kill_after(lambda step: "accept_ra" in step.text)
    with pytest.raises(CrashError):
        run(machine, CONFIG, Event.UP)
    run(machine, CONFIG, Event.UP)
    assert any(isinstance(step.resource, Solicitation) for step in machine.applied)
    machine.advertise("wan0")
    run(machine, CONFIG, Event.UP)
    assert machine.run_state.owed_solicitations == ()


def test_flows_of_a_session_that_came_back_are_owed_no_longer():
    """They can go on, and nothing is noted of them."""
    machine = router(Event.UP, address=ADDRESSES[0])
    machine.refuse = ["conntrack entries"]
    machine.connect(ADDRESSES[1])
    run(machine, CONFIG, Event.PPP_UP)
    machine.connect(ADDRESSES[0])
    run(machine, CONFIG, Event.PPP_UP)
    assert ADDRESSES[0] not in machine.run_state.owed_flows
