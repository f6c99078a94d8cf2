"""What each slice asks for in words; the whole nft texts stand in tests/golden/nft."""

import re
from dataclasses import replace

import pytest
from machine import BASE, CE, Machine, config, look, plan_of, wanted_of, wanted_tables

from dualwan.model.observed import Observed
from dualwan.model.resources import MAIN, Address, Route, RouteRule, Sysctl, Tunnel
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable
from dualwan.slices import firewall, pbr, snat, tunnel

FIREWALL, SNAT, PBR = wanted_tables(config())
TUNNEL = Tunnel("mape0", CE, "2001:db8:ffff::9", "wan0", 1460)


def shown(plan):
    """Return the steps of PLAN that do something, as its lines."""
    return [f"{step.sign} {step.text}" for step in plan.changes]


def lines(text, chain):
    """Return the lines of CHAIN in the nft TEXT, without what is said about them."""
    body = re.search(rf"chain {chain} {{\n(.*?)\n\t}}", text, re.DOTALL)[1]
    said = [re.sub(r'(^| )comment "[^"]*"$', "", line.strip()) for line in body.splitlines()]
    return [line for line in said if line]


# --- all tables ------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "wanted"), [(firewall, FIREWALL), (snat, SNAT), (pbr, PBR)])
def test_a_table_is_loaded_left_or_taken_away(module, wanted):
    """Absent: +; as loaded: =; changed by somebody: ~; not wanted: -; nothing there: nothing."""
    there, edited = (Observed(tables=(item,)) for item in (wanted, replace(wanted, intact=False)))

    def sign(seen, up):
        return [
            step.sign
            for step in plan_of(module, config(), seen, up).steps
            if isinstance(step.resource, NftTable)
        ]

    assert sign(Observed(), True) == ["+"]
    assert sign(there, True) == ["="]
    assert sign(edited, True) == ["~"]
    assert sign(there, False) == ["-"]
    assert sign(Observed(), False) == []


@pytest.mark.parametrize("module", [firewall, snat, pbr])
def test_what_nft_does_not_show_is_said(module):
    """Without root the plan is what would be loaded, with a word that it was not seen."""
    plan = plan_of(module, config(), Observed(tables=None), True)
    assert [step.sign for step in plan.steps if isinstance(step.resource, NftTable)] == ["+"]
    assert plan.unobserved == (f"{module.NAME}: nft shows its tables to root only",)


@pytest.mark.parametrize("module", [firewall, snat, pbr])
def test_other_tables_are_not_looked_at(module):
    """A table of another name is none of ours, whatever it holds."""
    foreign = NftTable("inet", "filter")
    assert not plan_of(module, config(), Observed(tables=(foreign,)), False).steps


def test_no_table_names_the_pppoe_address():
    """What names no address needs no mending when PPPoE comes back with another."""
    seen = Observed(addresses=(Address("ppp0", "203.0.113.7"),))
    for module, table in ((firewall, FIREWALL), (snat, SNAT), (pbr, PBR)):
        steps = plan_of(module, config(), seen, True).steps
        assert [item.resource for item in steps if isinstance(item.resource, NftTable)] == [table]


# --- firewall --------------------------------------------------------------------------------


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
            '{ service = "ssh", from = ["198.51.100.0/24"] }',
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


def test_segments_fit_each_wan():
    """MSS is the device's MTU less the headers: 1420 by MAP-E, 1414 by PPPoE, 1394 with IPv6."""
    found = re.findall(
        r'(\w+) "(\w+)" meta nfproto (\w+) tcp option maxseg size set (\d+)', FIREWALL.source()
    )
    assert sorted(found) == sorted(
        (way, device, family, size)
        for way in ("iifname", "oifname")
        for device, family, size in (
            ("mape0", "ipv4", "1420"),
            ("ppp0", "ipv4", "1414"),
            ("ppp0", "ipv6", "1394"),
        )
    )


# --- snat ------------------------------------------------------------------------------------


