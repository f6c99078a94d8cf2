"""Which of several prefixes is the line's: that in use, or else the default router's."""

from pathlib import Path

import pytest
from config_texts import AUTO
from machine import Machine, run

from dualwan.config import from_text
from dualwan.errors import HostError
from dualwan.model.event import Event
from dualwan.model.resources import Flows
from dualwan.planning import make_plan

OCN_ALONE = AUTO.replace("[mape]\n", '[mape]\nprovider = "ocn"\n')
OURS, NEXT = "2400:4050:5c71:af00::/64", "2400:4050:5c71:b000::/64"
THEIRS = "2404:7a80:1:200::/64"  # of another provider, whose rule the package has too
FOREIGN = "2001:db8:1::/64"  # no rule covers it


def config(text=AUTO):
    """Return the configuration ``text``, with no rules of the machine's own."""
    return from_text("f", text, Path("/nonexistent"))


@pytest.fixture(name="line")
def _line():
    """Return a machine on a line that announces OURS, after ifup."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = machine.announced_by_router["wan0"] = (OURS,)
    run(machine, config(), Event.UP)
    assert machine.run_state.prefix == OURS
    assert machine.solicited == []
    return machine


def in_use(machine):
    """Return the prefix that the kernel's tunnel is derived from."""
    [tunnel] = machine.state.tunnels
    return next(one for one in (OURS, NEXT, THEIRS) if tunnel.local.startswith(one[:16]))


def test_one_that_promises_to_live_longer_does_not_take_over(line):
    """As the kernel has it after one advertisement of any device on the WAN's Ethernet."""
    before = len(line.applied)
    for prefixes in ((THEIRS, OURS), (NEXT, THEIRS, OURS), (OURS, THEIRS), (THEIRS, OURS)):
        line.announced["wan0"] = prefixes
        run(line, config(), Event.PREFIX_CHANGED, Event.MEND, Event.PPP_UP, Event.APPLY, Event.UP)
        assert in_use(line) == OURS
    assert [step.text for step in line.applied[before:] if isinstance(step.resource, Flows)] == []
    assert line.solicited == []


