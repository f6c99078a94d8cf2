"""Numbers in a peer's file that only look like some."""

import pytest
from machine import BASE

from dualwan.config import from_text
from dualwan.findings import ppp_peer
from dualwan.model.ppp_files import PppFiles
from dualwan.model.surroundings import Surroundings
from dualwan.ppp.options import Option, PeerOptions

CONFIG = from_text("f", BASE.replace("dial = false", "dial = true"))


def codes(option, value):
    """Return what is found of a peer with this option."""
    peer = PeerOptions((Option("persist", "", "f:1"), Option(option, value, "f:2")))
    found = ppp_peer.obstacles(CONFIG, Surroundings(ppp=PppFiles(peer=peer)))
    return {one.code for one in found}


@pytest.mark.parametrize("option", ["mtu", "mru"])
@pytest.mark.parametrize("value", ["\u00b2", "1\u00b2", "\u2460", "", "-1500", "x"])
def test_what_is_no_number_is_left_to_pppd(option, value):
    """A superscript is a digit to Python, and no number."""
    assert "ppp-mtu" not in codes(option, value)
    assert "ppp-mtu" in codes(option, "1500")


def test_a_count_of_failures_that_is_no_number_is_not_none():
    """Only 0 means for ever."""
    assert "ppp-gives-up" in codes("maxfail", "\u00b2")
    assert "ppp-gives-up" not in codes("maxfail", "0")
