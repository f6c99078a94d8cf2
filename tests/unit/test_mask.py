"""Other addresses for the owner's: the relations that stay, and what is kept."""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_network,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwan.mape.rule import MapRule, derive, interface_id
from dualwan.mape.table import load_table
from dualwan.recording.mask import KEPT, Mask
from dualwan.recording.owner import _follow
from dualwan.recording.scrub import Scrub, without_comments

KEY = b"a key of these tests"
TABLE = load_table({})
MASK = Mask(KEY, TABLE)
OTHER = Mask(b"another key", TABLE)
V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6)


def common(one, other):
    """Return how many first bits two addresses have in common."""
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@given(V4, V4)
def test_ipv4_addresses_have_as_much_in_common_as_before(one, other):
    """So what is in a network stays in it, and two are never the same afterwards."""
    assert common(MASK.address(one), MASK.address(other)) == common(one, other)


@given(V6, V6)
def test_ipv6_prefixes_have_as_much_in_common_as_before(one, other):
    """The upper half; the lower one depends on itself alone."""
    halves = [int(MASK.address(each)) >> 64 for each in (one, other)]
    before = common(IPv6Address(int(one) >> 64 << 64), IPv6Address(int(other) >> 64 << 64))
    after = common(IPv6Address(halves[0] << 64), IPv6Address(halves[1] << 64))
    if not any(one in net or other in net for net in KEPT if net.version == 6):
        assert min(after, 64) == min(before, 64)


@pytest.mark.parametrize("network", KEPT, ids=str)
def test_ranges_with_a_meaning_stay_what_they_are(network):
    """As networks, and for each address in them."""
    assert MASK.network(network.network_address, network.prefixlen) == network.network_address
    for at in (0, 1, network.num_addresses // 2, network.num_addresses - 1):
        assert MASK.address(network[at]) in network


@given(V4)
def test_a_public_address_stays_one(address):
    """And becomes none of a special range."""
    other = MASK.address(address)
    assert other.is_global == address.is_global
    assert other.is_multicast == address.is_multicast


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1", "192.0.0.1", "::", "::1"),  # noqa: S104 - nothing is bound
        *("ff02::1", "ffff:ffff:ffff:ffff::", "::ffff:ffff:ffff:ffff", "::feed", "fe80::1"),
        "2404:9200:225:100::64",
    ],
)
def test_what_says_nothing_of_the_owner_is_kept(text):
    """Masks, well-known addresses, identifiers given by hand, and the providers' relays."""
    assert str(MASK.address(ip_address(text))) == text


def test_addresses_are_others_and_by_another_key_again_others():
    """All but what is kept."""
    for text in ("153.240.72.209", "192.168.1.40", "2400:4050:1234:5600::8a2e:370:7334"):
        address = ip_address(text)
        assert len({address, MASK.address(address), OTHER.address(address)}) == 3


def test_a_host_has_the_same_identifier_in_every_prefix():
    """So a pinhole for the host in any prefix stays one for it."""
    low = 0x8A2E_0370_7334_1234
    seen = {
        int(MASK.address(IPv6Address(int(IPv6Address(prefix)) | low))) & ((1 << 64) - 1)
        for prefix in ("::", "2400:4050:1234:5600::", "240b:10:1::", "fe80::")
    }
    assert len(seen) == 1
    assert seen != {low}


RULES = list(TABLE)


@given(st.sampled_from(RULES), st.integers(0, (1 << 40) - 1), st.binary(min_size=8, max_size=8))
def test_what_follows_from_a_masked_prefix_is_masked_and_has_the_same_ports(rule, bits, key):
    """By the same rule: IPv4 address, CE and PSID."""
    free = 64 - rule.ipv6_prefix.prefixlen
    number = int(rule.ipv6_prefix.network_address) | (bits & ((1 << free) - 1)) << 64
    prefix = IPv6Network((number, 64))
    if TABLE.lookup(prefix) is not rule:
        return
    was, mask = derive(rule, prefix), Mask(key, TABLE)
    _follow(mask, rule, ip(prefix))
    now = derive(rule, IPv6Network((mask.network(prefix.network_address, 64), 64)))
    assert TABLE.lookup(now.end_user_prefix) is rule
    assert now.port_set == was.port_set
    assert mask.address(was.ipv4) == now.ipv4
    assert mask.address(was.ce) == now.ce
    another = IPv6Address(int(was.ce) >> 64 << 64 | interface_id("rfc", was.ipv4, was.psid ^ 1))
    expected = int(now.ce) >> 64 << 64 | interface_id("rfc", now.ipv4, was.psid ^ 1)
    assert int(mask.address(another)) == expected


def ip(prefix):
    """Return a network as derive takes it from the machine."""
    return IPv6Interface(str(prefix))


def test_a_rule_of_one_line_alone_is_masked_too():
    """Its prefix is the owner's; what follows from it follows from the masked one."""
    rule = MapRule("2400:4050:1234:5600::/56", "153.240.72.209/32", 0, 0, "2001:380:a120::9")
    mask = Mask(KEY, [rule])
    _follow(mask, rule, ip("2400:4050:1234:5600::/56"))
    assert mask.address(IPv4Address("153.240.72.209")) != IPv4Address("153.240.72.209")
    assert mask.network(rule.ipv6_prefix.network_address, 56) != rule.ipv6_prefix.network_address


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("snat ip to 198.51.100.7:1024-1039", r"snat ip to {a}:1024-1039"),
        ("from 198.51.100.7 lookup 100", "from {a} lookup 100"),
        ("a.198.51.100.7", "a.198.51.100.7"),
        ("version 1.0.6.1.2, at 12:34:56, 0.1.0", "version 1.0.6.1.2, at 12:34:56, 0.1.0"),
        ("[198.51.100.7]:80, 198.51.100.7.", "[{a}]:80, {a}."),
        ("198.51.100.7: no; at:198.51.100.7: no", "{a}: no; at:{a}: no"),
        ("999.1.1.1 1.2.3.4/99", "999.1.1.1 1.2.3.4/99"),
        ("10.0.0.0/8 0.0.0.0/0 ::/0", "10.0.0.0/8 0.0.0.0/0 ::/0"),
        # What stays is not written anew: neither as Python 3.11 nor as 3.13 does.
        ("::ffff:0:0/96 ::ffff:0.0.0.0/96", "::ffff:0:0/96 ::ffff:0.0.0.0/96"),
    ],
)
def test_addresses_are_found_in_any_text(text, form):
    """And nothing else that has dots or colons."""
    other = MASK.address(IPv4Address("198.51.100.7"))
    assert Scrub(MASK).text(text) == form.format(a=other)


