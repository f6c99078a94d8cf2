"""An access concentrator that gives addresses which are not its to give."""

from ipaddress import ip_address, ip_interface

import pytest
from machine import config

from dualwan.findings import find
from dualwan.model.surroundings import OwnAddress, Surroundings

LAN = OwnAddress("lan0", ip_interface("192.168.1.1/24"))
TUNNEL = OwnAddress("mape0", ip_interface("192.0.2.18/32"))
LINE = OwnAddress("wan0", ip_interface("2001:db8:0:100::1/64"))


def found(own, other):
    """Return the findings about a session with these addresses."""
    session = OwnAddress("ppp0", ip_interface(f"{own}/32"), ip_address(other))
    return find(
        config(),
        Surroundings(addresses=(LAN, TUNNEL, LINE, session)),
        [("concentrator", "addresses")],
    )


def test_addresses_of_the_provider_are_no_finding():
    """Neither a public one nor a private one that is nobody's here."""
    assert found("203.0.113.7", "203.0.113.1") == ()
    assert found("10.20.30.40", "10.20.30.1") == ()


@pytest.mark.parametrize(
    ("own", "other", "seen"),
    [
        (
            "192.168.1.1",
            "203.0.113.1",
            "the router 192.168.1.1 on ppp0, which is of 192.168.1.0/24",
        ),
        ("192.168.1.77", "203.0.113.1", "the router 192.168.1.77 on ppp0, which is of 192.168.1"),
        ("192.0.2.18", "203.0.113.1", "the router 192.0.2.18 on ppp0, which is of 192.0.2.18/32"),
        ("203.0.113.7", "192.168.1.10", "itself 192.168.1.10 on ppp0, which is of 192.168.1.0/24"),
    ],
)
def test_an_address_of_another_interface_is_named(own, other, seen):
    """The router's end or the other one, with the network and what to do."""
    (one,) = found(own, other)
    assert one.code == "concentrator-address"
    assert one.seen.startswith(f"the access concentrator has given {seen}")
    assert "hang up (`poff dsl-provider`)" in one.remedy
