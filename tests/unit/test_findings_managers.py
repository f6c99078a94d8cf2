"""What a network manager does that keeps the router from its work."""

import pytest
from machine import config

from dualwan.findings import find
from dualwan.host.around import networkd
from dualwan.model.surroundings import DefaultRoute, Surroundings

WAN = DefaultRoute("wan0", "fe80::1", 1024)
LAN = DefaultRoute("lan0", "fe80::2", 1024)


def found(cfg=None, **around):
    """Return the findings of these surroundings."""
    return find(cfg or config(), Surroundings(**around))


@pytest.mark.parametrize(
    ("who", "remedy"),
    [
        ("systemd-networkd", "IPv6AcceptRA=no"),
        ("NetworkManager", "ipv6.never-default"),
        ("dhcpcd", "interface lan0"),
        ("", "ip -6 route del default dev lan0"),
    ],
)
def test_a_second_default_route_is_named_with_what_keeps_it_away(who, remedy):
    """A router of the LAN, heard by whoever manages that device."""
    (one,) = found(ipv6_defaults=(WAN, LAN), managers={"lan0": who} if who else {})
    assert one.code == "second-ipv6-default"
    assert one.seen == (
        "there is an IPv6 default route by lan0 via fe80::2, beside the one by the WAN (wan0)"
    )
    assert remedy in one.remedy


def test_the_only_default_route_leaves_by_another_device():
    """Pppd's defaultroute6, for one, while the line has announced no router."""
    (one,) = found(ipv6_defaults=(DefaultRoute("ppp0", "", 1024),))
    assert one.seen == "there is an IPv6 default route by ppp0, and none by the WAN (wan0)"


@pytest.mark.parametrize(
    "routes",
    [
        (),
        (WAN,),
        (WAN, DefaultRoute("wan0", "fe80::3", 1024)),  # two routers of the line
        (WAN, DefaultRoute("wwan0", "", 2048)),  # for the time when the line is gone
    ],
)
def test_default_routes_that_take_nothing_from_the_line(routes):
    """Its own, and those that come after them."""
    assert found(ipv6_defaults=routes) == ()


def test_the_interface_that_the_prefix_is_taken_from_may_have_the_default_route():
    """prefix-from is the line's, unless it is of the LAN."""
    outside = config(a='provider = "manual" -> provider = "manual"\nprefix-from = "line0"')
    assert found(outside, ipv6_defaults=(DefaultRoute("line0", "fe80::1", 1024),)) == ()
    inside = config(a='provider = "manual" -> provider = "manual"\nprefix-from = "lan0"')
    assert len(found(inside, ipv6_defaults=(WAN, LAN))) == 1


def test_several_routers_on_one_device_are_one_finding():
    """They have one cause."""
    routes = (WAN, LAN, DefaultRoute("lan0", "fe80::4", 1024))
    assert len(found(ipv6_defaults=routes)) == 1


@pytest.mark.parametrize("who", ["systemd-networkd", "NetworkManager"])
def test_two_managers_of_the_wan_are_named(who):
    """Each undoes what the other does."""
    (one,) = found(managers={"wan0": who}, wan_stanza="/etc/network/interfaces:9")
    assert one.code == "two-managers"
    assert (
        one.seen
        == f"{who} manages the WAN (wan0), and /etc/network/interfaces:9 gives it to ifup too"
    )


@pytest.mark.parametrize(
    "around",
    [
        {"managers": {"wan0": "systemd-networkd"}},
        {"wan_stanza": "/etc/network/interfaces:9"},
        # ifup itself runs it
        {"managers": {"wan0": "dhcpcd"}, "wan_stanza": "/etc/network/interfaces:9"},
    ],
)
def test_one_manager_is_no_obstacle(around):
    """Whichever it is."""
    assert found(**around) == ()


def test_a_networkd_that_removes_our_routes_is_named():
    """With the file and line that say so."""
    (one,) = found(networkd_foreign=("ManageForeignRoutes (/etc/systemd/networkd.conf:3)",))
    assert one.code == "networkd-foreign"
    assert "ManageForeignRoutes (/etc/systemd/networkd.conf:3) is on" in one.seen
    assert "systemctl restart systemd-networkd" in one.remedy


@pytest.mark.parametrize(
    ("word", "on"),
    [
        *((word, False) for word in ("0", "no", "n", "false", "f", "off", "NO", "False")),
        *((word, True) for word in ("1", "yes", "y", "true", "t", "on")),
    ],
)
def test_a_boolean_of_systemd(tmp_path, word, on):
    """Each word that systemd.syntax(7) knows, in any case."""
    for folder in ("run/systemd/netif", "sys/fs/cgroup/system.slice/systemd-networkd.service"):
        (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / "etc/systemd/networkd.conf"
    path.parent.mkdir(parents=True)
    path.write_text(f"[Network]\nManageForeignRoutes={word}\nManageForeignRoutingPolicyRules=no\n")
    here = ("ManageForeignRoutes (/etc/systemd/networkd.conf:2)",)
    assert networkd.foreign(tmp_path) == (here if on else ())
