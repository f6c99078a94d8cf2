"""The firewall slice: what is closed, and what is offered."""

import re
from ipaddress import IPv4Address, IPv4Network

import pytest
from machine import BASE, CE, config, wanted_of
from plans import FIREWALL, lines

from dualwan.slices import firewall
from dualwan.slices.firewall import antispoof


@pytest.mark.parametrize("chain", ["input", "output", "forward"])
def test_every_way_is_closed_by_default(chain):
    """Input, output and forward drop what no rule accepts."""
    assert lines(FIREWALL.source(), chain)[0].endswith("policy drop;")


def test_services_on_offer_open_on_pppoe_only():
    """Each protocol has one set of ports; what is not listed has no rule."""
    text = wanted_of(firewall, config(BASE + '[firewall]\ninbound = ["dns", "tcp/8443", "ping"]\n'))
    rules = lines(text.source(), "offers")
    assert "tcp dport { 53, 8443 } accept" in rules
    assert "udp dport { 53 } accept" in rules
    assert any("icmp type echo-request accept" in rule for rule in rules)
    assert not any(
        "accept" in rule and "dport" in rule
        for rule in lines(text.source(), "from_wan")
        if "udp sport 547" not in rule
    )


def test_nothing_on_offer_leaves_the_ident_answer():
    """An empty list opens nothing; ident is still refused aloud."""
    text = wanted_of(firewall, config(BASE + "[firewall]\ninbound = []\n"))
    assert lines(text.source(), "offers") == [
        "fib daddr . iif type != local drop",
        "tcp dport 113 reject with tcp reset",
        "ct state != new drop",
    ]


def test_services_for_the_same_networks_share_an_acl():
    """One lookup by port, whatever their number; a port of two offers is for both's networks."""
    offers = ", ".join(
        [
            '{ service = "tcp/22", from = ["192.0.2.0/24"] }',
            '{ service = "ssh", from = ["198.51.100.0/24"], guard = true }',
            *(
                f'{{ service = "tcp/{port}", from = ["192.0.2.0/24", "2001:db8::/32"] }}'
                for port in range(1000, 1100)
            ),
        ]
    )
    text = wanted_of(firewall, config(BASE + f"[firewall]\ninbound = [{offers}]\n")).source()
    ways = next(rule for rule in lines(text, "offers") if "vmap" in rule)
    assert ways.count("tcp . 22 : goto acl_0") == 1
    assert ways.count("goto acl_1") == 100
    assert lines(text, "acl_0") == [
        "ip saddr { 198.51.100.0/24 } goto guard",
        "ip saddr { 192.0.2.0/24 } accept",
    ]
    assert lines(text, "acl_1") == [
        "ip saddr { 192.0.2.0/24 } accept",
        "ip6 saddr { 2001:db8::/32 } accept",
    ]
    assert "chain acl_2" not in text


KNOWN = """\
[firewall]
inbound = [
    "ssh",
    "http",
    { service = "ssh", from = ["198.51.100.0/24"] },
    { service = "imaps", from = ["198.51.100.0/24"] },
]
"""


def test_a_known_network_comes_before_the_guard():
    """A service for all and for a known network: the guard counts all but that network."""
    text = wanted_of(firewall, config(BASE + KNOWN)).source()
    assert lines(text, "offers")[3:] == [
        "meta l4proto . th dport vmap { tcp . 22 : jump acl_0, tcp . 993 : goto acl_0 }",
        "tcp dport { 22 } goto guard",
        "tcp dport { 80 } accept",
    ]
    assert lines(text, "acl_0") == ["ip saddr { 198.51.100.0/24 } accept"]


def test_a_port_for_all_stays_so_beside_another_name_of_it():
    """Known networks come first; others go on to the rule for all, by whatever name it is there."""
    text = KNOWN.replace('"ssh", from', '"tcp/22", from').replace('"imaps", from', '"udp/53", from')
    found = lines(
        wanted_of(firewall, config(BASE + text.replace('"http"', '"dns"'))).source(), "offers"
    )
    assert found[3:] == [
        "meta l4proto . th dport vmap { tcp . 22 : jump acl_0, udp . 53 : jump acl_0 }",
        "tcp dport { 22 } goto guard",
        "tcp dport { 53 } accept",
        "udp dport { 53 } accept",
    ]


def test_the_guard_ends_shut():
    """Whether or not its sets have room."""
    assert lines(FIREWALL.source(), "guard")[-1] == "drop"


BY_IPV6 = """\
[firewall]
inbound = [
    "http",
    { service = "ssh", via = ["pppoe", "ipv6"] },
    { service = "https", via = "ipv6" },
    { service = "esp", via = "ipv6", from = ["2001:db8:9::/48"] },
    "gre",
]
"""


