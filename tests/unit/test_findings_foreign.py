"""O1, O2: chains of other programs that drop, translate or mark what the router forwards."""

import json

import pytest
from machine import BASE, config

from dualwan.findings import find
from dualwan.model.surroundings import Surroundings
from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    NOTRACK,
    OFFLOAD,
    SET_MARK,
    TRANSLATE,
    UNKNOWN,
    Chain,
    Condition,
    Rule,
)
from dualwan.slices.snat.names import BASE_CHAINS, NAT_PRIORITIES

FORWARD = '[[forward]]\nvia = "mape"\nprotocol = "tcp"\nport = 5136\nto = "192.168.1.10:80"\n'


VPN = (
    BASE.replace("[lan]", "failover = true\n[lan]", 1)
    + """
[way.away]
type = "vpn"
interface = "wg0"
"""
)


def chain(hook="forward", *rules, family="inet", kind="filter", **more):
    """Return a base chain of another program."""
    return Chain("nft table inet theirs", family, "c", kind, hook, rules=rules, **more)


def found(*some, text=BASE):
    """Return the findings of chains, as code and what was seen."""
    return [(one.code, one.seen) for one in find(config(text), Surroundings(chains=some))]


def codes(*some, text=BASE):
    """Return the codes of the findings of chains."""
    return [code for code, _ in found(*some, text=text)]


def test_a_chain_without_rules_that_drops_is_named_once():
    """With the first of what it drops."""
    ((code, seen),) = found(chain(policy=DROP))
    assert code == "foreign-drop"
    assert seen == (
        "nft table inet theirs, chain c (hook forward, priority 0, policy drop) drops what lan0 "
        "sends by mape0, what lan0 sends by wan0, answers to lan0 by mape0 and 1 more"
    )


@pytest.mark.parametrize(
    ("conditions", "text", "code"),
    [
        ([Condition("oif", ("ppp0",))], BASE, []),
        (
            [Condition("oif", ("ppp0",))],
            BASE.replace("[mape]", 'via-pppoe = ["192.168.1.9"]\n[mape]', 1),
            ["foreign-drop"],
        ),
        (
            [Condition("oif", ("ppp0",))],
            BASE.replace("[lan]", "failover = true\n[lan]", 1),
            ["foreign-drop"],
        ),
        ([Condition("oif", ("wg0",))], VPN, []),
        (
            [Condition("oif", ("wg0",))],
            VPN + '[[policy]]\nway = "away"\nsource = "192.168.1.9"\n',
            ["foreign-drop"],
        ),
        ([Condition("dnat", ("yes",))], BASE, []),
        ([Condition("dnat", ("yes",))], BASE + FORWARD, ["foreign-drop"]),
        ([Condition("destination", ("192.168.1.10",))], BASE + FORWARD, ["foreign-drop"]),
        ([Condition("destination", ("192.168.1.11",))], BASE + FORWARD, []),
        ([Condition("family", ("ip6",))], BASE, ["foreign-drop"]),
        ([Condition("family", ("ip6",))], BASE.replace('["lan0"]', '["wan0"]'), []),
        ([Condition("state", ("established",))], BASE, ["foreign-drop"]),
        ([Condition("dport", ("25",))], BASE, []),
        ([UNKNOWN], BASE, []),
    ],
)
def test_only_what_this_router_has_to_pass_is_asked_for(conditions, text, code):
    """PPPoE for hosts that use it, forwards that there are, IPv6 of a LAN that passes here.

    A VPN does not stand in for MAP-E: another program may keep the LAN out of it.
    """
    assert codes(chain("forward", Rule(tuple(conditions), DROP)), text=text) == code


@pytest.mark.parametrize(
    ("hook", "rule", "named"),
    [
        ("input", Rule((Condition("protocol", ("ipip",)),), DROP), "what the tunnel receives"),
        ("output", Rule((Condition("protocol", ("ipip",)),), DROP), "what the tunnel sends"),
        ("input", Rule((Condition("protocol", ("icmpv6",)),), DROP), "router advertisements"),
        ("input", Rule((Condition("dport", ("8443",)),), DROP), "tcp/8443 by ppp0"),
        ("output", Rule((Condition("protocol", ("tcp",)),), DROP), ""),
        ("input", Rule((Condition("state", ("new",)), Condition("dport", ("25",))), DROP), ""),
    ],
)
def test_the_routers_own_packets(hook, rule, named):
    """The tunnel's, advertisements, and services that are on offer."""
    text = BASE + '[firewall]\ninbound = ["tcp/8443", "ping"]\n'
    seen = [seen for _, seen in found(chain(hook, rule), text=text)]
    assert len(seen) == bool(named)
    assert named in "".join(seen)


@pytest.mark.parametrize(
    ("devices", "hook", "code"),
    [
        (("lan0",), "ingress", ["foreign-drop"]),
        (("mape0", "x"), "egress", ["foreign-drop"]),
        (("eth9",), "ingress", []),
        ((), "ingress", []),
    ],
)
def test_a_netdev_chain_is_asked_about_its_devices(devices, hook, code):
    """It sees no other packets."""
    assert codes(chain(hook, family="netdev", policy=DROP, devices=devices)) == code


def test_families_are_told_apart():
    """A chain of ip6 sees nothing of what the tunnel carries."""
    (_, seen) = found(chain(family="ip6", policy=DROP))[0]
    assert "mape0" not in seen
    (_, seen) = found(chain(family="ip", policy=DROP))[0]
    assert "wan0" not in seen


