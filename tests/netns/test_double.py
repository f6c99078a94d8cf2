"""The double in memory is as good as the machine: the same events leave the same.

What both show of the kernel, the run state, the lines of the log and the results are compared
after each event, and what they show after whatever else happens.
"""

import pytest
from line import CONFIG, OTHER_PPPOE, PPPOE
from pair import TABLES, TWO_WAYS, Pair

from dualwan.model.event import Event
from dualwan.slices import offload


def test_ifup_twice(pair):
    """The second time there is nothing to do."""
    pair.event(Event.PRE_UP)
    pair.event(Event.UP)
    pair.event(Event.UP)


def test_a_session_comes_goes_and_comes_with_another_address(pair):
    """Routes, rules and the flows of the old address."""
    pair.event(Event.UP)
    for address in (PPPOE, OTHER_PPPOE, PPPOE):
        pair.connect(address)
        pair.event(Event.PPP_UP)
        pair.event(Event.PPP_UP)
    pair.unplug("ppp0")
    pair.event(Event.PPP_DOWN)
    pair.connect(OTHER_PPPOE)
    pair.event(Event.APPLY)


def test_somebody_flushes_the_ruleset(pair):
    """Every table comes back, with a warning for each."""
    pair.event(Event.UP)
    for event in (Event.APPLY, Event.PPP_UP, Event.PREFIX_CHANGED):
        pair.flush_ruleset()
        assert "somebody removed nft table ip dualwan_pbr" in str(pair.event(event).log)


@pytest.mark.parametrize("name", [name for name in TABLES if name != offload.TABLE.name])
@pytest.mark.parametrize("meddle", [Pair.edit_table, Pair.delete_table])
def test_somebody_meddles_with_a_table(pair, meddle, name):
    """It is seen to be changed, or gone, and is loaded anew.

    The flowtable is there only where it is asked for, and this kernel may have none.
    """
    pair.event(Event.UP)
    meddle(pair, name)
    pair.event(Event.PREFIX_CHANGED)
    pair.event(Event.APPLY)


def test_somebody_deletes_rules_and_routes(pair):
    """They come back, and what is there already stays."""
    pair.event(Event.UP)
    for lose in (pair.lose_rules, pair.lose_routes):
        lose()
        pair.event(Event.PPP_UP)
        lose()
        pair.event(Event.APPLY)


def test_a_router_that_was_spared_stays(pair):
    """IPv6 forwarding is switched on twice: beside accept_ra 2 at first, and then without it.

    The kernel looks for routers to forget once after each that it comes to know.
    """
    accept_ra, forwarding = "net/ipv6/conf/wan0/accept_ra", "net/ipv6/conf/all/forwarding"
    for name, value in ((accept_ra, "2"), (forwarding, "1"), (accept_ra, "1"), (forwarding, "1")):
        pair.set_sysctl(name, value)
    assert pair.double.state.ipv6_default
    pair.set_sysctl(forwarding, "0")
    for up in (False, True):
        pair.switch("wan0", up=up)
    pair.advertise()
    assert pair.double.state.ipv6_default
    pair.set_sysctl(forwarding, "1")
    assert not pair.double.state.ipv6_default


def test_somebody_sets_a_sysctl(pair):
    """It is set again, and what stood before the first run is put back in the end."""
    pair.event(Event.UP)
    for name in ("net/ipv4/ip_forward", "net/ipv4/conf/ppp0/rp_filter"):
        pair.set_sysctl(name, "0")
    pair.set_sysctl("net/ipv6/conf/wan0/accept_ra", "1")
    pair.event(Event.APPLY)
    pair.event(Event.REMOVE)


@pytest.mark.parametrize(
    "step", ["nft table", "nft table ip dualwan_snat", "rule 100", "route default", "address"]
)
def test_a_step_is_refused(pair, step):
    """What was done before it is noted and logged, the next run does the rest."""
    pair.event(Event.UP, refused=[step])
    pair.connect(OTHER_PPPOE)
    pair.event(Event.PPP_UP, refused=[step])
    pair.event(Event.APPLY)
    pair.event(Event.REMOVE, refused=[step])
    pair.event(Event.REMOVE)


def test_a_session_that_is_down_takes_no_route(pair):
    """Network is down, says the kernel."""
    pair.event(Event.UP)
    pair.switch("ppp0", up=False)
    assert "Network is down" in pair.event(Event.PPP_UP).error
    pair.switch("ppp0", up=True)
    pair.event(Event.PPP_UP)


def test_the_run_directory_is_full(pair):
    """Nothing is changed that could not be noted, and what is noted stays whole."""
    pair.event_on_full_disk(Event.UP)
    pair.event(Event.UP)
    pair.connect(OTHER_PPPOE)
    pair.event_on_full_disk(Event.PPP_UP)
    pair.event_on_full_disk(Event.REMOVE)
    pair.event(Event.REMOVE)


