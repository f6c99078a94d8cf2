"""P4, P5: which PPP interface is ours, whatever unit our pppd got and whoever has ours."""

import pytest
from machine import BASE

from dualwan.config import from_text
from dualwan.line import derive_line
from dualwan.line.session import located
from dualwan.ppp.session import NO_DEVICE, Pppd, Session, families, present, survivor

OURS = Pppd(10, ("pppd", "call", "dsl-provider"), started=100)
LTE = Pppd(20, ("/usr/sbin/pppd", "call", "lte"), started=50)
L2TP = Pppd(30, ("pppd", "passive", "file", "/etc/ppp/options.l2tp", "ipparam", "203.0.113.1"))
BY_NAME = Pppd(40, ("pppd", "nodetach", "plugin", "pppoe.so", "nic-wan0", "password", "sesame"))
DIALS = from_text("f", BASE.replace("dial = false", "dial = true"))
LEFT_ALONE = from_text("f", BASE)
NAMED = from_text("f", BASE.replace("dial = false", 'dial = false\npeer = "dsl-provider"'))


def at(config, *sessions):
    """Return the interface of PPPoE and the warnings, with SESSIONS on the machine."""
    line = located(derive_line(config), config, sessions)
    assert line.ways[0] == derive_line(config).ways[0], "the softwire is as before"
    return line.ways[1].device, line.warnings


def test_without_a_known_session_it_is_the_configured_interface():
    """Rules stand before the session does."""
    assert at(DIALS) == ("ppp0", ())
    assert at(DIALS, Session("ppp5", LTE, "10.0.0.1")) == ("ppp0", ())


def test_our_session_on_its_interface_needs_no_word():
    """Before it has an address, too."""
    assert at(DIALS, Session("ppp0", OURS)) == ("ppp0", ())
    assert at(DIALS, Session("ppp0", OURS, "203.0.113.7"), Session("ppp1", LTE)) == ("ppp0", ())


def test_our_session_on_another_unit_is_ours():
    """P4: another pppd has ppp0, and both the other and ours are named."""
    assert at(DIALS, Session("ppp0", LTE, "10.0.0.1"), Session("ppp1", OURS, "203.0.113.7")) == (
        "ppp1",
        (
            "dsl-provider is on ppp1, not on ppp0 (pppoe.interface): another pppd has ppp0 "
            "(process 20, peer lte)",
        ),
    )
    assert at(DIALS, Session("ppp1", OURS)) == (
        "ppp1",
        ("dsl-provider is on ppp1, not on ppp0 (pppoe.interface)",),
    )


@pytest.mark.parametrize("config", [DIALS, NAMED])
@pytest.mark.parametrize(("other", "name"), [(LTE, "process 20, peer lte"), (L2TP, "process 30")])
def test_a_session_of_another_pppd_is_not_ours(config, other, name):
    """P5: nothing is offered on it, and no interface stands in for ours."""
    assert at(config, Session("ppp0", other, "10.0.0.1")) == (
        NO_DEVICE,
        (
            f"dsl-provider has no session, and ppp0 (pppoe.interface) is another pppd's ({name}), "
            "so nothing is offered on it",
        ),
    )


def test_whoever_neither_dials_nor_names_a_peer_goes_by_the_interface():
    """As in 0.1.0: the peer may have any name there."""
    assert at(LEFT_ALONE, Session("ppp0", LTE, "203.0.113.7")) == ("ppp0", ())


def test_a_session_without_a_peer_is_ours_by_the_line():
    """NetworkManager and some units give pppd its options by words, with the WAN's name."""
    assert at(DIALS, Session("ppp2", BY_NAME, "203.0.113.7"))[0] == "ppp2"
    both = (Session("ppp0", BY_NAME, "10.0.0.1"), Session("ppp1", OURS))
    assert at(DIALS, *both)[0] == "ppp1", "that of the peer goes before it"


def test_no_word_of_a_command_line_but_the_peer_is_shown():
    """It may have a password."""
    assert "sesame" not in at(NAMED, Session("ppp0", L2TP), Session("ppp2", BY_NAME))[1][0]
    assert BY_NAME.text == "process 40"


def test_of_two_sessions_the_one_with_an_address_is_in_use():
    """An old one that is ending, or a new one that the provider refuses, has none."""
    new, old = Session("ppp1", OURS._replace(pid=11, started=200)), Session("ppp0", OURS)
    for first, second in ((new, old), (old, new)):
        up = second._replace(address="203.0.113.7")
        assert present("dsl-provider", "wan0", "ppp0", (first, up)) == up
    both = tuple(one._replace(address="203.0.113.7") for one in (new, old))
    assert present("dsl-provider", "wan0", "ppp0", both) == both[1], "the configured interface"
    assert present("dsl-provider", "wan0", "ppp9", both) == both[0], "else the newest"
    assert present("dsl-provider", "wan0", "ppp0", ()) is None


def test_of_two_pppds_of_a_peer_the_fitting_one_survives():
    """The one that systemd would start again; else one with a session; else the older."""
    old, new = OURS, OURS._replace(pid=11, started=200, service="ppp@dsl-provider.service")
    both = families((new, old))
    assert both == [[old], [new]]
    assert survivor(both, (), ()) == [old]
    assert survivor(both, (), (11,)) == [new]
    assert survivor(both, ("ppp@dsl-provider.service",), (10,)) == [new]
    assert survivor(both, ("other.service",), (10,)) == [old]


def test_a_pppd_and_its_children_are_one():
    """It forks to detach, for each script, and for `pty`; a parent may have ended."""
    child = OURS._replace(pid=11, started=100, parent=10)
    grandchild = OURS._replace(pid=9, started=300, parent=11)
    other = OURS._replace(pid=12, started=50, parent=4)
    assert families((grandchild, other, child, OURS)) == [[other], [OURS, child, grandchild]]
    assert survivor(families((other, OURS, child)), (), (11,)) == [OURS, child]
    assert families((child,)) == [[child]]
    reused = OURS._replace(started=400)
    assert families((child, reused)) == [[child], [reused]], "the parent's id is another's by now"
    assert families((OURS._replace(parent=10),)) == [[OURS._replace(parent=10)]]


def test_the_peers_of_a_command_line():
    """By `call`, and by the path of the peer's file."""
    assert Pppd(1, ("pppd", "call", "a", "file", "/etc/ppp/peers/b")).peers == ("a", "b")
    assert Pppd(1, ("pppd", "file", "/etc/ppp/options.l2tp", "call")).peers == ()
    assert not OURS.is_on("wan0")
    assert Pppd(1, ("pppd", "plugin", "rp-pppoe.so", "wan0")).is_on("wan0")
