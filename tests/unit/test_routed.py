"""Addresses that are routed to a way: what the file may say of them, routes, rules and tables."""

import re
from ipaddress import ip_interface

import pytest
from machine import BASE, Machine, config, pending, plan_of, run, wanted_of
from routed_texts import BLOCK, IPIP, OF_IPIP, one_to_one, routed

from dualwan.config import ConfigError, every_error, from_text
from dualwan.findings import own_addresses
from dualwan.frozen import replace
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.report import opened, policy
from dualwan.slices import firewall, pbr, snat

FORWARD = '[[forward]]\nvia = "mape"\nprotocol = "tcp"\nport = 1040\nto = "203.0.113.130"\n'
SIX = "".join(
    f'[way.w{unit}]\ntype = "pppoe"\npeer = "p{unit}"\ninterface = "ppp{unit}"\n'
    for unit in range(1, 7)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (routed("7"), 'pppoe.addresses: must be a list such as ["198.51.100.8/29"]'),
        (routed('["here"]'), "is no network such as 198.51.100.8/29"),
        (routed('["203.0.113.129/29"]'), "no bits set past its length"),
        (routed('["203.0.113.128/33"]'), "is no network"),
        (routed('["203.2.0.0/15"]'), "203.2.0.0/15 is too large: /16 at the most"),
        (routed('["2001:db8::/64"]'), "is IPv6, which is not routed to a way"),
        (routed('["100.64.0.0/29"]'), "is not of the internet (100.64.0.0/10)"),
        (routed('["192.168.1.0/29"]'), "is not of the internet (192.168.0.0/16)"),
        (routed('["203.0.113.0/24", "203.0.113.8/29"]'), "203.0.113.0/24 overlap"),
        (routed('["192.0.2.16/29"]'), "192.0.2.16/29 overlaps 192.0.2.18 (mape.ipv4)"),
        (
            routed(text=routed() + IPIP),
            f"way.fixed.addresses: {BLOCK} overlaps {BLOCK} (pppoe.addresses)",
        ),
        (
            routed('["192.0.2.24/29"]') + IPIP,
            "pppoe.addresses: 192.0.2.24/29 overlaps 192.0.2.30 (way.fixed.ipv4)",
        ),
        (
            routed().replace('["lan0"]', '["lan0", "wan0"]\nnetworks = ["203.0.113.0/24"]'),
            "overlaps 203.0.113.0/24 (lan.networks)",
        ),
        (one_to_one('"203.0.113.1" = "192.168.1.10"'), "203.0.113.1 is none of 'addresses'"),
        (
            one_to_one('"203.0.113.130" = "198.51.100.7"'),
            "pppoe.one-to-one: 198.51.100.7 is no host of the LAN (10.0.0.0/8, ",
        ),
        (one_to_one('"203.0.113.130" = "2001:db8::1"'), "'2001:db8::1' is no IPv4 address"),
        (
            one_to_one('"203.0.113.130" = "10.0.0.1", "203.0.113.131" = "10.0.0.1"'),
            "10.0.0.1 can have one address outside only",
        ),
        (routed(more='one-to-one = ["203.0.113.130"]'), "must be a table such as { "),
        (
            one_to_one('"203.0.113.130" = "10.0.0.1"')
            + one_to_one('"203.0.113.9" = "10.0.0.1"', text=IPIP).replace(BLOCK, "203.0.113.8/29"),
            "way.fixed.one-to-one: 10.0.0.1 has an address outside already, of pppoe",
        ),
        (
            one_to_one('"192.0.2.30" = "10.0.0.1"', text=BASE + IPIP).replace(
                BLOCK, "192.0.2.24/29"
            ),
            "way.fixed.one-to-one: 192.0.2.30 is the way's own address",
        ),
        (
            BASE + 'open = ["ping"]\n',
            "pppoe.open: is for 'addresses', which this section does not have",
        ),
        (routed(more='open = "ping"'), 'pppoe.open: must be a list such as ["ping", "tcp/8443"]'),
        (routed(more='open = ["smtps"]'), "pppoe.open: unknown service 'smtps'"),
        (routed(more='open = [{ to = "203.0.113.130" }]'), "needs its name"),
        (routed(more='open = [{ service = "ssh", guard = true }]'), "unknown key 'guard'"),
        (
            routed(more='open = [{ service = "ssh", to = "203.0.113.1" }]'),
            "pppoe.open: 203.0.113.1 is none of 'addresses'",
        ),
        (routed(more='open = [{ service = "ssh", to = [] }]'), "'to' is empty: leave it out if"),
        (routed(more='open = [{ service = "ssh", from = [] }]'), "'from' is empty: leave it out"),
        (routed(more='open = ["tcp/445"]'), "tcp/445: Windows file sharing"),
        (
            routed() + FORWARD,
            "forward.to: 203.0.113.130 is reached without translation: list the service in 'open'",
        ),
        (
            BASE.replace("psid = 1", f'psid = 1\naddresses = ["{BLOCK}"]'),
            'mape.addresses: "map-e" has no addresses of its own; "ipip" has',
        ),
        (
            routed(text=BASE + '[way.l]\ntype = "ds-lite"\naftr = "2001:db8::64"\n'),
            'way.l.addresses: "ds-lite" has no addresses of its own',
        ),
        (
            routed().replace("dial = false", "dial = false\npriority = 32763"),
            "pppoe.priority: must be 32762 at most with 'addresses'",
        ),
        (OF_IPIP + SIX, "mape.one-to-one: with eight ways, those of mape can be had without"),
    ],
)
def test_what_a_file_cannot_say(text, words):
    """Each error has file, line and key, also where all errors are asked for."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        from_text("dualwan.toml", text)
    assert words in str(every_error.of_text("dualwan.toml", text, {}))


def test_the_way_s_own_address_may_be_one_of_them():
    """As providers give out a block of which the router has one address."""
    cfg = config(routed('["192.0.2.24/29"]', text=BASE + IPIP))
    assert str(cfg.routed["fixed"].networks[0]) == "192.0.2.24/29"


def test_windows_file_sharing_is_open_where_the_file_says_so():
    """With smb = "accept", as for forwards."""
    text = routed(more='open = ["tcp/445"]') + '[firewall]\nsmb = "accept"\n'
    assert config(text).routed["pppoe"].open


# --- routes and rules --------------------------------------------------------------------------

OURS = f"unreachable {BLOCK} table main metric 4096"
RULES = [
    f"rule 99: from {BLOCK} lookup main suppress_prefixlength 7",
    f"rule 100: from {BLOCK} lookup 100",
    f"rule 101: from {BLOCK} unreachable",
]


def about_block(machine):
    """Return the routes and rules of the machine that name the block."""
    return [one.text for one in (*machine.state.rules, *machine.state.routes) if BLOCK in one.text]


def test_what_it_has_leads_by_the_way_or_nowhere():
    """Whether the session is up or down; the block does not follow its address."""
    machine, cfg = Machine("wan0", "lan0"), config(routed())
    assert run(machine, cfg, Event.APPLY) == []
    wanted = [*RULES, f"route {OURS}"]
    assert about_block(machine) == wanted
    for address in ("198.51.100.7", "198.51.100.8"):
        machine.connect(address)
        assert run(machine, cfg, Event.PPP_UP) == []
        assert about_block(machine) == wanted
        assert pending(machine, cfg, Event.APPLY) == []


def test_nothing_is_left_of_it():
    """Neither without it in the file, nor after down."""
    machine, cfg = Machine("wan0", "lan0"), config(routed())
    machine.connect("198.51.100.7")
    run(machine, cfg, Event.APPLY)
    assert run(machine, config(), Event.APPLY) == []
    assert about_block(machine) == []
    run(machine, cfg, Event.APPLY)
    machine.applied.clear()
    assert run(machine, cfg, Event.REMOVE) == []
    assert about_block(machine) == []
    assert f"conntrack entries of {BLOCK}" not in [step.text for step in machine.applied]


@pytest.mark.parametrize("length", [29, 32])
def test_a_reconnect_forgets_no_flow_of_the_block(length):
    """Only those of the address that the session had."""
    machine, cfg = Machine("wan0", "lan0"), config(routed(f'["203.0.113.128/{length}"]'))
    machine.connect("198.51.100.7")
    run(machine, cfg, Event.APPLY)
    machine.connect("198.51.100.8")
    machine.applied.clear()
    run(machine, cfg, Event.PPP_UP)
    forgotten = [step.text for step in machine.applied if "conntrack" in step.text]
    assert forgotten == ["conntrack entries of 198.51.100.7"]


def test_the_default_way_can_have_one():
    """By IPIP; while failover has replaced it, what it has is rejected and takes no other."""
    failover = OF_IPIP.replace('interface = "wan0"', 'interface = "wan0"\nfailover = true')
    for text, routed_too in ((OF_IPIP, True), (failover, False)):
        machine, cfg = Machine("wan0", "lan0"), config(text)
        assert derive_line(cfg).ways[0].pinned
        seen = replace(machine.state, ipv6_default=routed_too)
        texts = [step.text for step in plan_of(pbr, cfg, seen).steps]
        assert (f"rule 101: from {BLOCK} lookup 101" in texts) is routed_too
        assert f"rule 102: from {BLOCK} unreachable" in texts
        assert "rule 103: fwmark 0xb000000/0xf000000 unreachable" in texts


# --- tables ------------------------------------------------------------------------------------


def test_each_table_has_the_block():
    """And without it none has a word about such (the golden cases hold each to the letter)."""
    text = routed(more='one-to-one = { "203.0.113.130" = "10.0.0.1" }\nopen = ["ping"]')
    for module in (firewall, snat, pbr):
        assert BLOCK in wanted_of(module, config(text)).source()
        assert wanted_of(module, config(routed("[]"))) == wanted_of(module, config())


def test_what_is_open_is_told():
    """At each address that a service names, or at the block."""
    more = 'open = ["ping", { service = "https", to = "203.0.113.130", from = ["192.0.2.0/24"] }]'
    cfg = config(routed(more=more) + "[firewall]\ninbound = []\n")
    found = opened.as_data(cfg, derive_line(cfg).ways)
    assert [(one["by"], one["what"], one["to"], one["from"]) for one in found] == [
        ("PPPoE", "ping", BLOCK, []),
        ("PPPoE", "https", "203.0.113.130", ["192.0.2.0/24"]),
    ]


def test_the_policy_has_a_row_for_each():
    """By which way the hosts leave, and what comes to them."""
    more = 'one-to-one = { "203.0.113.131" = "10.0.0.1" }\nopen = [{ service = "https", to = '
    cfg = config(routed(more=more + '["203.0.113.130", "203.0.113.131"] }]'))
    found = [one for one in policy.rows(cfg, derive_line(cfg).ways) if "203.0.113." in str(one)]
    assert [(one.source, one.destination, one.result) for one in found] == [
        (
            f"LAN, {BLOCK}",
            "internet by IPv4",
            "by PPPoE (ppp0), untranslated; while it is down refused",
        ),
        (
            "LAN, 10.0.0.1",
            "internet by IPv4",
            "by PPPoE (ppp0), as 203.0.113.131; while it is down refused",
        ),
        ("internet by PPPoE", "203.0.113.130", "accepted"),
        ("internet by PPPoE", "203.0.113.131 (10.0.0.1)", "accepted"),
    ]


@pytest.mark.parametrize(("text", "served"), [(BASE, False), (routed(), True)])
def test_a_public_network_of_the_lan_is_one_of_them(text, served):
    """A network that no way has is refused, for its hosts are not reached."""
    public = OwnAddress("lan0", ip_interface("203.0.113.129/29"))
    found = own_addresses.routed_networks(config(text), Surroundings(addresses=(public,)))
    assert (not [*found]) is served


def test_open_tcp_ports_keep_their_flows_where_the_firewall_was_missing():
    """As those of pinholes: without translation the host has the address."""
    machine = Machine("wan0", "lan0")
    machine.connect("198.51.100.7")
    steps = plan_of(firewall, config(routed(more='open = ["tcp/81"]')), machine.state).steps
    assert 81 in steps[-1].resource.inside
