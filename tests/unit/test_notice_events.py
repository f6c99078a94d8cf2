"""What the owner's scripts are told: which event of which way, with which environment."""

from pathlib import Path

import pytest
from config_texts import PROBED
from machine import config
from one_of_two import CONFIG as ONE_OF_TWO
from one_of_two import standby
from owner import CONFIG, OTHER, PPPOE, SHARED, both_up, heard, ppp_down, ppp_up, with_scripts

from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.handle import handle_event
from dualwan.handle.probe import probe
from dualwan.line.failover import FAILS, RECOVERS
from dualwan.model.event import Event
from dualwan.notice.pending import EVENTS
from dualwan.planning import make_plan


@pytest.fixture(name="machine")
def _machine(log):
    assert log == []
    return with_scripts()


@pytest.fixture(name="router")
def _router(machine):
    return both_up(machine)


def test_ifup_brings_up_each_way_that_it_can(machine):
    """MAP-E at once, PPPoE once its session has an address."""
    machine.switch("wan0", up=False)
    handle_event(CONFIG, machine, Event.PRE_UP)
    assert heard(machine) == [("change", "", "", "")]
    machine.switch("wan0", up=True)
    handle_event(CONFIG, machine, Event.UP)
    assert heard(machine) == [("up", "mape", "", SHARED)]
    ppp_up(machine, PPPOE)
    assert heard(machine) == [("up", "pppoe", "", PPPOE)]


def test_a_session_that_ends_is_lost_and_comes_back(router):
    """The address before is known at both, and there is none while it is lost."""
    ppp_down(router)
    assert heard(router) == [("lost", "pppoe", PPPOE, "")]
    ppp_up(router, OTHER)
    assert heard(router) == [("back", "pppoe", PPPOE, OTHER)]


def test_another_address_without_a_gap(router):
    """The session has another address before anybody saw it end."""
    ppp_up(router, OTHER)
    assert heard(router) == [("address", "pppoe", PPPOE, OTHER)]


def test_what_was_overtaken_is_one_notice(router):
    """A reconnect that nobody was told of between its two events."""
    ppp_down(router)
    ppp_up(router, OTHER)
    assert heard(router) == [("address", "pppoe", PPPOE, OTHER)]


def test_what_was_taken_back_is_a_change_of_slices(router):
    """The session is back with the address that the scripts know."""
    ppp_down(router)
    ppp_up(router, PPPOE)
    (notice,) = router.take_notices()
    assert (notice.event, notice.way, notice.slices) == ("change", "", ("pbr",))


def test_several_ways_are_a_notice_each(router):
    """Of an ifdown: it takes both; a session that is not there is not lost, but taken down."""
    router.unplug("ppp0")
    handle_event(CONFIG, router, Event.DOWN)
    assert heard(router) == [("down", "mape", SHARED, ""), ("down", "pppoe", PPPOE, "")]
    handle_event(CONFIG, router, Event.UP)
    assert heard(router) == [("up", "mape", SHARED, SHARED)]


def test_a_session_that_is_hung_up_is_taken_down(router):
    """The event of pppd comes in the middle of the ifdown, and the router is wanted still."""
    with router.lock(1):
        state = router.load_state()
        router.save_state(replace(state, in_transition=True, transition_at=router.boottime))
    ppp_down(router)
    assert heard(router) == [("down", "pppoe", PPPOE, "")]


def test_a_router_that_is_alone_by_now_loses_its_ways(machine):
    """Also one that stood by last, while there was another one: nobody takes its ways down."""
    handle_event(ONE_OF_TWO, machine, Event.UP)
    standby(machine)
    handle_event(CONFIG, machine, Event.APPLY)
    ppp_up(machine, PPPOE)
    machine.take_notices()
    ppp_down(machine)
    assert heard(machine) == [("lost", "pppoe", PPPOE, "")]


def test_a_removal_without_a_configuration_takes_down_all(router):
    """`down` with a configuration that is wrong: the ways are those that the scripts know."""
    handle_event(None, router, Event.REMOVE)
    assert heard(router) == [("down", "mape", SHARED, ""), ("down", "pppoe", PPPOE, "")]


def test_a_line_that_goes_loses_map_e(router):
    """`ip link set wan0 down` behind our back, and the watcher's look after it."""
    router.switch("wan0", up=False)
    with pytest.raises(HostError, match="wan0"):
        handle_event(CONFIG, router, Event.PREFIX_CHANGED)
    assert heard(router)[0] == ("lost", "mape", SHARED, "")
    router.switch("wan0", up=True)
    handle_event(CONFIG, router, Event.PREFIX_CHANGED)
    assert heard(router)[0] == ("back", "mape", SHARED, SHARED)


def test_a_mending_is_a_change(router):
    """The watcher puts back what another program took; no way is another."""
    router.flush_ruleset()
    handle_event(CONFIG, router, Event.MEND)
    (notice,) = router.take_notices()
    assert (notice.event, notice.way, notice.reason) == ("change", "", "mend")
    assert notice.slices == ("firewall", "snat", "pbr")


def test_other_ports_are_another_address(router):
    """The address is the same, and its port set is not."""
    other = config(a="psid = 1 -> psid = 2", b="99:f000:0:100 -> 99:f000:0:200")
    handle_event(other, router, Event.APPLY)
    (notice,) = router.take_notices()
    assert (notice.event, notice.old, notice.new) == ("address", SHARED, SHARED)
    assert notice.ports[0] == (1056, 1071)


def test_failover_and_failback_name_the_way_that_the_lan_takes(machine, monkeypatch):
    """The probe's own run tells them; the ways themselves are up all the time."""
    now, cfg = [1000.0], config(PROBED)
    monkeypatch.setattr("dualwan.handle.probe.clock_gettime", lambda _clock: now[0])
    machine.connect(PPPOE)
    machine.answering = {"mape0"}
    handle_event(cfg, machine, Event.UP)
    assert [event for event, *_ in heard(machine)] == ["up", "up"]
    machine.answering.clear()
    for _ in range(FAILS):
        probe(cfg, machine)
    (notice,) = machine.take_notices()
    assert (notice.event, notice.way, notice.new) == ("failover", "pppoe", PPPOE)
    assert (notice.carrier, notice.reason) == ("pppoe", "probe")
    machine.answering = {"mape0"}
    now[0] += 300
    for _ in range(RECOVERS):
        probe(cfg, machine)
    assert heard(machine) == [("failback", "mape", SHARED, SHARED)]


@pytest.mark.parametrize("event", [Event.APPLY, Event.UP, Event.PPP_UP, Event.MEND])
def test_a_run_that_changes_nothing_tells_nothing(router, event):
    """Nor does a plan that is only shown."""
    router.edit_table("dualwan_snat")
    assert make_plan(CONFIG, router, event).line
    assert router.take_notices() == ()
    handle_event(CONFIG, router, Event.APPLY)
    router.take_notices()
    handle_event(CONFIG, router, event)
    assert router.take_notices() == ()


def test_every_event_is_reached_by_these_tests():
    """The list of the manual page is the program's."""
    text = Path(__file__).read_text()
    assert all(f'"{event}"' in text for event in EVENTS)
