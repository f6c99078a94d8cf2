"""A line that announces another prefix while the old one lives on (RFC 8978)."""

from dataclasses import replace
from pathlib import Path

import pytest
from config_texts import AUTO
from machine import Machine

from dualwan.config import from_text
from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.line import renumbering
from dualwan.model.event import Event
from dualwan.model.resources import Flows
from dualwan.model.state import RunState
from dualwan.watcher import Carried, Look

OURS, NEXT = "2400:4050:5c71:af00::/64", "2400:4050:5c71:b000::/64"
THEIRS = "2404:7a80:1:200::/64"  # of another provider, whose rule the package has too
FOREIGN = "2001:db8:1::/64"  # no rule covers it
ROUTER, ROGUE, NEW_ROUTER = "fe80::1", "fe80::bad", "fe80::2"


@pytest.fixture(autouse=True)
def lines(monkeypatch):
    """Collect what would go to syslog."""
    said = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: said.append(line))
    return said


def happen(machine, *events):
    """Let EVENTS happen on a machine with all of their stages."""
    for event in events:
        handle_event(from_text("f", AUTO, Path("/nonexistent")), machine, event)


@pytest.fixture(name="line")
def _line():
    """Return a machine on a line whose one router announces OURS, after ifup."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (OURS,)
    machine.saying["wan0"] = {ROUTER: (OURS,)}
    happen(machine, Event.UP)
    assert machine.run_state.prefix == OURS
    assert machine.run_state.routers == (ROUTER,)
    assert machine.solicited == [], "the usual line is asked nothing"
    return machine


def in_use(machine):
    """Return the prefix that the kernel's tunnel is derived from, as the run state has it."""
    [tunnel] = machine.state.tunnels
    found = next(one for one in (OURS, NEXT, THEIRS) if tunnel.local.startswith(one[:16]))
    assert machine.run_state.prefix == found
    return found


def test_a_router_that_announces_another_prefix_alone_is_followed(line, lines):
    """It was rebooted; the old addresses live on for days, and nothing takes them back."""
    line.announced["wan0"] = (OURS, NEXT)
    line.saying["wan0"] = {ROUTER: (NEXT,)}
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT
    assert any(f"announces {NEXT} and no longer {OURS}" in said for said in lines)
    assert any(isinstance(step.resource, Flows) for step in line.applied)
    happen(line, Event.PREFIX_CHANGED, Event.UP, Event.MEND, Event.PPP_UP)
    assert in_use(line) == NEXT
    line.announced["wan0"] = (NEXT,)  # the old one has expired
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT


def test_the_watcher_follows_it(line, tmp_path):
    """It hears of the second prefix, and nothing else has to happen."""
    path = tmp_path / "dualwan.toml"
    path.write_text(AUTO)
    carried = Look(Carried(), path, line).run().carried
    line.announced["wan0"] = (OURS, NEXT)
    line.saying["wan0"] = {ROUTER: (NEXT,)}
    Look(carried, path, line).run()
    assert in_use(line) == NEXT


def test_it_is_followed_once_more(line):
    """And back again, in one life of the router."""
    for prefix, prefixes in ((NEXT, (OURS, NEXT)), (OURS, (OURS, NEXT)), (NEXT, (NEXT, OURS))):
        line.announced["wan0"] = prefixes
        line.saying["wan0"] = {ROUTER: (prefix,)}
        happen(line, Event.APPLY)
        assert in_use(line) == prefix


@pytest.mark.parametrize("lifetime", [(), (ROGUE,)], ids=["no router", "a router too"])
@pytest.mark.parametrize("honest", [(OURS,), (OURS, NEXT), None], ids=["says", "both", "silent"])
def test_a_false_router_moves_nothing(line, lifetime, honest):
    """Whether the line's router answers or is kept from it: it has not said that OURS is gone."""
    line.announced["wan0"] = (THEIRS, NEXT, OURS)
    line.saying["wan0"] = {ROUTER: honest, **dict.fromkeys(lifetime, (THEIRS, NEXT))}
    happen(line, *(Event.PREFIX_CHANGED, Event.UP, Event.APPLY) * 2)
    assert in_use(line) == OURS


def test_a_false_router_is_not_taken_for_the_next_one(line):
    """The line is renumbered while it announces a third prefix, which lives longest."""
    line.announced["wan0"] = (THEIRS, NEXT, OURS)
    line.saying["wan0"] = {ROGUE: (THEIRS,), ROUTER: (NEXT,)}
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT


