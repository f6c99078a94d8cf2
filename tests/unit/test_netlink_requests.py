"""What is asked of the kernel: which requests, in which order, and what its refusals mean."""

from socket import AF_INET, AF_INET6

import pytest
from rtnetlink import FOREVER, link, netlink

from dualwan.host.netlink_changes import PREPEND
from dualwan.model.resources import Address, Route, RouteRule, Tunnel

CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
TUNNEL = Tunnel("mape0", CE, BR, "wan0", 1460)
DATA = {
    "kind": "ip6tnl",
    "ip6tnl_link": 2,
    "ip6tnl_local": CE,
    "ip6tnl_remote": BR,
    "ip6tnl_ttl": 64,
    "ip6tnl_flags": 1,
    "ip6tnl_proto": 4,
}
ON_WAN, ON_TUNNEL = Address("wan0", CE, deprecated=True), Address("mape0", "192.0.2.18")
RULE = RouteRule(100, 100, "203.0.113.7")


@pytest.mark.parametrize(("deprecated", "preferred"), [(True, 0), (False, FOREVER)])
def test_an_ipv6_address_is_usable_at_once(deprecated, preferred):
    """A /128 without duplicate address detection, valid for ever, preferred or not."""
    asks = netlink()
    asks.set_address(Address("wan0", CE, deprecated))
    assert asks.ipr.asked == [
        (
            "addr",
            "replace",
            {
                "index": 2,
                "address": CE,
                "prefixlen": 128,
                "family": AF_INET6,
                "flags": 0x02,
                "cacheinfo": {"ifa_preferred": preferred, "ifa_valid": FOREVER},
            },
        )
    ]


def test_an_ipv4_address_is_a_host_address():
    """A /32, which brings no route of its own."""
    asks = netlink(link("mape0", 5))
    asks.set_address(ON_TUNNEL)
    assert asks.ipr.asked == [
        (
            "addr",
            "replace",
            {"index": 5, "address": "192.0.2.18", "prefixlen": 32, "family": AF_INET},
        )
    ]


@pytest.mark.parametrize(
    ("address", "index", "length", "family"),
    [(ON_WAN, 2, 128, AF_INET6), (ON_TUNNEL, 5, 32, AF_INET)],
)
def test_an_address_is_removed_with_its_own_length(address, index, length, family):
    """The owner's CE/64 beside ours would be another address to the kernel."""
    asks = netlink(link("mape0", 5))
    asks.remove_address(address)
    assert asks.ipr.asked == [
        (
            "addr",
            "del",
            {"index": index, "address": address.address, "prefixlen": length, "family": family},
        )
    ]


def test_a_tunnel_is_made_and_then_switched_on():
    """By its link's index, with the hop limit 64 and no encapsulation limit; the MTU follows."""
    asks = netlink()
    asks.set_tunnel(TUNNEL)
    assert asks.ipr.asked == [
        ("link", "add", {"ifname": "mape0", **DATA}),
        ("link", "set", {"index": 99, "mtu": 1460, "state": "up"}),
    ]


def test_a_tunnel_that_is_there_is_changed_whole():
    """The kernel takes what a change leaves out for 0, so all of it is said again."""
    asks = netlink(link("mape0", 5, kind="ip6tnl"))
    asks.set_tunnel(TUNNEL)
    assert asks.ipr.asked == [
        ("link", "set", {"index": 5, **DATA}),
        ("link", "set", {"index": 5, "mtu": 1460, "state": "up"}),
    ]


def test_a_device_is_removed_by_its_index():
    """One that is not there needs no request."""
    asks = netlink(link("mape0", 5, kind="ip6tnl"))
    asks.remove_link("mape1")
    assert asks.ipr.asked == []
    asks.remove_link("mape0")
    assert asks.ipr.asked == [("link", "del", {"index": 5})]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (Route(254, "ppp0"), {"table": 254, "oif": 7, "scope": 253, "type": 1}),
        (
            Route(254, "ppp0", 2048),
            {"table": 254, "oif": 7, "scope": 253, "type": 1, "priority": 2048},
        ),
        (Route(100, "", 4096), {"table": 100, "type": 7, "priority": 4096}),
        (
            Route(254, "", 4096, "203.0.113.128/29"),
            {"table": 254, "type": 7, "priority": 4096, "dst": "203.0.113.128", "dst_len": 29},
        ),
    ],
)
def test_a_route_is_added_and_removed_with_the_same_words(route, words):
    """A default route of our protocol, by a device or unreachable; no metric unless it has one."""
    asks = netlink()
    asks.add_route(route)
    asks.remove_route(route)
    words = {"dst": "default", "family": AF_INET, "proto": 217, **words}
    (_, added, first), (_, removed, second) = asks.ipr.asked
    assert first == second == words
    assert removed == "del"
    assert added[1] == PREPEND


def test_a_route_goes_before_others_of_its_metric():
    """By NLM_F_REQUEST, ACK and CREATE alone.

    With EXCL the default route of somebody else would stand in the way, with APPEND be first.
    """
    asks = netlink()
    asks.add_route(Route(254, "ppp0"))
    [(_, (kind, flags), _)] = asks.ipr.asked
    assert (kind, flags) == (24, 0x1 | 0x4 | 0x400)


def test_a_route_of_a_device_that_is_gone_went_with_it():
    """Nothing is asked; one to nowhere has no device and is taken away."""
    asks = netlink()
    asks.remove_route(Route(254, "mape0"))
    assert asks.ipr.asked == []
    asks.remove_route(Route(100, "", 4096))
    assert [verb for _, verb, _ in asks.ipr.asked] == ["del"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RULE, {"priority": 100, "src": "203.0.113.7", "src_len": 32}),
        (
            RouteRule(100, 100, "203.0.113.128/29"),
            {"priority": 100, "src": "203.0.113.128", "src_len": 29},
        ),
        (
            RouteRule(101, 100, mark=0x1000000, mask=0x3000000),
            {"priority": 101, "fwmark": 0x1000000, "fwmask": 0x3000000},
        ),
        (
            RouteRule(102, 100, mark=0, mask=0x3000000),
            {"priority": 102, "fwmark": 0, "fwmask": 0x3000000},
        ),
        (
            RouteRule(99, 100, "203.0.113.7", suppress=0),
            {"priority": 99, "src": "203.0.113.7", "src_len": 32, "suppress_prefixlen": 0},
        ),
    ],
)
def test_a_rule_is_added_and_removed_with_the_same_words(rule, words):
    """One that leads to its table, by source address or by mark, with our protocol."""
    asks = netlink()
    asks.add_rule(rule)
    asks.remove_rule(rule)
    words |= {"family": AF_INET, "table": 100, "protocol": 217, "action": 1}
    assert asks.ipr.asked == [("rule", "add", words), ("rule", "del", words)]
