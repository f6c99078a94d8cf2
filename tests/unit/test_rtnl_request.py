"""Requests of rtnetlink that change something, as pyroute2 reads them."""

import struct
from socket import AF_INET, AF_INET6

import pytest
from rtnl_kernel import FINE, opener, read

REQUEST, ACK, EXCL, REPLACE, CREATE = 0x1, 0x4, 0x200, 0x100, 0x400
CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"


@pytest.fixture(name="asking")
def _asking(monkeypatch):
    """Return a function that opens a socket to a kernel with these answers."""
    return opener(monkeypatch)


def sent(asking, ask):
    """Return the request that ``ask`` makes of a socket."""
    ipr, kernel = asking([FINE])
    ask(ipr)
    [request] = kernel.sent
    return read(request)


@pytest.mark.parametrize("preferred", [0, 0xFFFFFFFF])
def test_an_ipv6_address_is_sent_with_its_lifetimes(asking, preferred):
    """Whatever pyroute2 calls them: both arrive, and the flag that there is nothing to detect."""
    words = {"ifa_preferred": preferred, "ifa_valid": 0xFFFFFFFF}
    kind, flags, made = sent(
        asking,
        lambda ipr: ipr.addr(
            "replace", index=2, address=CE, prefixlen=128, family=AF_INET6, flags=2, cacheinfo=words
        ),
    )
    assert (kind, flags) == (20, REQUEST | ACK | CREATE | REPLACE)
    assert [made[name] for name in ("family", "index", "prefixlen", "flags")] == [10, 2, 128, 2]
    assert [made.get_attr(f"IFA_{name}") for name in ("ADDRESS", "LOCAL")] == [CE, None]
    assert struct.pack("=4I", preferred, 0xFFFFFFFF, 0, 0) in made.data


@pytest.mark.parametrize(
    ("verb", "kind", "flags"), [("replace", 20, CREATE | REPLACE), ("del", 21, 0)]
)
def test_an_ipv4_address_is_its_own_peer(asking, verb, kind, flags):
    """As `ip address add` sends it."""
    words = {"index": 5, "address": "192.0.2.18", "prefixlen": 32, "family": AF_INET}
    found = sent(asking, lambda ipr: ipr.addr(verb, **words))
    assert found[:2] == (kind, REQUEST | ACK | flags)
    made = found[2]
    assert [made.get_attr(f"IFA_{name}") for name in ("ADDRESS", "LOCAL")] == ["192.0.2.18"] * 2
    assert [made[name] for name in ("family", "index", "prefixlen", "flags")] == [2, 5, 32, 0]


TUNNEL = {
    "kind": "ip6tnl",
    "ip6tnl_link": 2,
    "ip6tnl_local": CE,
    "ip6tnl_remote": BR,
    "ip6tnl_ttl": 64,
    "ip6tnl_flags": 1,
    "ip6tnl_proto": 4,
}


@pytest.mark.parametrize(
    ("verb", "which", "flags"),
    [("add", {"ifname": "mape0"}, CREATE | EXCL), ("set", {"index": 5}, 0)],
)
def test_the_kernel_is_sent_all_of_the_tunnel(asking, verb, which, flags):
    """Pyroute2 makes bytes of each of the words: none of them is one that it does not know."""
    found = sent(asking, lambda ipr: ipr.link(verb, **which, **TUNNEL))
    assert found[:2] == (16, REQUEST | ACK | flags)
    made = found[2]
    assert (made["index"], made.get_attr("IFLA_IFNAME")) == (
        which.get("index", 0),
        which.get("ifname"),
    )
    info = made.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "ip6tnl"
    data = info.get_attr("IFLA_INFO_DATA")
    assert {
        name: data.get_attr(f"IFLA_IP6TNL_{name}")
        for name in ("LINK", "LOCAL", "REMOTE", "TTL", "FLAGS", "PROTO", "ENCAP_LIMIT")
    } == {
        "LINK": 2,
        "LOCAL": CE,
        "REMOTE": BR,
        "TTL": 64,
        "FLAGS": 1,
        "PROTO": 4,
        "ENCAP_LIMIT": None,
    }


