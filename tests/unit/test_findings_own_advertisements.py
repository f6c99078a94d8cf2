"""A router that takes an address from the advertisements of its own LAN."""

from ipaddress import ip_interface

from machine import config

from dualwan.findings import find
from dualwan.model.surroundings import OwnAddress, Surroundings

LINE = OwnAddress("wan0", ip_interface("2001:db8:0:100::1/64"), heard=True)
PUT = OwnAddress("lan0", ip_interface("2001:db8:0:200::1/64"))
OLD = OwnAddress("lan0", ip_interface("2001:db8:0:300::5/64"), heard=True)


def found(*addresses):
    """Return the findings about addresses of advertisements."""
    around = Surroundings(addresses=addresses)
    return find(config(), around, [("own_advertisements", "on_lan")])


def test_an_address_of_another_prefix_on_the_lan_is_named():
    """The one that an advertisement made, and neither the line's nor one that was put there."""
    (one,) = found(LINE, PUT, OLD)
    assert one.code == "lan-own-advertisement"
    assert one.is_notice
    assert one.seen.startswith("lan0 has 2001:db8:0:300::5 from a router advertisement")
    assert "`ip -6 address del 2001:db8:0:300::5/64 dev lan0`" in one.remedy
    assert "`sysctl net/ipv6/conf/lan0/accept_ra=0`" in one.remedy


def test_the_prefix_that_the_line_has_is_none():
    """On one wire with the line's router, or through a proxy, the LAN may hear it."""
    same = OwnAddress("lan0", ip_interface("2001:db8:0:100::5/64"), heard=True)
    assert found(LINE, same) == ()


def test_an_interface_that_the_configuration_does_not_name_is_none():
    """A client of another network may well hear its router there."""
    assert found(OLD._replace(device="other0")) == ()
