from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from machine import (
    BASE,
    CE,
    CrashError,
    Machine,
    config,
    kernel_state,
    ours,
    pending,
    run,
    wanted_of,
)

from dualwan import handle as running
from dualwan.errors import HostError
from dualwan.host.fake import FakeHost
from dualwan.model.event import Event
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Flows, Route, RouteRule
from dualwan.model.state import RunState
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable
from dualwan.reconcile import make_plan, reconcile
from dualwan.slices import firewall

CONFIG = config()
FOREIGN = (NftTable("inet", "filter"), NftTable("ip", "dualwan"))
OTHERS = (Address("wan0", "2001:db8:0:100::5"), Address("lan0", "192.168.1.1"))
ADDRESSES = ("203.0.113.1", "203.0.113.2")


def router(*events, address=""):
    """Return a router with its WAN up, after EVENTS; with ADDRESS PPPoE is up too."""
    machine = Machine("wan0", "lan0")
    if address:
        machine.connect(address)
    run(machine, CONFIG, *events)
    return machine


# --- idempotence -----------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", *ADDRESSES[:1]])
@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("before", [(), (Event.UP,), (Event.UP, Event.DOWN), (Event.REMOVE,)])
def test_the_second_run_plans_nothing(before, event, address):
    """Whatever happened before, the same event twice does nothing the second time."""
    machine = router(*before, event, address=address)
    assert pending(machine, CONFIG, event) == []
    machine.applied.clear()
    run(machine, CONFIG, event)
    assert machine.applied == []


def test_hooks_of_two_stanzas_are_as_good_as_one():
    """Debian runs each hook once a stanza."""
    once = router(Event.PRE_UP, Event.UP)
    twice = router(Event.PRE_UP, Event.PRE_UP, Event.UP, Event.UP)
    assert kernel_state(once) == kernel_state(twice)


def test_planning_changes_nothing():
    """A dry run is a plan: neither the kernel nor the notes change, and no lock is taken."""
    machine = router()
    before = machine.state
    assert make_plan(CONFIG, machine, Event.APPLY).changes > 0
    assert machine.state == before


# --- what an event touches -------------------------------------------------------------------


def test_a_new_pppoe_address_touches_neither_tunnel_nor_snat():
    """Only the rule that names it changes, and the old flows go."""
    machine = router(Event.UP, Event.PPP_UP, address=ADDRESSES[0])
    machine.connect(ADDRESSES[1])
    machine.applied.clear()
    run(machine, CONFIG, Event.PPP_UP)
    assert {(step.sign, type(step.resource)) for step in machine.applied} == {
        ("~", type(machine.applied[0].resource)),
        ("+", Route),
        ("-", RouteRule),
        ("+", RouteRule),
        ("-", Flows),
    }
    assert Flows(ADDRESSES[0]) in [step.resource for step in machine.applied]
    assert ADDRESSES[0] not in repr(
        (machine.state.rules, machine.state.routes, machine.state.tables)
    )


def test_the_same_address_again_keeps_its_flows():
    """A short cut of PPPoE does not end connections that could go on."""
    machine = router(Event.UP, Event.PPP_UP, address=ADDRESSES[0])
    machine.unplug("ppp0")
    run(machine, CONFIG, Event.PPP_DOWN)
    machine.connect(ADDRESSES[0])
    machine.applied.clear()
    run(machine, CONFIG, Event.PPP_UP)
    assert not [step for step in machine.applied if isinstance(step.resource, Flows)]


def test_only_the_named_slices_are_touched():
    """--slice snat loads one table and looks at nothing else."""
    machine = router()
    run(machine, CONFIG, Event.APPLY, only=("snat",))
    assert [step.text for step in machine.applied] == ["nft table ip dualwan_snat"]
    assert not machine.run_state.wanted


