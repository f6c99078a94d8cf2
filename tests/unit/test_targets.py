import pytest
from machine import config

from dualwan.model.observed import Link, Memory, Observed
from dualwan.nft.table import NftTable
from dualwan.slices import firewall
from dualwan.slices.goals import CONCERNS, NAMES, Event, concern
from dualwan.slices.goals import targets as targets_of

FIREWALL = (NftTable("inet", firewall.TABLE),)


def seen(*up, wanted=False, tables=()):
    """Return a machine with the devices UP."""
    links = {name: Link(at, up=True) for at, name in enumerate(up, 2)}
    return Observed(links=links, memory=Memory(wanted=wanted), tables=tables)


def targets(event, cfg, observed):
    """Return what is to stand and to go of all that EVENT concerns."""
    return targets_of(event, cfg, observed, CONCERNS[event].slices)


def test_ppp_events_never_concern_tunnel_or_snat():
    """A reconnect of PPPoE does not so much as look at MAP-E."""
    for event in (Event.PPP_UP, Event.PPP_DOWN):
        assert set(CONCERNS[event].slices) == {"pbr", "firewall"}


def test_closed_first_opened_last():
    """The firewall stands before the WAN is up, and ifdown leaves it until after."""
    assert targets(Event.PRE_UP, config(), seen())["firewall"] is True
    assert "firewall" not in targets(Event.DOWN, config(), seen("wan0"))
    assert targets(Event.POST_DOWN, config(), seen()) == {"firewall": False}


def test_the_firewall_outlives_ifdown_while_a_wan_is_up():
    """After ifdown it stays as long as PPPoE or the WAN itself still leads outside."""
    for still_up in ("ppp0", "wan0"):
        assert targets(Event.POST_DOWN, config(), seen(still_up, tables=FIREWALL)) == {
            "firewall": True}


def test_the_firewall_goes_with_the_last_wan():
    """PPPoE ends after ifdown has: nothing of ours stays behind."""
    assert targets(Event.PPP_DOWN, config(), seen(tables=FIREWALL)) == {
        "pbr": False, "firewall": False}


def test_pppoe_alone_has_its_own_slices():
    """A PPPoE that was dialled by hand gets its way back and its firewall."""
    assert targets(Event.PPP_UP, config(), seen("ppp0")) == {"pbr": True, "firewall": True}


def test_a_lost_pppoe_keeps_everything_in_place():
    """While the router is to be up, PPPoE may come and go."""
    assert targets(Event.PPP_DOWN, config(), seen("wan0", wanted=True)) == {
        "pbr": True, "firewall": True}


@pytest.mark.parametrize("event", [Event.UP, Event.APPLY])
def test_everything_stands_when_asked(event):
    """Both ifup and apply want all slices, whatever is there."""
    assert targets(event, config(), seen()) == dict.fromkeys(NAMES, True)


def test_down_takes_everything():
    """`dualwan-hook down` leaves nothing, whatever is up."""
    assert targets(Event.REMOVE, config(), seen("wan0", "ppp0", wanted=True)) == dict.fromkeys(
        NAMES, False)


@pytest.mark.parametrize(("event", "wanted", "before", "now", "everything"), [
    (Event.PPP_UP, True, "2001:db8:1::/56", "2001:db8:2::/56", True),
    (Event.PPP_UP, True, "2001:db8:1::/56", "2001:db8:1::/56", False),
    (Event.PPP_UP, True, "", "2001:db8:2::/56", False),
    (Event.PPP_UP, True, "2001:db8:1::/56", "", False),
    (Event.PPP_UP, False, "2001:db8:1::/56", "2001:db8:2::/56", False),
    (Event.DOWN, True, "2001:db8:1::/56", "2001:db8:2::/56", False),
])
def test_another_prefix_concerns_everything(event, wanted, before, now, everything):
    """Whoever notices that the line was renumbered mends all, unless it is taken down."""
    found = concern(event, Memory(wanted=wanted, prefix=before), now)
    assert found == CONCERNS[Event.LINE if everything else event]