@pytest.mark.parametrize("prefixes", [(THEIRS, NEXT), (NEXT, THEIRS)])
def test_nor_where_the_old_prefix_is_gone(line, prefixes):
    """The line has taken it back, as usual."""
    line.announced["wan0"] = prefixes
    line.saying["wan0"] = {ROGUE: (THEIRS,), ROUTER: (NEXT,)}
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT


def test_another_router_of_the_line_is_followed_once_the_old_one_has_gone(line):
    """Its default route has expired; until then one may be as false as the other."""
    line.announced["wan0"] = (OURS, NEXT)
    line.saying["wan0"] = {ROUTER: None, NEW_ROUTER: (NEXT,)}
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == OURS
    line.saying["wan0"] = {NEW_ROUTER: (NEXT,)}
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == NEXT
    assert line.run_state.routers == (NEW_ROUTER,)


def test_of_several_unknown_routers_none_is_followed(line):
    """The old one is gone: who of the others is the line's is not to be told."""
    line.announced["wan0"] = (OURS, NEXT, THEIRS)
    line.saying["wan0"] = {NEW_ROUTER: (NEXT,), ROGUE: (THEIRS,)}
    happen(line, Event.PREFIX_CHANGED, Event.APPLY)
    assert in_use(line) == OURS


def test_of_two_routers_at_boot_the_one_that_announces_the_prefix_is_the_lines():
    """It is asked for, once; then it alone counts."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (OURS, THEIRS)
    machine.announced_by_router["wan0"] = (OURS,)
    machine.saying["wan0"] = {ROUTER: (OURS,), ROGUE: (THEIRS,)}
    happen(machine, Event.UP)
    assert machine.run_state.routers == (ROUTER,)
    machine.announced["wan0"] = (THEIRS, NEXT, OURS)
    machine.saying["wan0"] = {ROUTER: (NEXT,), ROGUE: (THEIRS,)}
    happen(machine, Event.PREFIX_CHANGED)
    assert in_use(machine) == NEXT


def test_nobody_is_taken_for_the_lines_router_while_its_prefix_is_away(line):
    """Between ifdown and the next advertisement another device may be the only one."""
    state = line.run_state
    with line.lock(1):
        line.save_state(replace(state, routers=()))
    line.announced["wan0"] = ()
    line.saying["wan0"] = {ROGUE: (THEIRS,)}
    happen(line, Event.UP)
    assert line.run_state.routers == ()
    line.announced["wan0"] = (OURS,)
    line.saying["wan0"] = {ROUTER: (OURS,)}
    happen(line, Event.PREFIX_CHANGED)
    assert line.run_state.routers == (ROUTER,)


def test_each_other_prefix_is_asked_about_once(line):
    """However often an attacker lets two of them come and go; a person's command asks anew."""
    for prefixes in ((OURS, NEXT), (OURS, THEIRS), (OURS, NEXT, THEIRS)) * 5:
        line.announced["wan0"] = prefixes
        happen(line, Event.PREFIX_CHANGED, Event.UP, Event.MEND, Event.PPP_UP)
    assert len(line.solicited) == 2
    happen(line, Event.APPLY)
    assert len(line.solicited) == 3


def test_a_router_that_is_silent_is_not_asked_without_end(line):
    """Nor where somebody keeps it silent, and lets prefixes come and go."""
    line.saying["wan0"] = {ROUTER: None, ROGUE: (NEXT,)}
    for prefixes in ((OURS, NEXT), (OURS,)) * 10:
        line.announced["wan0"] = prefixes
        happen(line, Event.PREFIX_CHANGED)
    assert len(line.solicited) == 1


def test_what_was_asked_about_is_bounded():
    """Whatever number of prefixes is made up in one life of the router."""
    asked = ()
    for at in range(200):
        others = [NEXT, f"2001:db8:{at:x}::/64"]
        asked = renumbering.with_asked(asked, renumbering.questions(others, {ROUTER}))
    assert len(asked) == renumbering.MOST_ASKED
    assert f"{NEXT} {ROUTER}" in asked


