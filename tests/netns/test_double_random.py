"""Whatever happens in whatever order, the double in memory leaves what the machine leaves."""

import foreign_changes
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from line import CONFIG, OTHER_PPPOE, PPPOE
from pair import TABLES, TWO_WAYS

from dualwan.model.event import Event

LIVES = settings(  # 20 lives, the same each time, of 12 things that happen
    max_examples=20,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
EVENTS = st.sampled_from(list(Event))
STEPS = ("nft table", "nft table ip dualwan_pbr", "rule 10", "route", "address")
VALUES = {
    "net/ipv4/ip_forward": "01",
    "net/ipv6/conf/all/forwarding": "01",
    "net/ipv6/conf/wan0/accept_ra": "012",
    "net/ipv6/conf/lan0/accept_ra": "012",
}


class Life(RuleBasedStateMachine):
    """All sorts of things that happen to a pair."""

    pair = None

    @initialize(text=st.sampled_from([CONFIG, TWO_WAYS]))
    def begin(self, text):
        """Begin as after a boot, with one way or with two."""
        self.pair.text = text
        self.pair.reset()

    @rule(event=EVENTS)
    def happen(self, event):
        """Let an event happen."""
        self.pair.event(event)

    @rule(event=EVENTS, step=st.sampled_from(STEPS))
    def refuse(self, event, step):
        """Let an event happen whose steps the kernel refuses in part."""
        self.pair.event(event, refused=[step])

    @rule(event=EVENTS, at=st.integers(0, 12))
    def killed(self, event, at):
        """Let an event happen whose process is killed."""
        self.pair.event_killed(event, at)

    @rule(event=EVENTS, name=st.sampled_from(["firewall", "snat", "tunnel", "pbr", "offload"]))
    def one_slice(self, event, name):
        """Let an event happen to one slice."""
        self.pair.event(event, only=(name,))

    @rule(event=EVENTS)
    def full_disk(self, event):
        """Let an event happen while nothing can be written."""
        self.pair.event_on_full_disk(event)

    @rule(event=st.sampled_from([Event.REMOVE, Event.DOWN, Event.POST_DOWN]))
    def without_configuration(self, event):
        """Take down what a configuration that is gone had brought up."""
        self.pair.event_without_configuration(event)

    @rule(address=st.sampled_from([PPPOE, OTHER_PPPOE]))
    def connect(self, address):
        """Connect PPPoE."""
        self.pair.connect(address)

    @precondition(lambda self: "ppp0" in self.pair.double.state.links)
    @rule()
    def disconnect(self):
        """Lose PPPoE's device."""
        self.pair.unplug("ppp0")

    @rule(device=st.sampled_from(["wan0", "lan0", "ppp0"]), up=st.booleans())
    def switch(self, device, up):
        """Set a device up or down."""
        if device in self.pair.double.state.links:
            self.pair.switch(device, up=up)

    def teardown(self):
        """What other programs had added is there as they have left it."""
        foreign_changes.check(self.pair)

    @rule()
    def advertise(self):
        """Let the line's router advertise itself."""
        self.pair.advertise()

    @rule(chosen=st.sampled_from(list(VALUES)), data=st.data())
    def set_sysctl(self, chosen, data):
        """Let somebody set a sysctl."""
        self.pair.set_sysctl(chosen, data.draw(st.sampled_from(VALUES[chosen])))

    @rule(name=st.sampled_from(list(TABLES)))
    def meddle(self, name):
        """Let somebody change a table."""
        if name in self.pair.double.table_names():
            self.pair.edit_table(name)

    @rule(change=st.sampled_from(foreign_changes.ALL))
    def meet_others(self, change):
        """Let another program add something of its own."""
        change(self.pair)

    @rule()
    def lose(self):
        """Let somebody take all away that is no sysctl."""
        self.pair.flush_ruleset()
        self.pair.lose_rules()
        self.pair.lose_routes()


@pytest.mark.slow
def test_any_life(pair):
    """Events in any order, late, refused or on a full disk; devices come and go, people meddle."""
    run_state_machine_as_test(type("Life", (Life,), {"pair": pair}), settings=LIVES)
