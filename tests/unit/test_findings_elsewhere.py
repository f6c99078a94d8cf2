"""Another program that takes the IPv4 internet away from MAP-E."""

from ipaddress import ip_interface

import pytest
from machine import BASE, config

from dualwan.findings import find
from dualwan.model.surroundings import DefaultRoute, OwnAddress, Surroundings

UP = OwnAddress("mape0", ip_interface("192.0.2.18/32"))


VPN = BASE + '[way.away]\ntype = "vpn"\ninterface = "wg0"\n'


def found(*devices, addresses=(UP,), text=BASE, **words):
    """Return the findings where packets would leave by ``devices``."""
    around = Surroundings(addresses=addresses, internet_by=devices, **words)
    return find(config(text), around, [("elsewhere", "internet")])


def test_a_device_of_no_way_is_named():
    """Once, whichever half of the internet it takes."""
    (one,) = found("mape0", "wg0")
    assert one.code == "internet-elsewhere"
    assert "IPv4 internet leave by wg0, and not by mape0" in one.seen
    assert "Table = off" in one.remedy
    assert not one.is_notice


@pytest.mark.parametrize("devices", [("mape0",), ("ppp0",), ("",), ()])
def test_the_ways_and_no_route_are_none(devices):
    """PPPoE after a failover; and while nothing leads there, others say so."""
    assert found(*devices) == ()


def test_a_vpn_that_is_a_way_does_not_take_everything():
    """It carries what a policy gives it, so its client was left as it comes."""
    assert "leave by wg0" in found("wg0", text=VPN)[0].seen
    assert found("mape0", text=VPN) == ()


def test_before_mape_has_an_address_another_route_is_none():
    """A machine that is being installed has one."""
    assert found("lan0", addresses=()) == ()


def test_ipv6_that_does_not_leave_by_the_wan_is_named():
    """Packets to the border relay would go there too."""
    (one,) = found("mape0", ipv6_internet_by=("wg0",))
    assert "IPv6 internet leave by wg0, and not by wan0" in one.seen
    assert found("mape0", ipv6_internet_by=("wan0",)) == ()
    assert found("mape0", ipv6_internet_by=("",)) == ()


def test_a_second_default_route_is_named_elsewhere():
    """One cause, one finding."""
    routes = (DefaultRoute("lan0", "fe80::1", 1),)
    assert found(ipv6_internet_by=("lan0",), ipv6_defaults=routes) == ()