def test_what_a_table_counted_is_remembered_when_it_goes():
    """Twice up and down: status counts since the machine started."""
    machine = router()
    for _ in range(2):
        run(machine, CONFIG, Event.APPLY)
        machine.named_counts = {"no_port": 2, "untranslated": 1}
        machine.element_counts = {"192.168.1.10": 3}
        run(machine, CONFIG, Event.APPLY)  # changes nothing, and counts nothing twice
        run(machine, CONFIG, Event.REMOVE)
    assert machine.run_state.losses == Losses({"192.168.1.10": 6}, 4, 2)


def test_the_firewall_is_first_up_and_last_down():
    """Closed first, open last."""
    machine = router(Event.UP, address=ADDRESSES[0])
    assert machine.applied[0].text == "nft table inet dualwan_firewall"
    machine.applied.clear()
    run(machine, CONFIG, Event.REMOVE)
    assert machine.applied[-1] == Step(Action.REMOVE, wanted_of(firewall, CONFIG))


def test_ipv6_never_loses_its_default_route():
    """accept_ra is 2 before forwarding is on, the first time and after ifdown."""
    machine = router(Event.UP, Event.DOWN, Event.UP)
    assert machine.state.ipv6_default
    assert not machine.lost_ipv6_default


# --- removal ---------------------------------------------------------------------------------


def populated():
    """Return a router that others use too, as it was before we came."""
    machine = Machine("wan0", "lan0")
    machine.set_sysctl("net/ipv4/ip_forward", "1")
    machine.state = replace(machine.state, tables=FOREIGN, addresses=OTHERS)
    return machine


@pytest.mark.parametrize("goodbye", [(Event.REMOVE,), (Event.DOWN, "down", Event.POST_DOWN)])
def test_nothing_of_ours_stays_and_all_of_others_does(goodbye):
    """Taking down leaves the kernel as it was: sysctls, addresses, tables, rules."""
    machine = populated()
    if "down" in goodbye:
        before = populated()
        before.switch("wan0", up=False)
    else:
        before = populated()
    run(machine, CONFIG, Event.PRE_UP, Event.UP, Event.UP)
    machine.connect(ADDRESSES[0])
    run(machine, CONFIG, Event.PPP_UP)
    machine.unplug("ppp0")
    for word in goodbye:
        if word == "down":
            machine.switch("wan0", up=False)
        else:
            run(machine, CONFIG, word)
    assert kernel_state(machine) == kernel_state(before)
    assert machine.run_state == RunState(softwires={"mape": "192.0.2.18"})


def test_what_somebody_set_meanwhile_does_not_count_as_the_original():
    """The value that stood before the first of our runs is put back."""
    machine = router(Event.UP)
    machine.set_sysctl("net/ipv6/conf/wan0/accept_ra", "0")
    run(machine, CONFIG, Event.APPLY, Event.REMOVE)
    assert machine.state.sysctls["net/ipv6/conf/wan0/accept_ra"] == "1"


def test_a_sysctl_that_goes_with_its_device_is_no_obstacle():
    """rp_filter of the tunnel, noted because somebody had set it, is gone with the tunnel."""
    machine = router(Event.UP)
    machine.set_sysctl("net/ipv4/conf/mape0/rp_filter", "1")
    assert run(machine, CONFIG, Event.APPLY, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router())


def test_a_lan_that_left_the_configuration_gets_its_sysctl_back():
    """What the configuration names no longer is put back by the next run."""
    machine = Machine("wan0", "lan0", "lan1")
    run(machine, config(a='["lan0"] -> ["lan0", "lan1"]'), Event.UP)
    assert machine.state.sysctls["net/ipv6/conf/lan1/accept_ra"] == "2"
    run(machine, CONFIG, Event.APPLY)
    assert machine.state.sysctls["net/ipv6/conf/lan1/accept_ra"] == "1"
    assert machine.state.sysctls["net/ipv6/conf/lan0/accept_ra"] == "2"


# --- failure ---------------------------------------------------------------------------------


def steps_of(events, address):
    """Return how many steps EVENTS take."""
    return len(router(*events, address=address).applied)