def test_a_prefix_that_gives_no_softwire_is_not_asked_about(line):
    """And after ifdown nothing is."""
    line.announced["wan0"] = (FOREIGN, OURS)
    happen(line, Event.PREFIX_CHANGED, Event.APPLY)
    happen(line, Event.DOWN, Event.POST_DOWN)
    line.announced["wan0"] = (NEXT, OURS)
    happen(line, Event.PREFIX_CHANGED)
    assert line.solicited == []


def test_where_a_watcher_runs_ifup_does_not_wait_for_the_router(line):
    """The watcher asks it."""
    line.watched = True
    line.announced["wan0"] = (OURS, NEXT)
    happen(line, Event.UP)
    assert line.solicited == []
    happen(line, Event.PREFIX_CHANGED)
    assert line.solicited == ["wan0"]


def test_a_router_that_cannot_be_asked_changes_nothing(line, lines):
    """The reason is in the log, and the event is as good as before."""

    def refuse(_device, _routers):
        raise HostError("asking the router on wan0: Operation not permitted")

    line.announcements = refuse
    line.announced["wan0"] = (OURS, NEXT)
    happen(line, Event.PREFIX_CHANGED)
    assert in_use(line) == OURS
    assert any("Operation not permitted" in said for said in lines)


def test_a_run_that_fails_in_between_is_made_up_for(line):
    """What the router has said is kept until the tunnel follows it."""
    line.announced["wan0"] = (OURS, NEXT)
    line.saying["wan0"] = {ROUTER: (NEXT,)}
    line.refuse = ("tunnel mape0",)
    with pytest.raises(HostError):
        happen(line, Event.PREFIX_CHANGED)
    assert line.run_state.successor == NEXT
    line.refuse = ()
    happen(line, Event.MEND)
    assert in_use(line) == NEXT
    assert line.run_state.successor == ""


@pytest.mark.parametrize(
    ("state", "prefixes", "used"),
    [
        (RunState(), (OURS,), ""),
        (RunState(prefix=OURS), (OURS, NEXT), OURS),
        (RunState(prefix=OURS, successor=NEXT), (OURS, NEXT), NEXT),
        (RunState(prefix=OURS, successor=NEXT), (OURS,), OURS),
        (RunState(prefix=OURS, tunnels=("mape0",)), (NEXT,), OURS),
        (RunState(prefix=OURS), (NEXT,), ""),
        (RunState(prefix=OURS), (), ""),
    ],
)
def test_which_prefix_is_in_use(state, prefixes, used):
    """The successor only while it is announced; one that is not, only by a tunnel that stands."""
    assert renumbering.in_use(state, prefixes, "wan0", ()) == used


@pytest.mark.parametrize(
    ("noted", "now", "counts"),
    [
        ((), (ROUTER,), ()),
        ((ROUTER,), (ROUTER, ROGUE), (ROUTER,)),
        ((ROUTER, NEW_ROUTER), (ROGUE, NEW_ROUTER), (NEW_ROUTER,)),
        ((ROUTER,), (NEW_ROUTER,), (NEW_ROUTER,)),
        ((ROUTER,), (NEW_ROUTER, ROGUE), ()),
        ((ROUTER,), (), ()),
    ],
)
def test_which_routers_count(noted, now, counts):
    """Those that were known, or the only other one."""
    assert renumbering.trusted(noted, now) == {*counts}


@pytest.mark.parametrize(
    ("routers", "said", "found"),
    [
        ((), {ROUTER: (NEXT,)}, ""),
        ((ROUTER,), {}, ""),
        ((ROUTER,), {ROUTER: ()}, ""),
        ((ROUTER,), {ROUTER: (FOREIGN,)}, ""),
        ((ROUTER,), {ROUTER: (NEXT, OURS)}, ""),
        ((ROUTER,), {ROUTER: (FOREIGN, NEXT)}, NEXT),
        ((ROUTER, NEW_ROUTER), {NEW_ROUTER: (NEXT,)}, ""),
        ((ROUTER, NEW_ROUTER), {NEW_ROUTER: (NEXT,), ROUTER: (OURS,)}, ""),
        ((ROUTER, NEW_ROUTER), {NEW_ROUTER: (NEXT,), ROUTER: ()}, NEXT),
    ],
)
def test_which_prefix_comes_next(routers, said, found):
    """All routers of the line have to have answered, and none still announces the old one."""
    assert renumbering.successor(OURS, (THEIRS, NEXT), routers, said) == found