@pytest.mark.parametrize(
    "form", ["{}: no", "at {}, no", "at:{}", "[{}]:80", "({})", "{}%wan0", "{}."]
)
def test_an_ipv6_address_is_found_in_any_sentence(form):
    """Whatever stands before and after it."""
    address = "2400:4050:1234:5600::8a2e:370:7334"
    other = str(MASK.address(ip_address(address)))
    assert Scrub(MASK).text(form.format(address)) == form.format(other)


def test_networks_and_interfaces_keep_their_length():
    """A network its zero bits, an address with a length all of its bits."""
    hide = Scrub(MASK)
    network = ip_network(hide.text("153.240.72.0/24"))
    assert network.prefixlen == 24
    address, _, length = hide.text("153.240.72.209/24").partition("/")
    assert length == "24"
    assert ip_address(address) in network
    assert ip_address(address) == MASK.address(IPv4Address("153.240.72.209"))
    assert ip_network(hide.text("2400:4050:1234::/48")).prefixlen == 48
    assert hide.text("fe80::8a2e:370:7334:1%wan0").startswith("fe80::")
    mapped = hide.text("::ffff:153.240.72.209")
    assert IPv6Address(mapped).ipv4_mapped == MASK.address(IPv4Address("153.240.72.209"))
    assert IPv4Network(hide.text("153.240.72.209/32"))[0] == ip_address(address)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('user="abc123@isp.example.ne.jp"', 'user="name@example.jp"'),
        ("password=hunter2, and", "password=hidden, and"),
        ('password = "hunter 2"', 'password = "hidden"'),
        ('{"token": "abc", "ttl": 5}', '{"token": "hidden", "ttl": 5}'),
        ("curl --password hunter2 x", "curl --password hidden x"),
        ("holds a password, and others", "holds a password, and others"),
        ("PPPoE user and password: correct", "PPPoE user and password: hidden"),
        ("https://me:pw@host.example/a?key=b c", "https://host.example/... c"),
        ("of guest-account at", "of name-1 at"),
    ],
)
def test_secrets_are_hidden(text, shown):
    """Names that are known, and what follows the words for a secret."""
    assert Scrub(MASK, ["guest-account"]).text(text) == shown


def test_link_addresses_are_others_but_for_their_kind():
    """Local ones stay local, and none and all are kept."""
    hide = Scrub(MASK)
    other = hide.text("02:11:22:33:44:55")
    assert other != "02:11:22:33:44:55"
    assert int(other[:2], 16) & 3 == 2
    assert hide.text("x 02:11:22:33:44:55") == f"x {other}"
    assert hide.text("ff:ff:ff:ff:ff:ff") == "ff:ff:ff:ff:ff:ff"


@pytest.mark.parametrize("text", ["02-11-22-33-44-5A", "02-11:22-33-44:5a", "02:11:22:33:44:5A"])
def test_a_link_address_is_the_same_one_however_it_is_written(text):
    """As [[policy]] takes it; what is between its octets stays."""
    other = Scrub(MASK).text("02:11:22:33:44:5a")
    assert (
        Scrub(MASK).text(f"[{text}]")
        == "[" + "".join(end if end in ":-" else other[at] for at, end in enumerate(text)) + "]"
    )
    assert Scrub(MASK).text(f"{text}-02:11:22:33:44:5b").startswith(Scrub(MASK).text(text) + "-")


def test_comments_go_and_lines_stay():
    """A # in a text is none; a text over several lines is left as it is."""
    text = "a = \"x # y\" # secret\n# secret\nb = '#'\n[c] # secret\nd = 1"
    assert without_comments(text) == "a = \"x # y\"\n\nb = '#'\n[c]\nd = 1"
    several = 'a = """\n# not a comment\n"""'
    assert without_comments(several) == several


@pytest.mark.parametrize(
    "form",
    [
        *("{}", 'interface = "{}"', "wan.interface: {} is down", '["{}"] {}', "net/ipv6/conf/{}/x"),
        *("/var/lib/dhcp/dhclient6.{}.leases", "/etc/systemd/network/10-{}.network", "{}.10"),
    ],
)
def test_a_link_address_in_the_name_of_an_interface_is_the_same_other(form):
    """As udev names USB NICs; the name stays one, and is the same everywhere."""
    hide = Scrub(MASK)
    other = hide.text("00:11:22:aa:bb:cc").replace(":", "")
    for kind in ("enx", "wlx", "wwx"):
        assert hide.text(form.replace("{}", f"{kind}001122aabbcc")) == form.replace(
            "{}", f"{kind}{other}"
        )


@pytest.mark.parametrize("text", ["br-0011aabbccdd", "enp1s0", "enx0011", "lenx001122aabbcc"])
def test_other_names_of_interfaces_are_kept(text):
    """Digits of a container's network, and of a slot, are no link address."""
    assert Scrub(MASK).text(text) == text