@pytest.mark.parametrize("how", ["crash_after", "refuse_after"])
@pytest.mark.parametrize("at", range(steps_of((Event.UP,), ADDRESSES[0])))
def test_a_run_that_stops_anywhere_is_mended_by_the_next(how, at):
    """Killed or refused at any step: the next run ends as if nothing had been, and so does down."""
    machine = router(address=ADDRESSES[0])
    setattr(machine, how, at)
    try:
        problems = run(machine, CONFIG, Event.UP)
    except CrashError:
        assert how == "crash_after"
    else:
        assert problems
    again = replace(machine.state)
    assert run(machine, CONFIG, Event.UP) == []
    whole = router(Event.UP, address=ADDRESSES[0])
    assert kernel_state(machine) == kernel_state(whole)
    assert pending(machine, CONFIG, Event.APPLY) == []

    machine.state = again
    assert run(machine, CONFIG, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router(address=ADDRESSES[0]))


@pytest.mark.parametrize("how", ["crash_after", "refuse_after"])
@pytest.mark.parametrize(
    "at",
    range(steps_of((Event.UP, Event.REMOVE), ADDRESSES[0]) - steps_of((Event.UP,), ADDRESSES[0])),
)
def test_a_removal_that_stops_anywhere_is_finished_by_the_next(how, at):
    """Killed or refused at any step of `down`: another `down` leaves nothing."""
    machine = router(Event.UP, address=ADDRESSES[0])
    setattr(machine, how, at)
    try:
        assert run(machine, CONFIG, Event.REMOVE)
    except CrashError:
        assert how == "crash_after"
    assert run(machine, CONFIG, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(router(address=ADDRESSES[0]))


def test_a_slice_that_is_refused_holds_back_only_what_needs_it():
    """Without translation no tunnel; PPPoE's way back and the firewall stand all the same."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["dualwan_snat"]
    problems = run(machine, CONFIG, Event.UP)
    assert any("dualwan_snat" in problem for problem in problems)
    assert "tunnel waits for snat" in problems
    assert {table.name for table in machine.state.tables} == {"dualwan_firewall", "dualwan_pbr"}
    assert machine.state.tunnels == ()
    assert Route(100, "ppp0") in machine.state.routes


def test_nothing_is_opened_before_the_firewall_stands():
    """Where the kernel refuses the firewall, nothing else is brought up."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["dualwan_firewall"]
    run(machine, CONFIG, Event.UP)
    assert ours(machine) == ()
    assert machine.state.sysctls["net/ipv4/ip_forward"] == "0"


def test_taking_down_does_not_wait_for_what_fails():
    """A table that cannot be removed does not keep the tunnel up."""
    machine = router(Event.UP)
    machine.refuse = ["dualwan_pbr"]
    assert run(machine, CONFIG, Event.REMOVE)
    assert [table.name for table in machine.state.tables] == ["dualwan_pbr"]
    assert machine.state.tunnels == ()


class Undoer(Machine):
    """A machine on which somebody removes what we add."""

    def apply(self, step):
        """Do STEP, and undo it if it is about nft."""
        super().apply(step)
        if isinstance(step.resource, NftTable):
            self.flush_ruleset()


def test_what_does_not_last_is_told():
    """Success is what the kernel shows afterwards, not that no call failed."""
    machine = Undoer("wan0", "lan0")
    problems = run(machine, CONFIG, Event.APPLY, only=("snat",))
    assert problems == ["the kernel did not end as planned: + nft table ip dualwan_snat"]


def test_nothing_is_done_blindly():
    """Where nft does not show its tables, a run stops before the first change."""
    machine = router()
    machine.state = replace(machine.state, tables=None)
    with pytest.raises(HostError, match="nft shows its tables to root only"):
        reconcile(CONFIG, machine, Event.APPLY)
    assert machine.applied == []


def test_somebody_who_flushes_or_edits_is_mended():
    """`nft flush ruleset`, or a rule added to a table of ours: the next run restores."""
    machine = router(Event.UP)
    whole = kernel_state(machine)
    for event in (Event.APPLY, Event.PREFIX_CHANGED, Event.PPP_UP, Event.PPP_DOWN):
        machine.flush_ruleset()
        run(machine, CONFIG, event)
        assert kernel_state(machine) == whole
    machine.edit_table("dualwan_firewall")
    assert pending(machine, CONFIG, Event.APPLY) == [
        "~ nft table inet dualwan_firewall (somebody changed it)"
    ]
    run(machine, CONFIG, Event.APPLY)
    assert kernel_state(machine) == whole


# --- any order and repetition ----------------------------------------------------------------

HOOKS = st.sampled_from(
    [Event.PRE_UP, Event.UP, Event.DOWN, Event.POST_DOWN, Event.PPP_UP, Event.PPP_DOWN]
)
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

    @rule()
    def ifup(self):
        """Take the WAN up with ifup."""
        self.happen(Event.PRE_UP)
        self.machine.switch("wan0", up=True)
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
        assert set(OTHERS) <= set(self.machine.state.addresses)
        assert not self.machine.lost_ipv6_default or self.machine.state.ipv6_default

    def teardown(self):
        """Whatever it was: one run mends it all, and one removal leaves nothing."""
        self.machine.crash_after = self.machine.refuse_after = None
        life = self.machine.state
        self.machine.switch("wan0", up=True)
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


# --- dialling --------------------------------------------------------------------------------


@pytest.fixture
def log(monkeypatch):
    """Collect what would go to syslog."""
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: lines.append(line))
    return lines


