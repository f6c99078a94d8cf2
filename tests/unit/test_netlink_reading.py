"""What is read from the kernel's own messages: devices, addresses, tunnels, routes, rules."""

import errno
from socket import AF_INET6

import pytest
from rtnetlink import (
    DEPRECATED,
    NO_ENCAP_LIMIT,
    PERMANENT,
    USE_ORIGINAL_CLASS,
    Kernel,
    address,
    ip6tnl,
    link,
    route,
    rule,
)
from rtnetlink import route as a_route

from dualwan.errors import KernelError
from dualwan.host.netlink import Netlink
from dualwan.model.observed import Link
from dualwan.model.resources import Address, Route, RouteRule, Tunnel

CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
ENDS = {"local": CE, "remote": BR}
TUNNEL = Tunnel("mape0", CE, BR, "wan0", 1460)


def netlink(*messages):
    """Return a Netlink whose socket is a Kernel with ``messages``."""
    made = Netlink()
    made._socket = Kernel(*messages)  # noqa: SLF001 - where IPRoute would be
    return made


# --- devices -----------------------------------------------------------------------------


def test_only_the_devices_that_were_asked_for_are_seen():
    """One that does not exist, and a name that is "", are left out."""
    seen = netlink(link("wan0", 2), link("ppp0", 7, up=False, kind="ppp"), link("other0", 3))
    links, addresses, tunnels = seen.look(["wan0", "ppp0", "", "mape0", "wan0"])
    assert links == {"wan0": Link(2, up=True), "ppp0": Link(7, up=False, kind="ppp")}
    assert list(links) == ["wan0", "ppp0"]
    assert (addresses, tunnels) == ([], [])


def test_without_any_device_no_address_is_asked_for():
    """A machine on which nothing of ours is there has none."""
    seen = netlink(address("192.0.2.1", 2, 32))
    assert seen.look(["wan0"]) == ({}, [], [])


def test_a_device_that_cannot_be_looked_at_is_an_error():
    """That it is not there is none; anything else is told in the kernel's words."""
    seen = netlink(link("wan0", 2))
    seen.ipr.refuse["link", "get"] = errno.EPERM
    with pytest.raises(KernelError, match=r"^link wan0: Operation not permitted$"):
        seen.look(["wan0"])


# --- addresses ---------------------------------------------------------------------------


def addresses(*messages):
    """Return what is read of ``messages`` on wan0 (2) and ppp0 (7)."""
    return netlink(link("wan0", 2), link("ppp0", 7, kind="ppp"), *messages).look(["wan0", "ppp0"])[
        1
    ]


def test_addresses_of_other_devices_are_not_seen():
    """Each address is told with its device's name; one of the LAN is nobody's business."""
    assert addresses(address("203.0.113.7", 7, 32), address("192.168.1.1", 3, 24)) == [
        Address("ppp0", "203.0.113.7")
    ]


@pytest.mark.parametrize("length", [8, 24, 31, 32])
def test_an_ipv4_address_counts_with_every_length(length):
    """PPPoE's may come with another than /32."""
    assert addresses(address("203.0.113.7", 7, length)) == [Address("ppp0", "203.0.113.7")]


@pytest.mark.parametrize(("length", "seen"), [(64, False), (127, False), (128, True)])
def test_an_ipv6_address_counts_as_a_host_address_only(length, seen):
    """Ours are /128; the same address as /64 was put there by the owner, who keeps it."""
    found = addresses(address(CE, 2, length))
    assert found == ([Address("wan0", CE)] if seen else [])


def test_of_a_point_to_point_device_the_own_end_counts():
    """IFA_ADDRESS is the other end's there; IFA_LOCAL is ours."""
    assert addresses(address("203.0.113.7", 7, 32, peer="203.0.113.1")) == [
        Address("ppp0", "203.0.113.7")
    ]