def test_a_service_is_open_where_its_via_says():
    """On PPPoE, by IPv6 of the line, or both; the chain of the line is there only if needed."""
    table = wanted_of(firewall, config(BASE + BY_IPV6))
    text = table.source()
    assert 'iifname "wan0" meta nfproto ipv6 jump offers_ipv6' in lines(text, "input")
    assert lines(text, "offers_ipv6") == [
        "ct state != new drop",
        "meta l4proto vmap { 50 : goto acl_ipv6_0 }",
        "tcp dport { 22 } goto guard",
        "tcp dport { 443 } accept",
    ]
    assert lines(text, "acl_ipv6_0") == ["ip6 saddr { 2001:db8:9::/48 } accept"]
    assert lines(text, "offers")[3:] == [
        "tcp dport { 22 } goto guard",
        "tcp dport { 80 } accept",
        "meta l4proto { 47 } accept",
    ]
    assert "offers_ipv6" not in FIREWALL.source()


def test_the_guard_counts_ipv6_by_its_64():
    """In each rule that asks or fills a set of the guard."""
    text = FIREWALL.source()
    counted = [line for line in text.splitlines() if "6_1" in line or "@refused6" in line]
    assert counted
    for line in counted:
        assert line.count("ip6 saddr") == line.count("ip6 saddr & ffff:ffff:ffff:ffff::")


def test_mape_comes_from_the_relay_only():
    """Packets of the tunnel are accepted between its own two ends, both ways."""
    assert lines(FIREWALL.source(), "from_wan")[0] == (
        f"ip6 saddr 2001:db8:ffff::9 ip6 daddr {CE} meta l4proto 4 accept"
    )
    assert lines(FIREWALL.source(), "to_wan")[0] == (
        f"ip6 saddr {CE} ip6 daddr 2001:db8:ffff::9 meta l4proto 4 accept"
    )


def test_without_a_softwire_no_tunnel_packet_passes():
    """While the line has no prefix the firewall stands, closed for MAP-E."""
    text = wanted_of(firewall, config(re.sub(r"(?s)provider.*?6\n\n", "\n", BASE))).source()
    assert "l4proto 4" not in text
    assert "chain from_wan" in text


def test_peers_come_in_to_a_host_with_an_open_nat():
    """By MAP-E, as far as they are translated; to no other host."""
    text = BASE.replace("[mape]\n", '[mape]\nopen-nat = ["192.168.1.10"]\n')
    opened = "ip daddr { 192.168.1.10 } accept"
    rules = wanted_of(firewall, config(text)).source().splitlines()
    [rule] = [rule for rule in rules if opened in rule]
    assert 'iifname "mape0" meta l4proto udp ct status dnat' in rule
    assert opened not in FIREWALL.source()


@pytest.mark.parametrize("source", ["::1", "::ffff:0:0/96", "fc00::/7", "fec0::/10", "ff00::/8"])
def test_a_source_that_no_host_outside_can_have_is_dropped(source):
    """Loopback, IPv4 written as IPv6, private and site-local networks, groups (RFC 6890, 3879)."""
    for chain in ("outside_wan", "outside_ways"):
        [rule] = [one for one in lines(FIREWALL.source(), chain) if "ip6 saddr { ::1," in one]
        assert rule.endswith(" drop")
        assert source in rule.split("{ ")[-1].split(" }")[0].split(", ")


def leads_to_bogon(address):
    """Return whether the rules for what comes in by a way lead IPv4 ADDRESS to `bogon`."""
    [wide] = [one for one in lines(FIREWALL.source(), "outside_ways") if "saddr 224" in one]
    [by_byte] = [one for one in lines(FIREWALL.source(), "outside_ways") if "255.0.0.0" in one]
    narrow = lines(FIREWALL.source(), "maybe_bogon")[-1]
    verdicts = dict(re.findall(r"(\S+)\.0\.0\.0 : goto (\w+)", by_byte))
    if address in IPv4Network(wide.split()[2]):
        return wide.endswith("goto bogon")
    verdict = verdicts.get(str(address.packed[0]))
    found = any(address in IPv4Network(one) for one in re.findall(r"[\d.]+/\d+", narrow))
    return verdict == "bogon" or (verdict == "maybe_bogon" and found)


@pytest.mark.parametrize("network", antispoof.BOGONS4)
def test_each_bogon_network_is_found_by_its_first_byte(network):
    """Both ends of it are, and their neighbours only if they are of another such network."""
    bogons = [IPv4Network(one) for one in antispoof.BOGONS4]
    inside = IPv4Network(network)
    ends = (int(inside[0]), int(inside[-1]))
    for number in (ends[0], ends[1], ends[0] - 1, ends[1] + 1):
        if 0 <= number < 1 << 32:
            address = IPv4Address(number)
            assert leads_to_bogon(address) == any(address in one for one in bogons), address


def test_segments_fit_each_wan():
    """MSS is the device's MTU less the headers: 1420 by MAP-E, 1414 by PPPoE, 1394 with IPv6."""
    text = FIREWALL.source()
    chains = '{ "mape0" : jump mss_mape, "ppp0" : jump mss_pppoe }'
    assert lines(text, "mss") == [f"oifname vmap {chains}", f"iifname vmap {chains}"]
    clamp = r"meta nfproto (\w+) tcp option maxseg size set (\d+)"
    found = {
        way: re.findall(clamp, "\n".join(lines(text, f"mss_{way}"))) for way in ("mape", "pppoe")
    }
    assert found == {"mape": [("ipv4", "1420")], "pppoe": [("ipv4", "1414"), ("ipv6", "1394")]}