def test_a_table_is_loaded_that_cannot_be_recorded(pair):
    """Nothing has to be noted before it, so it is loaded; it is logged, and then counts as edited.

    (PPPoE is up, so the firewall is to stand, although nothing is wanted.)
    """
    done = pair.event_on_full_disk(Event.POST_DOWN)
    assert "File too large" in done.error
    assert "+ nft table inet dualwan_firewall" in str(done.log)
    assert "somebody changed it" in str(pair.event(Event.POST_DOWN).log)
    pair.event(Event.REMOVE)


def test_ifdown_and_ifup(pair):
    """What is down loses its routes and IPv6 addresses; ifup makes all of it again."""
    pair.event(Event.PRE_UP)
    pair.event(Event.UP)
    for _ in range(2):
        pair.event(Event.DOWN)
        pair.switch("wan0", up=False)
        pair.event(Event.POST_DOWN)
        pair.event(Event.PPP_DOWN)
        pair.event(Event.PRE_UP)
        pair.switch("wan0", up=True)
        pair.advertise()
        pair.event(Event.UP)


def test_the_line_falls_out_without_ifdown(pair):
    """With the WAN down, and then without its device, every event says why."""
    pair.event(Event.UP)
    pair.switch("wan0", up=False)
    pair.event(Event.PREFIX_CHANGED)
    pair.event(Event.APPLY)
    pair.unplug("wan0")
    pair.event(Event.PREFIX_CHANGED)
    pair.event(Event.REMOVE)


def test_a_router_that_is_silent_is_asked(pair):
    """The solicitation changes nothing by itself; what is advertised later is heard."""
    pair.switch("wan0", up=False)
    pair.switch("wan0", up=True)
    assert "router solicitation on wan0" in str(pair.event(Event.UP).log)
    assert not pair.double.state.ipv6_default
    pair.advertise()
    assert pair.double.state.ipv6_default
    pair.event(Event.PREFIX_CHANGED)


@pytest.mark.parametrize("event", [Event.REMOVE, Event.DOWN, Event.POST_DOWN])
def test_the_configuration_is_gone(pair, event):
    """All of ours goes by what is noted and tagged."""
    pair.event(Event.UP)
    pair.event_without_configuration(event)
    pair.event_without_configuration(Event.REMOVE)


def test_what_is_down_stays_down(pair):
    """Events that are late, before anything was done and after it was taken away."""
    for event in Event:
        if event not in (Event.UP, Event.PRE_UP, Event.APPLY):
            pair.event(event)
    pair.event(Event.UP)
    pair.event(Event.REMOVE)
    for event in (Event.PREFIX_CHANGED, Event.PPP_DOWN, Event.PPP_UP, Event.POST_DOWN):
        pair.event(event)


def test_one_slice_at_a_time(pair):
    """By name, as a person does."""
    for name in ("pbr", "firewall", "snat", "tunnel"):
        pair.event(Event.APPLY, only=(name,))
    for name in ("pbr", "firewall", "snat", "tunnel"):
        pair.event(Event.REMOVE, only=(name,))


def test_a_device_has_the_tunnels_name(pairs):
    """It is left alone, and every event says so."""
    pair = pairs(veth=True)
    for event in (Event.PRE_UP, Event.UP, Event.APPLY, Event.DOWN, Event.REMOVE):
        assert ("is no IPv6 tunnel" in pair.event(event).error) == (
            event in {Event.UP, Event.APPLY}
        )


def test_what_a_table_counted_is_noted_when_it_goes(pairs):
    """Edited, it is loaded whole and counts from 0; so it does when it was gone."""
    pair = pairs(veth=True)
    pair.event(Event.UP)
    for event in (Event.APPLY, Event.REMOVE):
        pair.event(Event.APPLY)
        pair.drop_packets()
        pair.event(event)
    assert pair.double.run_state.losses.untranslated == 2


@pytest.mark.parametrize("fallback", ["mape", "none"])
def test_failover_and_chosen_hosts(pairs, fallback):
    """Two ways with marks, a second default route, and one to nowhere."""
    pair = pairs(text=TWO_WAYS.replace('mape"  # or none', f'{fallback}"'))
    pair.event(Event.UP)
    pair.connect(OTHER_PPPOE)
    pair.event(Event.PPP_UP)
    pair.lose_routes()
    pair.event(Event.PPP_UP)
    pair.unplug("ppp0")
    pair.event(Event.PPP_DOWN)
    pair.event(Event.REMOVE)


def test_the_configuration_changes(pair):
    """A table that stands is changed in place, what was named no longer is put back."""
    for text in (CONFIG, TWO_WAYS, CONFIG.replace('["lan0"]', '["lan0", "lan1"]'), CONFIG):
        pair.text = text
        pair.event(Event.APPLY)
    pair.event(Event.REMOVE)


def test_somebody_takes_the_address_of_the_session(pair):
    """Its routes go with the last address; what comes next finds neither address nor route."""
    pair.event(Event.UP)
    pair.lose_address("ppp0", f"{PPPOE}/32")
    assert not [route for route in pair.double.state.routes if route.device == "ppp0"]
    pair.event(Event.PPP_DOWN)
    pair.connect(OTHER_PPPOE)
    pair.event(Event.PPP_UP)
