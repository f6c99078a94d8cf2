"""Hooks in any order, late and repeated, with crashes and meddlers between them."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from machine import (
    CrashError,
    kernel_state,
    ours,
    pending,
    run,
)
from routers import ADDRESSES, CONFIG, FOREIGN, HOOKS, OTHERS, populated, router

from dualwan.model.event import Event

LOOSE = settings(suppress_health_check=[HealthCheck.too_slow])


@LOOSE
@given(
    st.lists(HOOKS, max_size=8),
    st.lists(st.sampled_from([Event.UP, Event.PPP_UP]), min_size=1, max_size=4),
)
def test_late_and_repeated_hooks_end_in_the_same_state(before, repeated):
    """With WAN and PPPoE up, whatever hooks ran late, ifup and ip-up end in one state."""
    machine = router(*before, Event.UP, *repeated, address=ADDRESSES[0])
    whole = router(Event.UP, address=ADDRESSES[0])
    assert kernel_state(machine) == kernel_state(whole)


@LOOSE
@given(st.lists(HOOKS, max_size=8), st.permutations([Event.DOWN, Event.POST_DOWN, Event.PPP_DOWN]))
def test_hooks_of_going_down_leave_nothing_in_any_order(before, goodbye):
    """With both WANs down, ifdown's and pppd's hooks may come in any order."""
    machine = router(*before, address=ADDRESSES[0])
    machine.unplug("ppp0")
    run(machine, CONFIG, Event.DOWN)
    machine.switch("wan0", up=False)
    run(machine, CONFIG, *goodbye)
    if goodbye[-1] is not Event.POST_DOWN:
        run(machine, CONFIG, Event.POST_DOWN)
    assert ours(machine) == ()
    assert machine.state.sysctls["net/ipv4/ip_forward"] == "0"


class Life(RuleBasedStateMachine):
    """A router's life: what happens to the line, hooks in time or late, crashes, meddlers."""

    @initialize()
    def begin(self):
        """Let others have their things first."""
        self.machine = populated()
        self.after = "remove"

    def happen(self, *events):
        """Run the hooks of EVENTS; a run that was killed leaves what it had done."""
        try:
            run(self.machine, CONFIG, *events)
        except CrashError:
            self.after = "crash"

    def link_up(self):
        """Set the WAN up, whose owner gives it again what it lost when it went down."""
        self.machine.switch("wan0", up=True)
        lost = [item for item in OTHERS if item not in self.machine.state.addresses]
        self.machine.state = replace(
            self.machine.state, addresses=(*self.machine.state.addresses, *lost)
        )

    @rule()
    def ifup(self):
        """Take the WAN up with ifup."""
        self.happen(Event.PRE_UP)
        self.link_up()
        self.happen(Event.UP)

    @rule()
    def ifdown(self):
        """Take the WAN down with ifdown, which hangs up first."""
        self.machine.unplug("ppp0")
        self.happen(Event.DOWN)
        self.machine.switch("wan0", up=False)
        self.happen(Event.POST_DOWN)

    @rule(address=st.sampled_from(ADDRESSES))
    def connect(self, address):
        """Connect PPPoE with ADDRESS."""
        self.machine.connect(address)
        self.happen(Event.PPP_UP)

    @rule()
    def disconnect(self):
        """Lose PPPoE."""
        self.machine.unplug("ppp0")
        self.happen(Event.PPP_DOWN)

    @rule(event=HOOKS)
    def late(self, event):
        """Run the hook of EVENT at a time when it makes no sense."""
        self.happen(event)

    @rule(how=st.sampled_from(["crash_after", "refuse_after"]), at=st.integers(0, 12))
    def trouble(self, how, at):
        """Let one of the next steps fail."""
        setattr(self.machine, how, at)

    @precondition(lambda self: self.machine.state.tables)
    @rule(name=st.sampled_from(["dualwan_firewall", "dualwan_snat", "dualwan_pbr"]))
    def meddle(self, name):
        """Let somebody change a table of ours."""
        self.machine.edit_table(name)

    @invariant()
    def others_keep_their_things(self):
        """What is not ours stays through everything."""
        assert set(FOREIGN) <= set(self.machine.state.tables)
        up = {name for name, link in self.machine.state.links.items() if link.up}
        assert {item for item in OTHERS if item.device in up} <= set(self.machine.state.addresses)
        assert not self.machine.lost_ipv6_default or self.machine.state.ipv6_default

    def teardown(self):
        """Whatever it was: one run mends it all, and one removal leaves nothing."""
        self.machine.crash_after = self.machine.refuse_after = None
        life = self.machine.state
        self.link_up()
        assert run(self.machine, CONFIG, Event.APPLY) == []
        assert pending(self.machine, CONFIG, Event.APPLY) == []
        fresh = populated()
        if "ppp0" in self.machine.state.links:
            fresh.connect(self.machine.state.address_of("ppp0"))
        run(fresh, CONFIG, Event.APPLY)
        assert kernel_state(self.machine) == kernel_state(fresh)

        self.machine.state = life
        assert run(self.machine, CONFIG, Event.REMOVE) == []
        assert ours(self.machine) == FOREIGN
        for name, value in populated().state.sysctls.items():
            assert self.machine.state.sysctls[name] == value


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(max_examples=60, stateful_step_count=20)