def test_every_block_of_the_port_set_is_in_the_map_once():
    """63 blocks of 16 ports by offset 6 and length 6, each with the shared address."""
    ports = config().mape.manual.port_set
    for protocol in ("tcp", "udp", "icmp"):
        (rule,) = lines(SNAT.source(), f"{protocol}_any_block")
        blocks = re.findall(r"(\d+) : 192\.0\.2\.18 \. (\d+)-(\d+)", rule)
        assert [int(at) for at, _, _ in blocks] == list(range(63))
        assert tuple((int(low), int(high)) for _, low, high in blocks) == ports.ranges()
        assert "numgen inc mod 63" in rule


def test_a_block_of_one_port_is_written_as_one():
    """With offset and length filling 16 bits each port is a block, written as a range too."""
    wide = config(one="psid-length = 6 -> psid-length = 10\npsid-offset = 6")
    assert "0 : 192.0.2.18 . 1025-1025," in wanted_of(snat, wide).source()


def test_without_a_softwire_nothing_leaves_by_the_tunnel():
    """No translation yet, so the egress filter drops all; PPPoE is masqueraded all the same."""
    text = wanted_of(snat, config(re.sub(r"(?s)provider.*?6\n\n", "\n", BASE))).source()
    assert lines(text, "egress_filter")[-1] == "counter name untranslated drop"
    assert lines(text, "postrouting")[1:] == ['oifname "ppp0" masquerade']


# --- pbr -------------------------------------------------------------------------------------

BY_MARK = RouteRule(101, 100, mark=0x01000000, mask=0x0F000000)


def test_only_our_bits_of_a_mark_are_touched():
    """Everybody else's bits are kept in each statement that sets a mark."""
    for setting in re.findall(r"mark set .*", PBR.source()):
        assert re.search(r"set (ct|meta) mark & 0xf0ffffff( \| 0x01000000)?$", setting)


def test_the_way_back_follows_the_address():
    """A new address changes its one rule; route, mark and table stay; old flows are forgotten."""
    seen = Observed(
        addresses=(Address("ppp0", "203.0.113.2"),),
        tables=(PBR,),
        routes=(Route(100, "ppp0"),),
        rules=(RouteRule(100, 100, "203.0.113.1"), BY_MARK),
    )
    state = RunState(sessions={"pppoe": "203.0.113.1"})
    assert shown(plan_of(pbr, config(), seen, True, state)) == [
        "- rule 100: from 203.0.113.1 lookup 100",
        "+ rule 100: from 203.0.113.2 lookup 100",
        "- conntrack entries of 203.0.113.1",
    ]


def test_a_lost_address_takes_its_rule_and_keeps_its_flows():
    """PPPoE may come back with the same address, and downloads go on."""
    seen = Observed(tables=(PBR,), rules=(RouteRule(100, 100, "203.0.113.1"), BY_MARK))
    state = RunState(sessions={"pppoe": "203.0.113.1"})
    assert shown(plan_of(pbr, config(), seen, True, state)) == [
        "- rule 100: from 203.0.113.1 lookup 100"
    ]


def test_a_changed_table_number_takes_the_old_one_along():
    """Rules and routes with our protocol number are ours in whatever table they are."""
    seen = Observed(
        addresses=(Address("ppp0", "203.0.113.1"),),
        tables=(PBR,),
        routes=(Route(100, "ppp0"), Route(MAIN, "mape0")),
        rules=(RouteRule(100, 100, "203.0.113.1"), BY_MARK),
    )
    found = shown(plan_of(pbr, config(a="dial = false -> table = 300"), seen, True))
    assert "- route default dev ppp0 table 100" in found
    assert "+ route default dev ppp0 table 300" in found
    assert not any("mape0" in line for line in found)


# --- tunnel ----------------------------------------------------------------------------------


def fresh():
    """Return what is seen before the first ifup, the WAN being up."""
    return look(Machine("wan0", "lan0"), config(), tunnel.SLICE)