@pytest.mark.parametrize("others", [(), (THEIRS,)])
def test_a_renumbering_is_followed(line, others):
    """The line has taken back the old prefix, and its router announces the new one."""
    line.announced["wan0"] = (*others, NEXT)
    line.announced_by_router["wan0"] = (NEXT,)
    run(line, config(), Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT


def test_a_renumbering_is_followed_where_the_router_says_nothing(line):
    """A router need not answer at once (RFC 4861 section 6.2.6)."""
    line.announced["wan0"] = (NEXT,)
    line.announced_by_router["wan0"] = ()
    run(line, config(), Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT


def test_nobody_but_the_router_takes_the_prefix_back(line):
    """A made-up advertisement has deprecated it, and has another live for ever."""
    line.announced["wan0"] = (THEIRS,)
    run(line, config(), Event.PREFIX_CHANGED, Event.UP)
    assert in_use(line) == OURS
    line.announced["wan0"] = (OURS, THEIRS)
    run(line, config(), Event.PREFIX_CHANGED)
    assert in_use(line) == OURS


def test_a_prefix_that_gives_no_softwire_is_no_reason_to_ask(line):
    """Or for a wait at each event of such a line."""
    line.announced["wan0"] = (FOREIGN,)
    run(line, config(), Event.PREFIX_CHANGED, Event.PPP_UP)
    assert in_use(line) == OURS
    assert line.solicited == []


def test_after_a_boot_the_default_routers_prefix_is_taken():
    """Whatever lives longer; and it is asked for once."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (THEIRS, FOREIGN, OURS)
    machine.announced_by_router["wan0"] = (OURS,)
    run(machine, config(), Event.UP)
    assert in_use(machine) == OURS
    asked = len(machine.solicited)
    run(machine, config(), Event.UP, Event.PREFIX_CHANGED, Event.MEND)
    assert len(machine.solicited) == asked


def test_after_a_boot_without_an_answer_the_longest_counts():
    """As ever."""
    for silent in (True, False):
        machine = Machine("wan0", "lan0")
        machine.announced["wan0"] = (THEIRS, OURS)

        def refuse(_device):
            raise HostError("Operation not permitted")

        if not silent:
            machine.router_prefixes = refuse
        run(machine, config(), Event.UP)
        assert in_use(machine) == THEIRS


def test_one_usable_prefix_needs_no_question():
    """The usual line: nothing is sent, nothing waits."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (FOREIGN, OURS)
    run(machine, config(), Event.UP)
    assert in_use(machine) == OURS
    assert machine.solicited == []


def test_after_ifdown_the_prefix_of_before_is_the_lines(line):
    """If it is announced again; what else is does not matter."""
    run(line, config(), Event.DOWN, Event.POST_DOWN)
    line.announced["wan0"] = (THEIRS, OURS)
    run(line, config(), Event.PRE_UP, Event.UP)
    assert in_use(line) == OURS
    run(line, config(), Event.DOWN, Event.POST_DOWN)
    line.announced["wan0"] = (THEIRS, NEXT)
    line.announced_by_router["wan0"] = (NEXT,)
    run(line, config(), Event.PRE_UP, Event.UP)
    assert in_use(line) == NEXT


def test_after_ifdown_nothing_is_built_from_a_prefix_that_the_line_does_not_announce(line):
    """Who knows what the cable leads to: MAP-E waits, as after a boot."""
    run(line, config(), Event.DOWN, Event.POST_DOWN)
    line.announced["wan0"] = line.announced_by_router["wan0"] = ()
    plan = make_plan(config(), line, Event.UP)
    assert plan.line.missing.startswith("no IPv6 prefix on wan0 yet")
    run(line, config(), Event.PRE_UP, Event.UP)
    assert line.state.tunnels == ()
    line.announced["wan0"] = line.announced_by_router["wan0"] = (OURS,)
    run(line, config(), Event.PREFIX_CHANGED)
    assert in_use(line) == OURS


@pytest.mark.parametrize("events", [(Event.APPLY,), (Event.PRE_UP, Event.UP)])
def test_on_another_wan_the_prefix_of_before_has_to_be_announced(events):
    """Also where the configuration was changed before the ifdown, which was not heeded then."""
    machine, moved = Machine("wan0", "wan1", "lan0"), config(AUTO.replace("wan0", "wan1"))
    machine.announced["wan0"] = machine.announced_by_router["wan0"] = (OURS,)
    run(machine, config(), Event.UP)
    machine.switch("wan0", up=False)
    run(machine, moved, *events)
    assert make_plan(moved, machine, Event.APPLY).line.missing
    assert not any(item.device == "wan1" for item in machine.state.addresses)
    assert [tunnel.link for tunnel in machine.state.tunnels] == ["wan0"]
    machine.announced["wan1"] = machine.announced_by_router["wan1"] = (NEXT,)
    run(machine, moved, Event.PREFIX_CHANGED)
    assert in_use(machine) == NEXT
    assert [tunnel.link for tunnel in machine.state.tunnels] == ["wan1"]
    machine.announced["wan1"] = ()
    run(machine, moved, Event.PREFIX_CHANGED)
    assert in_use(machine) == NEXT


def test_where_a_provider_is_named_the_rules_of_others_never_count():
    """Neither at boot, nor when the line's own prefix is gone."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (THEIRS, OURS)
    run(machine, config(OCN_ALONE), Event.UP)
    assert in_use(machine) == OURS
    machine.announced["wan0"] = (THEIRS,)
    run(machine, config(OCN_ALONE), Event.PREFIX_CHANGED, Event.UP)
    assert in_use(machine) == OURS
    assert machine.solicited == []
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (THEIRS,)
    assert "no rule of ocn covers" in make_plan(config(OCN_ALONE), machine, Event.UP).line.missing
