"""Messages of rtnetlink without what they should have: one line says so, and nothing is guessed."""

import pytest
from rtnetlink import Kernel, address, ip6tnl, link, message, rule
from rtnetlink import attribute as packed

from dualwan.errors import KernelError
from dualwan.host.netlink import Netlink
from dualwan.host.prefix import prefixes


def reading(*messages):
    """Return a Netlink whose kernel says this."""
    made = Netlink()
    made._socket = Kernel(link("wan0", 2), *messages)  # noqa: SLF001 - for IPRoute
    return made


TUNNEL = link("mape0", 3, kind="ip6tnl")  # without a local and a remote end


def test_a_tunnel_without_ends_is_not_read():
    """Nothing is planned on top of it."""
    with pytest.raises(KernelError, match="links and addresses: the kernel's answer cannot be"):
        reading(TUNNEL).look(["mape0"])
    with pytest.raises(KernelError, match="links: the kernel's answer cannot be read"):
        reading(TUNNEL).all_tunnels()


def test_a_good_tunnel_beside_it_is_no_help():
    """All that was asked for is known, or nothing is."""
    with pytest.raises(KernelError):
        reading(TUNNEL, ip6tnl("other0", 4)).all_tunnels()
    assert [one.name for one in reading(ip6tnl("other0", 4)).all_tunnels()] == ["other0"]


def test_an_address_without_an_address_gives_no_prefix():
    """The caller hears of it."""
    import struct  # noqa: PLC0415 - for this one

    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # noqa: PLC0415 - likewise

    bare = message(20, ifaddrmsg, struct.pack("=BBBBI", 10, 64, 0, 0, 2), packed(8, bytes(4)))
    with pytest.raises(KernelError, match="addresses: the kernel's answer cannot be read"):
        prefixes(Kernel(link("wan0", 2), bare), "wan0")
    good = address("2001:db8:0:100::5", 2, 64)
    assert prefixes(Kernel(link("wan0", 2), good), "wan0") == ("2001:db8:0:100::/64",)


def test_a_rule_with_half_a_mark_is_not_read():
    """A mark of two bytes is none of four."""
    assert [one.priority for one in reading(rule(100, 100)).rules()] == [100]