DIALS = config(a="dial = false -> dial = true")


def test_ifup_dials_and_ifdown_hangs_up(log):
    """`pon` when no pppd of the peer runs, `poff` when one does, each a line in the log."""
    machine = Machine("wan0", "lan0")
    running.handle_event(DIALS, machine, Event.PRE_UP)
    assert machine.running == set()
    running.handle_event(DIALS, machine, Event.UP)
    running.handle_event(DIALS, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    running.handle_event(DIALS, machine, Event.DOWN)
    assert machine.running == set()
    assert [line for line in log if "dsl-provider" in line] == [
        "dialled dsl-provider (cause=ifup)",
        "hung up dsl-provider (cause=ifdown)",
    ]


def test_dialling_is_the_owners_choice(log):
    """With dial = false, or for some slices only, pppd is left alone."""
    machine = Machine("wan0", "lan0")
    running.handle_event(CONFIG, machine, Event.UP)
    running.handle_event(DIALS, machine, Event.APPLY, ("snat",))
    assert machine.running == set()
    assert log


def test_nobody_is_dialled_into_an_open_router(log):
    """PPPoE waits for the firewall, and the log says why."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["dualwan_firewall"]
    with pytest.raises(HostError):
        running.handle_event(DIALS, machine, Event.UP)
    assert machine.running == set()
    assert "dualwan_firewall" in log[-1]


def test_each_change_is_a_line_in_the_log(log):
    """What was done, in which slice, because of what; nothing where nothing was done."""
    machine = Machine("wan0", "lan0")
    running.handle_event(CONFIG, machine, Event.UP)
    assert len(log) == len(machine.applied)
    assert "+ nft table ip dualwan_snat (cause=ifup slice=snat)" in log
    log.clear()
    running.handle_event(CONFIG, machine, Event.UP)
    assert log == []


def test_what_a_failed_slice_has_done_is_in_the_log(log):
    """The default route is refused at ifup: the steps of the tunnel before it are logged."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["route default"]
    with pytest.raises(HostError, match="refused"):
        running.handle_event(CONFIG, machine, Event.UP)
    done = [f"{step.sign} {step.text}" for step in machine.applied]
    assert "+ tunnel mape0" in "".join(done)
    assert [line.partition(" (cause")[0] for line in log[:-1]] == done
    assert "refused" in log[-1]


def test_what_the_second_look_did_is_in_the_log(log):
    """A value that moved while the slices were dealt with is set again, and logged again."""
    machine = Machine("wan0", "lan0")
    original = machine.apply

    def meddle(step):
        original(step)
        if step.text.startswith("route default") and len(machine.applied) < 20:
            machine.set_sysctl("net/ipv4/ip_forward", "0")

    machine.apply = meddle
    running.handle_event(CONFIG, machine, Event.UP)
    assert len([step for step in machine.applied if "ip_forward" in step.text]) == 2
    assert len(log) == len(machine.applied)


def test_a_table_loaded_before_a_refusal_is_known_as_ours():
    """A slice whose later step was refused does not make our own table look changed."""
    machine = router(address=ADDRESSES[0])
    machine.refuse = ["route default dev ppp0"]
    assert run(machine, CONFIG, Event.UP)
    assert "dualwan_pbr" in {table.name for table in machine.state.tables}
    machine.refuse = ()
    assert not [step for step in pending(machine, CONFIG, Event.APPLY) if "nft table" in step]


AUTO = (
    BASE.split("[mape]", maxsplit=1)[0]
    + """\
[mape]
br = "2001:db8:ffff::9"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
[pppoe]
dial = true
"""
)


class Patient(Machine):
    """A line that announces its prefix only to those who wait."""

    def await_prefix(self, device, seconds):
        """Announce a prefix."""
        assert not self.locked, "others wait for the lock meanwhile"
        assert seconds == 30
        self.announced[device] = ("2001:db8:12:3400::/64",)
        return True


def test_pppoe_does_not_wait_for_the_prefix(log):
    """PPPoE is dialled at once; MAP-E follows when the line announces its prefix."""
    machine, cfg = Patient("wan0", "lan0"), config(AUTO)
    running.handle_event(cfg, machine, Event.UP)
    words = "\n".join(log)
    assert words.index("dialled") < words.index("tunnel mape0")
    assert machine.run_state.prefix == "2001:db8:12:3400::/64"
    assert pending(machine, cfg, Event.APPLY) == []


def test_a_line_that_stays_silent_is_told_and_all_else_stands(log):
    """Without a prefix: firewall, PPPoE's way back and dialling, and one line of reason."""
    machine, cfg = Machine("wan0", "lan0"), config(AUTO)
    running.handle_event(cfg, machine, Event.PRE_UP)
    with pytest.raises(HostError, match="no IPv6 prefix on wan0 yet"):
        running.handle_event(cfg, machine, Event.UP)
    assert machine.running == {"dsl-provider"}
    assert {table.name for table in machine.state.tables} == {
        "dualwan_firewall",
        "dualwan_snat",
        "dualwan_pbr",
    }
    assert "no IPv6 prefix on wan0 yet" in log[-1]


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.UP, Event.APPLY])
def test_a_renumbered_line_is_followed(log, event):
    """Another prefix changes CE, tunnel, address and ports; old flows are forgotten."""
    machine, cfg = Machine("wan0", "lan0"), config(AUTO)
    machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    running.handle_event(cfg, machine, Event.UP)
    old = machine.state.tunnels[0].local
    machine.announced["wan0"] = ("2001:db8:56:7800::/64",)
    running.handle_event(cfg, machine, event)
    assert pending(machine, cfg, Event.APPLY) == []
    assert machine.state.tunnels[0].local.startswith("2001:db8:56:78")
    assert old not in repr((machine.state.addresses, machine.state.tunnels, machine.state.tables))
    assert any("conntrack entries of 192.0.2.18" in line for line in log)


# --- the host in memory ----------------------------------------------------------------------


def test_the_host_in_memory_is_a_host():
    """Anybody may see a plan for a machine that is not there."""
    host = FakeHost()
    assert host.dial("peer") is True
    assert host.dial("peer") is False
    assert host.hang_up("peer", 1) is True
    with host.lock(1):
        assert host.locked
    assert not host.locked
    assert make_plan(CONFIG, host, Event.APPLY).changes
    assert CE in repr(make_plan(CONFIG, Machine("wan0"), Event.APPLY).slices)
