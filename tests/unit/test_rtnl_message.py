"""Messages of rtnetlink are read as pyroute2 reads them."""

import errno
import ipaddress
import struct

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from rtnetlink import address, attribute, ip6tnl, link, message, number, route, rule

from dualwan.host import rtnl_message

READERS = {16: ifinfmsg, 20: ifaddrmsg, 24: rtmsg, 32: fibmsg}
PREFIXES = {16: "IFLA_", 20: "IFA_", 24: "RTA_", 32: "FRA_"}
COUNTED = message(
    16,
    rtnl_message.IFINFO.pack(0, 1, 7, 0x11043, 0),
    attribute(3, b"ppp0\0"),
    attribute(20, b"the line\0"),
    attribute(7, b"".join(value.to_bytes(4, "little") for value in range(1, 25))),
    attribute(23, b"".join(value.to_bytes(8, "little") for value in range(1, 26))),
)
MESSAGES = {
    "a device": link("wan0", 2),
    "a device that is down": link("ppp0", 7, up=False, kind="ppp", mtu=1454),
    "its counters": COUNTED,
    "a tunnel": ip6tnl("mape0", 3, local="2001:db8::1", remote="2001:db8:ffff::9"),
    "an IPv6 address": address("2001:db8:0:100::5", 2, 64, preferred=14400),
    "an old kernel's": address("2001:db8::5", 2, 64, wide=False, flags=0x20),
    "a session's": address("203.0.113.7", 7, 32, peer="203.0.113.1"),
    "a route": route(oif=3, metric=2048, table=70000, protocol=217),
    "an unreachable one": route(kind=7, table=100, metric=4096),
    "one through a router": route(10, oif=2, gateway="fe80::1", protocol=9),
    "one of several": route(10, hops=[(2, "fe80::1"), (3, "fe80::2")]),
    "a rule": rule(100, 100, source="203.0.113.7"),
    "a rule by mark": rule(90, 254, mark=1, mask=3, suppress=0),
    "nobody's rule": rule(0, 255, protocol=None),
}


def oracle(one):
    """Return what pyroute2 makes of the bytes of a message."""
    made = READERS[one.kind](one.data)
    made.decode()
    return made


def plain(value):
    """Return an attribute without what only its class is."""
    if isinstance(value, dict):
        return {
            key: value[key]
            for key in ("ifa_preferred", "ifa_valid", "rx_packets", "tx_packets")
            if key in value
        }
    return value


@pytest.mark.parametrize("what", MESSAGES)
def test_the_header_is_read_as_pyroute2_reads_it(what):
    """Each field that this program reads, by the same name."""
    one = MESSAGES[what]
    names = {
        16: ("family", "index", "flags"),
        20: ("family", "prefixlen", "flags", "scope", "index"),
        24: ("family", "dst_len", "table", "proto", "scope", "type"),
        32: ("family", "src_len", "table", "action"),
    }[one.kind]
    assert {name: one[name] for name in names} == {name: oracle(one)[name] for name in names}


@pytest.mark.parametrize("what", MESSAGES)
def test_attributes_are_read_as_pyroute2_reads_them(what):
    """Those that are there, those that are not, and those within others."""
    one, known = MESSAGES[what], oracle(MESSAGES[what])
    names = [name for name in rtnl_message.ATTRIBUTES if name.startswith(PREFIXES[one.kind])]
    flat = {"IFLA_LINKINFO", "RTA_MULTIPATH"}
    flat |= {name for name in names if name.startswith(("IFLA_INFO_", "IFLA_IP6TNL_"))}
    assert names
    for name in (name for name in names if name not in flat):
        assert plain(one.get_attr(name)) == plain(known.get_attr(name)), name