def test_the_first_ifup_of_the_tunnel():
    """In the order that keeps the IPv6 default route and gives the tunnel its source."""
    assert shown(plan_of(tunnel, config(), fresh(), True)) == [
        "~ sysctl net/ipv6/conf/wan0/accept_ra 1 -> 2",
        "~ sysctl net/ipv6/conf/lan0/accept_ra 1 -> 2",
        "~ sysctl net/ipv6/conf/all/forwarding 0 -> 1",
        "~ sysctl net/ipv4/ip_forward 0 -> 1",
        f"+ address {CE}/128 dev wan0 deprecated",
        f"+ tunnel mape0 local {CE} remote 2001:db8:ffff::9 dev wan0 mtu 1460",
        "+ address 192.0.2.18/32 dev mape0",
        "+ route default dev mape0 table main",
        "+ sysctl net/ipv4/conf/mape0/rp_filter = 2",
    ]


def test_a_lan_that_does_not_hear_advertisements_is_left_alone():
    """accept_ra 0 on the LAN, the rule for a router, stays 0."""
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, "net/ipv6/conf/lan0/accept_ra": "0"})
    assert not any("lan0" in line for line in shown(plan_of(tunnel, config(), seen, True)))


def test_a_router_is_asked_for_when_the_kernel_begins_to_listen():
    """Without a default route it asks; with one, or when it listened already, it does not."""
    asking = "+ router solicitation on wan0"
    deaf = replace(fresh(), ipv6_default=False)
    assert asking in shown(plan_of(tunnel, config(), deaf, True))
    assert asking not in shown(plan_of(tunnel, config(), fresh(), True))
    hears = replace(deaf, sysctls={**deaf.sysctls, "net/ipv6/conf/wan0/accept_ra": "2"})
    assert asking not in shown(plan_of(tunnel, config(), hears, True))


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ({}, "wan0 (wan.interface) does not exist"),
        ({"wan0": "down"}, "wan0 (wan.interface) is down; ifup wan0 brings it up"),
        ({"wan0": "up", "mape0": "veth"}, "mape0 (mape.tunnel) is there already, and is no IPv6"),
    ],
)
def test_what_stands_in_the_way_is_said_in_words(links, says):
    """A tunnel that cannot be made is not tried; the line is listened to all the same."""
    machine = Machine()
    for device, kind in links.items():
        machine.plug(device, kind if kind == "veth" else "", up=kind != "down")
    plan = plan_of(tunnel, config(), look(machine, config(), tunnel.SLICE), True)
    assert {type(step.resource) for step in plan.changes} == {Sysctl}
    assert says in plan.problems[0]


def test_a_tunnel_that_differs_is_changed_whole():
    """Another relay, or a tunnel that somebody set down, is one change of one device."""
    for there in (replace(TUNNEL, remote="2001:db8:ffff::8"), replace(TUNNEL, up=False)):
        seen = replace(fresh(), tunnels=(there,))
        assert [
            line[0]
            for line in shown(plan_of(tunnel, config(), seen, True))
            if " tunnel mape0 " in line
        ] == ["~"]


def test_taking_down_goes_the_other_way_round():
    """What was made last goes first, and other routes and addresses stay."""
    seen = Observed(
        addresses=(
            Address("wan0", CE),
            Address("wan0", "2001:db8::5"),
            Address("mape0", "192.0.2.18"),
        ),
        tunnels=(TUNNEL,),
        routes=(Route(MAIN, "mape0"), Route(100, "ppp0")),
        sysctls={"net/ipv4/ip_forward": "1"},
    )
    state = RunState(sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}})
    assert shown(plan_of(tunnel, config(), seen, False, state)) == [
        "- route default dev mape0 table main",
        "- address 192.0.2.18/32 dev mape0",
        f"- {TUNNEL.text}",
        f"- address {CE}/128 dev wan0",
        "- sysctl net/ipv4/ip_forward 1 -> 0 (as it was before)",
    ]


def test_a_sysctl_of_this_kernel_only():
    """Without IPv6 forwarding in /proc there is nothing to set."""
    seen = replace(fresh(), sysctls={})
    steps = plan_of(tunnel, config(), seen, True).changes
    assert [step.resource for step in steps if isinstance(step.resource, Sysctl)] == [
        Sysctl("net/ipv4/conf/mape0/rp_filter", "2")
    ]
