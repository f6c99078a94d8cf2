"""Messages of rtnetlink without what they should have: one line says so, and nothing is guessed."""

import errno
import struct
from contextlib import nullcontext

import pytest
from rtnetlink import Kernel, address, ip6tnl, link, message, rule
from rtnetlink import attribute as packed

from dualwan.errors import KernelError
from dualwan.host.around import routes
from dualwan.host.evidence import devices
from dualwan.host.netlink import Netlink
from dualwan.host.prefix import default_routers, has_default, line_state, prefixes


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
    bare = message(20, struct.pack("=BBBBI", 10, 64, 0, 0, 2), packed(8, bytes(4)))
    with pytest.raises(KernelError, match="addresses: the kernel's answer cannot be read"):
        prefixes(Kernel(link("wan0", 2), bare), "wan0")
    good = address("2001:db8:0:100::5", 2, 64)
    assert prefixes(Kernel(link("wan0", 2), good), "wan0") == ("2001:db8:0:100::/64",)


def test_a_rule_with_half_a_mark_is_not_read():
    """A mark of two bytes is none of four."""
    assert [one.priority for one in reading(rule(100, 100)).rules()] == [100]
    half = message(32, struct.pack("=8BI", 2, *[0] * 8), packed(21, b"\xd9"), packed(10, b"\1\0"))
    with pytest.raises(KernelError, match="rules: the kernel's answer cannot be read"):
        reading(rule(100, 100), half).rules()


@pytest.mark.parametrize("kind", [16, 20, 24, 32])
@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_message_without_its_header_is_an_error(kind, length):
    """Of any kind: the kernel's own words for a bad message."""
    with pytest.raises(OSError, match="Bad message"):
        message(kind, bytes(length))


class Mute(Kernel):
    """A kernel of whose answer no part can be read."""

    def link_lookup(self, *_, **__):
        """Raise what the socket raises."""
        raise OSError(errno.EBADMSG, "Bad message")

    link = get_links = get_addr = get_routes = get_rules = route = link_lookup


LIE = struct.pack("=HH", 400, 6)
LYING = (
    *(link("wan0", 2), link("mape0", 3)),
    message(16, struct.pack("=BBHiII", 0, 0, 1, 3, 1, 0), packed(18, LIE)),
    *(message(20, struct.pack("=4BI", family, 64, 0, 0, 2), LIE) for family in (2, 10)),
    *(message(24, struct.pack("=8B4x", family, *[0] * 4, 217, 0, 1), LIE) for family in (2, 10)),
    message(32, struct.pack("=8B4x", 2, *[0] * 7), LIE),
)


@pytest.mark.parametrize("kernel", [Mute(), Kernel(*LYING)], ids=["the answer", "its attributes"])
def test_a_length_that_cannot_be_is_told_by_each_reader(monkeypatch, kernel):
    """Of the whole answer, or of an attribute; only a list for a warning is left empty."""
    netlink = reading()
    netlink._socket = kernel  # noqa: SLF001 - for IPRoute
    monkeypatch.setattr(routes, "IPRoute", lambda: nullcontext(kernel))
    for read in (
        lambda: netlink.look(["wan0", "mape0"]),
        *(netlink.routes, netlink.rules, netlink.all_tunnels),
        lambda: netlink.rules_of_others(100),
        lambda: prefixes(kernel, "wan0"),
        *(lambda: has_default(kernel, 2), lambda: default_routers(kernel, "wan0")),
        *(lambda: line_state(kernel, "wan0"), lambda: devices.look(kernel, ["wan0"])),
    ):
        with pytest.raises(KernelError, match=r": Bad message\Z"):
            read()
    assert routes.ipv6_defaults() == routes.ipv6_networks("wan0") == ()


def test_an_address_of_another_length_is_none():
    """Neither of IPv4 nor of IPv6."""
    odd = message(20, struct.pack("=BBBBI", 2, 32, 0, 0, 2), packed(2, bytes(5)))
    with pytest.raises(KernelError, match="links and addresses: the kernel's answer"):
        reading(odd).look(["wan0"])