def test_an_address_of_an_old_kernel_has_its_flags_in_the_header():
    """Without IFA_FLAGS, whose lowest eight bits these are."""
    assert addresses(address(CE, 2, 128, flags=PERMANENT | DEPRECATED, wide=False)) == [
        Address("wan0", CE, deprecated=True)
    ]


@pytest.mark.parametrize(
    ("flags", "deprecated"),
    [
        (PERMANENT, False),
        (PERMANENT | DEPRECATED, True),
        (0x100 | DEPRECATED, True),
        (0x300, False),
    ],
)
def test_whether_an_address_is_deprecated(flags, deprecated):
    """By its own bit, among flags that need more than the header's eight."""
    assert addresses(address(CE, 2, 128, flags=flags)) == [Address("wan0", CE, deprecated)]


# --- tunnels -----------------------------------------------------------------------------


def tunnel(message, *others):
    """Return the one tunnel that is read of ``message``."""
    _, _, [found] = netlink(link("wan0", 2), message, *others).look(["mape0"])
    return found


def test_a_tunnel_is_seen_with_ends_link_and_mtu():
    """As it was set up, whatever other flags it has."""
    assert tunnel(ip6tnl("mape0", 5, **ENDS)) == TUNNEL
    assert tunnel(ip6tnl("mape0", 5, **ENDS, flags=NO_ENCAP_LIMIT | USE_ORIGINAL_CLASS)) == TUNNEL


@pytest.mark.parametrize(
    "changed", [{"up": False}, {"flags": 0}, {"flags": None}, {"flags": USE_ORIGINAL_CLASS}]
)
def test_a_tunnel_that_does_not_work_as_planned_is_not_up(changed):
    """Switched off, or with an encapsulation limit, which costs 8 bytes a packet."""
    found = tunnel(ip6tnl("mape0", 5, **ENDS, **changed))
    assert found == Tunnel("mape0", CE, BR, "wan0", 1460, up=False)


@pytest.mark.parametrize(
    "changed", [{"local": "2001:db8::5"}, {"remote": "2001:db8::5"}, {"mtu": 1452}]
)
def test_a_tunnel_that_was_changed_is_seen_so(changed):
    """Each of its ends and its MTU is compared with the plan's."""
    words = {**ENDS, "mtu": 1460, **changed}
    assert tunnel(ip6tnl("mape0", 5, **words)) == Tunnel(
        "mape0", words["local"], words["remote"], "wan0", words["mtu"]
    )


@pytest.mark.parametrize(("parent", "name"), [(0, ""), (4, "wan9"), (8, "")])
def test_the_link_of_a_tunnel_is_told_by_name(parent, name):
    """None, another one, and one that is gone by now."""
    found = tunnel(ip6tnl("mape0", 5, **ENDS, parent=parent), link("wan9", 4))
    assert found.link == name


def test_only_an_ipv6_tunnel_is_one():
    """A veth that took its name has no tunnel's data, and is told by its kind."""
    links, _, tunnels = netlink(link("mape0", 5, kind="veth")).look(["mape0"])
    assert tunnels == []
    assert links == {"mape0": Link(5, up=True, kind="veth")}


# --- routes and rules --------------------------------------------------------------------


def test_routes_are_told_by_our_protocol():
    """Those of others stay unseen, in whatever table they stand."""
    seen = netlink(
        link("mape0", 5),
        link("ppp0", 7),
        route(oif=5),
        route(oif=7, metric=2048),
        route(oif=7, table=100),
        route(table=100, kind=7, metric=4096),
        route(oif=7, table=70000),
        route(oif=5, protocol=4),
        route(AF_INET6, oif=5),
    )
    assert seen.routes() == [
        Route(254, "mape0"),
        Route(254, "ppp0", 2048),
        Route(100, "ppp0"),
        Route(100, "", 4096),
        Route(70000, "ppp0"),
    ]