def test_a_device_is_switched_on(asking):
    """That flag alone is changed."""
    kind, flags, made = sent(asking, lambda ipr: ipr.link("set", index=5, mtu=1460, state="up"))
    assert (kind, flags) == (16, REQUEST | ACK)
    assert [made[name] for name in ("index", "flags", "change")] == [5, 1, 1]
    assert (made.get_attr("IFLA_MTU"), made.get_attr("IFLA_LINKINFO")) == (1460, None)


def test_a_device_is_removed(asking):
    """By its index."""
    kind, flags, made = sent(asking, lambda ipr: ipr.link("del", index=5))
    assert (kind, flags, made["index"], made["attrs"]) == (17, REQUEST | ACK, 5, [])


@pytest.mark.parametrize(("table", "short"), [(254, 254), (255, 255), (256, 252), (70000, 252)])
@pytest.mark.parametrize("verb", ["del", (24, REQUEST | ACK | CREATE)])
def test_a_default_route_is_sent(asking, table, short, verb):
    """A number of a table that does not fit into the header stands in an attribute."""
    words = {"dst": "default", "family": AF_INET, "proto": 217, "table": table}
    more = {"oif": 7, "scope": 253, "type": 1, "priority": 2048}
    kind, flags, made = sent(asking, lambda ipr: ipr.route(verb, **words, **more))
    assert (kind, flags) == ((25, REQUEST | ACK) if verb == "del" else verb)
    names = ("family", "dst_len", "table", "proto", "scope", "type")
    assert [made[name] for name in names] == [2, 0, short, 217, 253, 1]
    assert {name: made.get_attr(f"RTA_{name}") for name in ("TABLE", "OIF", "PRIORITY", "DST")} == {
        "TABLE": table,
        "OIF": 7,
        "PRIORITY": 2048,
        "DST": None,
    }


def test_a_route_to_a_network_is_sent(asking):
    """Its address, and the length in the header."""
    words = {"dst": "203.0.113.128", "dst_len": 29, "family": AF_INET, "proto": 217}
    _, _, made = sent(asking, lambda ipr: ipr.route("del", **words, table=254, type=7))
    assert (made["dst_len"], made.get_attr("RTA_DST")) == (29, "203.0.113.128")


def test_a_route_to_nowhere_has_no_device(asking):
    """And the widest scope."""
    words = {"dst": "default", "family": AF_INET, "proto": 217, "table": 100, "type": 7}
    _, _, made = sent(asking, lambda ipr: ipr.route("del", **words))
    assert (made["scope"], made["type"], made.get_attr("RTA_OIF")) == (0, 7, None)


@pytest.mark.parametrize(("verb", "kind", "flags"), [("add", 32, CREATE | EXCL), ("del", 33, 0)])
@pytest.mark.parametrize(
    "selects",
    [
        {"src": "203.0.113.7", "src_len": 32},
        {"fwmark": 0x1000000, "fwmask": 0x3000000},
        {"fwmark": 0, "fwmask": 0x3000000},
        {"src": "203.0.113.7", "src_len": 32, "suppress_prefixlen": 0},
    ],
)
def test_a_rule_is_sent(asking, verb, kind, flags, selects):
    """What it selects, also where that is 0, and nothing else."""
    words = {"family": AF_INET, "priority": 100, "table": 100, "protocol": 217, "action": 1}
    found = sent(asking, lambda ipr: ipr.rule(verb, **words, **selects))
    assert found[:2] == (kind, REQUEST | ACK | flags)
    made = found[2]
    names = ("family", "src_len", "table", "action")
    assert [made[name] for name in names] == [2, selects.get("src_len", 0), 100, 1]
    names = ("priority", "table", "protocol", "src", "fwmark", "fwmask", "suppress_prefixlen")
    wanted = {**words, **selects}
    assert {name: made.get_attr(f"FRA_{name.upper()}") for name in names} == {
        name: wanted.get(name) for name in names
    }
