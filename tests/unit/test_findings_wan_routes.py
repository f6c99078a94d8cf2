"""A device on the WAN that announces addresses of the LAN as if they were on its link."""

from ipaddress import ip_interface

import pytest
from machine import config

from dualwan.findings import find
from dualwan.model.surroundings import OwnAddress, Surroundings

LAN = OwnAddress("lan0", ip_interface("2001:db8:1::1/64"))
LAN4 = OwnAddress("lan0", ip_interface("192.168.1.1/24"))
LINE = OwnAddress("wan0", ip_interface("2001:db8:0:100::1/64"))


def found(*routes, addresses=(LAN4, LAN, LINE)):
    """Return the findings about routes by the WAN."""
    around = Surroundings(addresses=addresses, wan_networks=tuple(map(ip_interface, routes)))
    return find(config(), around, [("wan_routes", "of_lan")])


@pytest.mark.parametrize(
    "network", ["2001:db8:1::10/128", "2001:db8:1::/65", "2001:db8:1::/64", "2001:db8:1:0:8::/80"]
)
def test_a_route_into_the_lan_is_named(network):
    """Of one host, of a part, of all of it: with the network, and what to do."""
    (one,) = found("2001:db8:0:100::/64", network)
    assert one.code == "lan-route-by-wan"
    assert one.seen == (
        f"packets for {network}, which is of 2001:db8:1::/64 on lan0, are routed to wan0"
    )
    assert f"ip -6 route del {network} dev wan0" in one.remedy
    assert not one.is_notice


def test_what_leads_to_the_line_is_none():
    """Its own link, and a network that holds the LAN's, as of a delegated prefix."""
    assert found("2001:db8:0:100::/64", "2001:db8:9::/64", "2001:db8::/32") == ()


def test_a_lan_that_uses_the_prefix_of_the_wans_link():
    """By a proxy: both have it. A route of a host there is none of the router's own."""
    shared = OwnAddress("lan0", ip_interface("2001:db8:0:100::2/64"))
    both = (shared, LINE)
    assert found("2001:db8:0:100::/64", "2001:db8:0:100::1/128", addresses=both) == ()
    assert len(found("2001:db8:0:100::10/128", addresses=both)) == 1