def test_rules_are_told_by_our_protocol():
    """By source address or by mark and mask; a rule of others is not seen, nor one of nobody."""
    seen = netlink(
        rule(100, 100, source="203.0.113.7"),
        rule(101, 100, mark=0x1000000, mask=0x3000000),
        rule(102, 70000, mark=0x3000000, mask=0x3000000),
        rule(99, 254, source="203.0.113.7", suppress=7),
        rule(0, 254, mark=0x1000000, mask=0x3000000, suppress=0),
        rule(100, 100, source="203.0.113.8", protocol=4),
        rule(0, 255, protocol=2),
        rule(90, 200, protocol=None),
    )
    assert seen.rules() == [
        RouteRule(100, 100, "203.0.113.7"),
        RouteRule(101, 100, mark=0x1000000, mask=0x3000000),
        RouteRule(102, 70000, mark=0x3000000, mask=0x3000000),
        RouteRule(99, 254, "203.0.113.7", suppress=7),
        RouteRule(0, 254, mark=0x1000000, mask=0x3000000, suppress=0),
    ]


@pytest.mark.parametrize("what", ["route", "rule"])
def test_a_list_that_the_kernel_refuses_is_an_error(what):
    """A router that cannot be seen is not taken for an empty one."""
    seen = netlink()
    seen.ipr.refuse[what, "dump"] = errno.ENOBUFS
    with pytest.raises(KernelError, match=rf"^{what}s: No buffer space available$"):
        getattr(seen, f"{what}s")()


def test_the_socket_is_opened_once_and_at_first_use(monkeypatch):
    """A run that plans nothing of it opens none."""
    opened = []
    monkeypatch.setattr(
        "dualwan.host.netlink.IPRoute", lambda: opened.append(Kernel()) or opened[-1]
    )
    one = Netlink()
    assert opened == []
    assert one.routes() == one.rules() == []
    assert one.routes() == []
    assert len(opened) == 1


def test_a_route_whose_device_goes_meanwhile_goes_with_it():
    """Between the list of routes and the name of its device, as ppp0 does when a session ends."""
    seen = netlink(route(oif=7), route(oif=2), link("wan0", 2)).routes()
    assert seen == [Route(254, "wan0")]


# --- of others (S3) ------------------------------------------------------------------------


def test_tunnels_of_others_are_seen_with_their_ends():
    """Whatever their name is; devices of other kinds are none."""
    found = netlink(
        link("wan0", 2), ip6tnl("ip6tnl1", 5, **ENDS), link("br0", 6, kind="bridge")
    ).all_tunnels()
    assert found == [Tunnel("ip6tnl1", CE, BR, "wan0", 1460)]


def test_rules_of_others_are_those_with_another_protocol():
    """Or with none, to a table; ours are not among them, nor what leads elsewhere."""
    source = "203.0.113.7"
    asked = netlink(
        rule(100, 100, source=source, protocol=0),
        rule(100, 100, source=source),
        rule(101, 100, source=source, protocol=3),
        rule(102, 100, source=source, protocol=None),
        rule(103, 101, source=source, protocol=3),
    )
    assert [one.priority for one in asked.rules_of_others(100)] == [100, 101, 102]
    assert asked.rules() == [RouteRule(100, 100, source)]


@pytest.mark.parametrize(
    ("route", "devices", "behind"),
    [
        ({"oif": 7}, ["ppp0"], True),
        ({"oif": 2}, ["ppp0"], False),
        ({"oif": 2}, ["ppp0", "wan0"], True),
        ({"oif": 2}, ["ppp0", "wa*"], True),
        ({"oif": 2, "kind": 2}, ["wa*"], False),
        ({"oif": 2, "kind": 2}, ["wan0"], False),  # RTN_LOCAL: our own address
        ({}, ["ppp0"], True),  # unreachable
    ],
)
def test_by_which_device_an_address_is_reached(route, devices, behind):
    """An address that no device reaches is behind each."""
    made = netlink(link("wan0", 2), link("ppp0", 7))
    made.ipr.route = lambda *_, **__: [a_route(**route)]
    assert made.is_behind("198.51.100.1", devices) is behind
