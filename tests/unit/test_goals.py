"""Which slices an event concerns, and whether each is to stand or to go."""

import pytest
from machine import config

from dualwan import slices
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.observed import Link, Observed
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable
from dualwan.slices import Remains, firewall
from dualwan.slices.goals import concerned, goals, scope

FIREWALL = (NftTable(firewall.TABLE.family, firewall.TABLE.name),)
NAMES = [one.name for one in slices.ALL]
OF_PPP = ("firewall", "pbr", "offload")


def seen(*up, wanted=False, loaded=(), tables=()):
    """Return what is known of a machine with the devices UP, whose run state has tables LOADED."""
    links = {name: Link(at, up=True) for at, name in enumerate(up, 2)}
    return Remains(
        RunState(wanted=wanted, tables=loaded),
        Observed(links=links, tables=tables),
        "wan0",
        derive_line(config()).ways,
    )


def wanted_of(event, now):
    """Return what is to stand and to go of all that EVENT concerns."""
    return goals(event, concerned(event, slices.ALL), now)


def test_ppp_events_never_concern_tunnel_or_snat():
    """A reconnect of PPPoE does not so much as look at MAP-E."""
    for event in (Event.PPP_UP, Event.PPP_DOWN):
        assert {one.name for one in concerned(event, slices.ALL)} == {*OF_PPP}


def test_closed_first_opened_last():
    """The firewall stands before the WAN is up, and ifdown leaves it until after."""
    assert wanted_of(Event.PRE_UP, seen())["firewall"] is True
    assert "firewall" not in wanted_of(Event.DOWN, seen("wan0"))
    assert wanted_of(Event.POST_DOWN, seen()) == {"firewall": False}


def test_the_firewall_outlives_ifdown_while_a_wan_is_up():
    """After ifdown it stays as long as PPPoE or the WAN itself still leads outside."""
    for still_up in ("ppp0", "wan0"):
        assert wanted_of(Event.POST_DOWN, seen(still_up, tables=FIREWALL)) == {"firewall": True}


def test_the_firewall_goes_with_the_last_wan():
    """PPPoE ends after ifdown has: nothing of ours stays behind."""
    assert wanted_of(Event.PPP_DOWN, seen(tables=FIREWALL)) == dict.fromkeys(OF_PPP, False)


def test_pppoe_alone_has_its_own_slices():
    """A PPPoE that was dialled by hand gets its way back and its firewall."""
    assert wanted_of(Event.PPP_UP, seen("ppp0")) == dict.fromkeys(OF_PPP, True)


MENDING = (Event.MEND, Event.PREFIX_CHANGED, Event.ACTIVE)


@pytest.mark.parametrize("event", MENDING)
def test_after_down_a_session_that_stays_brings_nothing_back(event):
    """A watcher that had waited for `dualwan-hook down` to end finds the session still up."""
    assert wanted_of(event, seen("wan0", "ppp0")) == dict.fromkeys(NAMES, False)


@pytest.mark.parametrize("event", MENDING)
def test_a_session_that_was_dialled_by_hand_keeps_what_serves_it(event):
    """What its own event has set up is mended like all else."""
    found = wanted_of(event, seen("ppp0", loaded=(firewall.TABLE.name,), tables=FIREWALL))
    assert found == {name: name in OF_PPP for name in NAMES}


def test_a_lost_pppoe_keeps_everything_in_place():
    """While the router is to be up, PPPoE may come and go."""
    found = wanted_of(Event.PPP_DOWN, seen("wan0", wanted=True))
    assert found == dict.fromkeys(OF_PPP, True)


@pytest.mark.parametrize("event", [Event.UP, Event.APPLY])
def test_everything_stands_when_asked(event):
    """Both ifup and apply want all slices, whatever is there."""
    assert wanted_of(event, seen()) == dict.fromkeys(NAMES, True)


def test_down_takes_everything():
    """`dualwan-hook down` leaves nothing, whatever is up."""
    assert wanted_of(Event.REMOVE, seen("wan0", "ppp0", wanted=True)) == dict.fromkeys(NAMES, False)


@pytest.mark.parametrize(
    ("event", "wanted", "before", "now", "everything"),
    [
        (Event.PPP_UP, True, "2001:db8:1::/56", "2001:db8:2::/56", True),
        (Event.PPP_UP, True, "2001:db8:1::/56", "2001:db8:1::/56", False),
        (Event.PPP_UP, True, "", "2001:db8:2::/56", False),
        (Event.PPP_UP, True, "2001:db8:1::/56", "", False),
        (Event.PPP_UP, False, "2001:db8:1::/56", "2001:db8:2::/56", False),
        (Event.DOWN, True, "2001:db8:1::/56", "2001:db8:2::/56", False),
    ],
)
def test_another_prefix_concerns_everything(event, wanted, before, now, everything):
    """Whoever notices that the line was renumbered mends all, unless it is taken down."""
    found = scope(event, RunState(wanted=wanted, prefix=before), now, missing=False, upgraded=False)
    assert found is (Event.PREFIX_CHANGED if everything else event)


@pytest.mark.parametrize(
    ("event", "wanted", "everything"),
    [
        (Event.PPP_UP, True, True),
        (Event.PPP_DOWN, True, True),
        (Event.PPP_UP, False, False),
        (Event.DOWN, True, False),
    ],
)
def test_the_first_event_after_an_upgrade_concerns_everything(event, wanted, everything):
    """Another version may want other tables; an ifdown and a router that is down want none."""
    found = scope(event, RunState(wanted=wanted), "", missing=False, upgraded=True)
    assert found is (Event.PREFIX_CHANGED if everything else event)