def test_a_tunnel_is_read_as_pyroute2_reads_it():
    """Its kind, and what that has of its own."""
    one = MESSAGES["a tunnel"]
    info, known = (each.get_attr("IFLA_LINKINFO") for each in (one, oracle(one)))
    assert info.get_attr("IFLA_INFO_KIND") == known.get_attr("IFLA_INFO_KIND") == "ip6tnl"
    data, other = (each.get_attr("IFLA_INFO_DATA") for each in (info, known))
    for name in ("LINK", "LOCAL", "REMOTE", "FLAGS"):
        assert data.get_attr(f"IFLA_IP6TNL_{name}") == other.get_attr(f"IFLA_IP6TNL_{name}")
    assert MESSAGES["a device"].get_attr("IFLA_LINKINFO") is None


def test_next_hops_are_read_as_pyroute2_reads_them():
    """A device and a router each."""
    one = MESSAGES["one of several"]
    hops, known = (each.get_attr("RTA_MULTIPATH") for each in (one, oracle(one)))
    assert [(hop["oif"], hop.get_attr("RTA_GATEWAY")) for hop in hops] == [
        (2, "fe80::1"),
        (3, "fe80::2"),
    ]
    assert [hop["oif"] for hop in known] == [2, 3]


def test_the_first_of_two_attributes_counts():
    """As in the kernel's own answers, which have none twice."""
    twice = message(32, bytes(12), number(6, 100), number(6, 200))
    assert twice.get_attr("FRA_PRIORITY") == 100


def test_a_name_of_any_bytes_is_one():
    """The kernel allows them in a device's name."""
    odd = message(16, bytes(16), attribute(3, b"\xff\xfe\0"))
    assert odd.get_attr("IFLA_IFNAME") == "\ufffd\ufffd"


def attribute_of(length, kind):
    """Return the header of an attribute that gives itself another ``length``."""
    return struct.pack("=HH", length, kind) + bytes(4)


NESTED = attribute(18, attribute_of(12, 1)), attribute(18, attribute(2, attribute_of(3, 1)))
HOP = struct.pack("=HBBi", 16, 0, 0, 2)
LYING = {
    "of nothing": (message(20, bytes(8), attribute_of(0, 1)), ["IFA_ADDRESS"]),
    "of less than its header": (message(24, bytes(12), attribute_of(3, 4)), ["RTA_OIF"]),
    "past the end": (message(32, bytes(12), attribute_of(9, 6)), ["FRA_PRIORITY"]),
    "beside the one asked for": (
        message(24, bytes(12), number(4, 2), attribute_of(0xFFFF, 6)),
        ["RTA_OIF"],
    ),
    "within another": (message(16, bytes(16), NESTED[0]), ["IFLA_LINKINFO", "IFLA_INFO_KIND"]),
    "within two": (
        message(16, bytes(16), NESTED[1]),
        ["IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_IP6TNL_LINK"],
    ),
    **{
        f"a hop of {length}": (
            message(24, bytes(12), attribute(9, struct.pack("=HBBi", length, 0, 0, 2))),
            ["RTA_MULTIPATH"],
        )
        for length in (0, 7, 9, 0xFFFF)
    },
}


@pytest.mark.parametrize("what", LYING)
def test_a_length_that_cannot_be_is_no_answer(what):
    """Where the next attribute begins is unknown, so none of them is taken."""
    one, (*above, name) = LYING[what]
    for each in above:
        one = one.get_attr(each)
    with pytest.raises(OSError, match="Bad message") as caught:
        one.get_attr(name)
    assert caught.value.errno == errno.EBADMSG


def test_a_length_that_cannot_be_within_a_hop_is_no_answer():
    """As in the message itself."""
    hops = message(24, bytes(12), attribute(9, HOP + attribute_of(1, 5))).get_attr("RTA_MULTIPATH")
    with pytest.raises(OSError, match="Bad message"):
        hops[0].get_attr("RTA_GATEWAY")


@pytest.mark.parametrize("length", [0, 3, 5, 15])
def test_an_address_has_4_or_16_bytes(length):
    """Any other length is a ValueError, not a guess."""
    odd = message(20, bytes(8), attribute(1, bytes(length)))
    with pytest.raises(ValueError, match="no address"):
        odd.get_attr("IFA_ADDRESS")
    assert ipaddress.ip_address(MESSAGES["an IPv6 address"].get_attr("IFA_ADDRESS"))
