"""What the kernel refuses: which error means that it is done already, and in whose words."""

import errno
import re

import pytest
from rtnetlink import address, ip6tnl, netlink

from dualwan.errors import KernelError
from dualwan.host.netlink_changes import PREPEND
from dualwan.host.rtnl import NetlinkError
from dualwan.model.resources import Address, Route, RouteRule, Tunnel

CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
TUNNEL = Tunnel("mape0", CE, BR, "wan0", 1460)
ON_WAN, ON_TUNNEL = Address("wan0", CE, deprecated=True), Address("mape0", "192.0.2.18")
RULE = RouteRule(100, 100, "203.0.113.7")
ACTIONS = {
    "set_address": (ON_WAN, ("addr", "replace"), None, f"adding {ON_WAN.text}"),
    "remove_address": (ON_WAN, ("addr", "del"), errno.EADDRNOTAVAIL, f"removing {ON_WAN.text}"),
    "set_tunnel": (TUNNEL, ("link", "add"), None, f"setting up {TUNNEL.text}"),
    "remove_link": ("ppp0", ("link", "del"), errno.ENODEV, "removing ppp0"),
    "add_route": (
        Route(254, "ppp0"),
        None,
        errno.EEXIST,
        "adding route default dev ppp0 table main",
    ),
    "remove_route": (
        Route(254, "ppp0"),
        ("route", "del"),
        errno.ESRCH,
        "removing route default dev ppp0 table main",
    ),
    "add_rule": (RULE, ("rule", "add"), errno.EEXIST, f"adding {RULE.text}"),
    "remove_rule": (RULE, ("rule", "del"), errno.ENOENT, f"removing {RULE.text}"),
}
CODES = (
    errno.EPERM,
    errno.ENOENT,
    errno.ESRCH,
    errno.EEXIST,
    errno.ENODEV,
    errno.EINVAL,
    errno.EADDRNOTAVAIL,
    errno.ENETDOWN,
)


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", ACTIONS)
def test_a_refusal_is_told_unless_somebody_was_quicker(name, code):
    """Each action has at most one error that means what it was to bring about."""
    item, request, fine, what = ACTIONS[name]
    asks = netlink()
    asks.ipr.refuse[request or ("route", (24, PREPEND))] = code
    if code == fine:
        getattr(asks, name)(item)
    else:
        with pytest.raises(KernelError, match=f"^{re.escape(what)}: ") as caught:
            getattr(asks, name)(item)
        assert len(str(caught.value)) > len(what) + 2
        assert "Errno" not in str(caught.value)
    assert len(asks.ipr.asked) == 1


def test_a_refusal_is_in_the_kernels_words():
    """The text of the error number, as `ip` would print it."""
    asks = netlink()
    asks.ipr.refuse["rule", "add"] = errno.EAFNOSUPPORT
    with pytest.raises(KernelError, match=r"lookup 100: Address family not supported by protocol$"):
        asks.add_rule(RULE)


def test_a_refusal_without_a_number_is_in_pyroute2s_words():
    """It has errors of its own, which have none."""
    asks = netlink()

    def fail(*_, **__):
        raise NetlinkError(0, "cut off")

    asks.ipr.rule = fail
    with pytest.raises(KernelError, match="cut off"):
        asks.add_rule(RULE)


@pytest.mark.parametrize(
    ("ask", "device"),
    [
        (lambda asks: asks.set_address(Address("mape0", "192.0.2.18")), "mape0"),
        (lambda asks: asks.add_route(Route(254, "mape0")), "mape0"),
        (lambda asks: asks.set_tunnel(Tunnel("mape0", CE, BR, "wan9", 1460)), "wan9"),
    ],
)
def test_a_device_that_does_not_exist_is_named(ask, device):
    """Nothing is asked of the kernel then."""
    asks = netlink()
    with pytest.raises(KernelError, match=f"^the interface {device} does not exist$"):
        ask(asks)
    assert asks.ipr.asked == []


def test_an_address_whose_device_is_gone_went_with_it():
    """Removing it is no error, and no request."""
    asks = netlink()
    asks.remove_address(ON_TUNNEL)
    assert asks.ipr.asked == []


@pytest.mark.parametrize("there", [(), (ip6tnl("mape0", 5, local=BR, remote=CE),)])
def test_another_tunnel_between_the_same_ends_is_named(there):
    """The kernel says no more than that a file exists: also where ours is to be changed."""
    other = ip6tnl("ip6tnl1", 6, local=CE, remote=BR)
    asks = netlink(other, ip6tnl("vpn6", 7, local=CE, remote="2001:db8::7"), *there)
    asks.ipr.refuse["link", "set" if there else "add"] = errno.EEXIST
    with pytest.raises(KernelError) as caught:
        asks.set_tunnel(TUNNEL)
    assert str(caught.value) == (
        f"ip6tnl1 is a tunnel from {CE} to {BR} already, and the kernel allows no second one:"
        " stop what has made it, or remove it (ip -6 tunnel del ip6tnl1)"
    )


def test_a_kernel_without_the_module_is_told_as_such():
    """Its own words are 'Operation not supported', as in a container without rights to load it."""
    asks = netlink()
    asks.ipr.refuse["link", "add"] = errno.EOPNOTSUPP
    with pytest.raises(KernelError, match="the kernel has no ip6_tunnel: `modprobe ip6_tunnel`"):
        asks.set_tunnel(TUNNEL)


def test_an_address_that_stands_with_another_length_is_not_changed():
    """The kernel would change it in the place of ours: the error says where it is."""
    asks = netlink(address(CE, 2, 64), address(CE, 9, 128))
    with pytest.raises(KernelError, match=f"{CE}/64 is on wan0 already.*ip address del {CE}/64"):
        asks.set_address(Address("wan0", CE, deprecated=True))
    assert not any(what == "addr" for what, *_ in asks.ipr.asked)