@pytest.mark.parametrize(
    ("hook", "priority", "text", "code"),
    [
        ("postrouting", 100, BASE, []),
        ("postrouting", 90, BASE, ["foreign-nat"]),
        ("prerouting", -110, BASE, []),
        ("prerouting", -110, BASE + FORWARD, ["foreign-nat"]),
        ("prerouting", -100, BASE + FORWARD, []),
        ("output", -200, BASE + FORWARD, []),
    ],
)
def test_nat_that_is_asked_before_ours(hook, priority, text, code):
    """And may translate; what is asked later meets a translated flow."""
    rule = Rule((UNKNOWN,), TRANSLATE)
    assert codes(chain(hook, rule, kind="nat", priority=priority), text=text) == code
    assert codes(chain(hook, kind="nat", priority=priority, policy=DROP), text=text) == []


def test_our_priorities_are_those_of_our_chains():
    """As nft writes them."""
    for one in BASE_CHAINS:
        if "type nat" in one.hook:
            hook = one.hook.split("hook ")[1].split()[0]
            written = one.hook.split("priority ")[1].split(";")[0]
            base, _, below = written.partition(" - ")
            number = {"dstnat": -100, "srcnat": 100}.get(base) or int(base)
            assert NAT_PRIORITIES[hook] == number - int(below or 0)


@pytest.mark.parametrize(
    ("hook", "priority", "rule", "code"),
    [
        ("prerouting", -300, Rule((), NOTRACK), ["foreign-notrack"]),
        ("prerouting", -300, Rule((UNKNOWN,), NOTRACK), []),
        ("prerouting", -150, Rule((), NOTRACK), []),
        ("prerouting", -150, Rule((UNKNOWN,), SET_MARK, "0x0"), ["foreign-mark"]),
        ("prerouting", -150, Rule((), SET_MARK, "0xffffff00"), []),
        ("prerouting", -150, Rule((), SET_MARK, "0xf7ffffff"), ["foreign-mark"]),
        ("prerouting", -300, Rule((), SET_MARK, "0x0"), []),
        ("forward", -150, Rule((), SET_MARK, "0x0"), []),
        ("forward", 0, Rule((UNKNOWN,), OFFLOAD), ["foreign-flowtable"]),
        ("forward", 0, Rule((Condition("iif", ("eth9",)),), OFFLOAD), []),
        ("forward", 0, Rule((), ACCEPT), []),
    ],
)
def test_what_is_done_to_our_packets(hook, priority, rule, code):
    """Not tracked, marked over our bits before routing, put into a flowtable."""
    assert codes(chain(hook, rule, priority=priority)) == code


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ((), "accept it there, or remove the chain: table inet dualwan_firewall"),
        (("ufw-user-forward",), "allow it in ufw, such as: ufw route allow in on lan0 out on"),
        (("DOCKER-USER",), "let it pass before Docker's rules: iptables -I DOCKER-USER -i lan0"),
        (("firewalld",), "stop firewalld (table inet dualwan_firewall filters what crosses"),
    ],
)
def test_the_remedy_is_in_the_words_of_the_program(others, words):
    """By the names of its chains."""
    base = chain(policy=DROP)
    if others == ("firewalld",):
        base = base._replace(table="nft table inet firewalld")
    around = Surroundings(chains=(base, *(base._replace(name=name, hook="") for name in others)))
    assert find(config(), around)[0].remedy.startswith(words)


def test_the_remedy_names_the_devices_of_what_is_dropped():
    """IPv6 leaves by the WAN, and Docker has other rules for it."""
    base = chain(family="ip6", policy=DROP)
    for name, words in (("ufw-x", "in on lan0 out on wan0"), ("DOCKER-USER", "ip6tables -I DOC")):
        around = Surroundings(chains=(base, base._replace(name=name, hook="")))
        assert words in find(config(), around)[0].remedy


def test_a_lan_of_patterns_leaves_the_device_open():
    """A chain that drops everything drops it too; one that asks for a name is not judged."""
    text = BASE.replace('["lan0"]', '["br-*"]')
    assert "drops what br-* sends by mape0" in found(chain(policy=DROP), text=text)[0][1]
    assert codes(chain("forward", Rule((Condition("iif", ("br-1",)),), DROP)), text=text) == []


PINHOLES = (
    '[[forward]]\nprotocol = "tcp"\nport = 443\nto = "2001:db8:1::10"\n',
    '[[forward]]\nprotocol = "tcp"\nport = 443\nto = "::10"\n',
)


@pytest.mark.parametrize("text", PINHOLES)
def test_a_pinhole_is_asked_for_by_ipv6(text):
    """By its address, or by any if only its host part is known."""
    rule = Rule((Condition("iif", ("wan0",)), Condition("dport", ("443",))), DROP)
    assert codes(chain("forward", rule, family="ip6"), text=BASE + text) == ["foreign-drop"]
    assert codes(chain("forward", rule, family="ip6"), text=BASE) == []
    nat = chain("prerouting", Rule((), TRANSLATE), kind="nat", priority=-150, family="ip6")
    assert codes(nat, text=BASE + text) == []


def test_status_names_them(run, machine):
    """In words and as JSON."""
    run()
    machine.around = Surroundings(chains=(chain(policy=DROP),))
    data = json.loads(run("status", "--json")[1])
    assert [one["code"] for one in data["findings"]] == ["foreign-drop"]
    assert "obstacle: nft table inet theirs, chain c (hook forward" in run("status")[1]
