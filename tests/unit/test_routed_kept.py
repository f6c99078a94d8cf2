"""Addresses that are routed to a way, where all does not stand yet, or is another than before."""

import re
from ipaddress import ip_address, ip_interface

import pytest
from machine import BASE, Machine, config, run, wanted_of
from routed_texts import BLOCK, IPIP, OF_IPIP, one_to_one, routed

from dualwan.config import ConfigError, every_error, from_text
from dualwan.findings import find, own_addresses
from dualwan.frozen import replace
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.resources import Flows
from dualwan.model.state import RunState
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.report import policy
from dualwan.slices import firewall

HOST, OUTER, INNER = "203.0.113.130", "203.0.113.131", "192.168.1.10"
PAIRED = one_to_one(f'"{OUTER}" = "{INNER}"')
BY_FIXED = one_to_one(f'"{OUTER}" = "{INNER}"', text=BASE + IPIP)
POLICY = '[[policy]]\nway = "{}"\nsource = ["{}"]\n'
ZONES = (
    '[zone.dmz]\ninterfaces = ["dmz0"]\n[zone.guest]\ninterfaces = ["guest0"]\nways = ["mape"]\n'
)
REDUNDANT = "[router]\nredundant = true\n"


def rules_of(chain, text):
    """Return the rules of a chain of the firewall."""
    source = wanted_of(firewall, config(text)).source()
    body = re.search(rf"^\s*chain {chain} \{{\n(.*?)^\s*\}}", source, re.DOTALL | re.MULTILINE)
    return [line.strip() for line in body[1].splitlines()]


# --- no other way, whatever stands of pbr -------------------------------------------------------


def test_the_firewall_itself_keeps_a_host_from_another_way():
    """What it began, but to private networks at the WAN; and its answers for that address."""
    found = [rule for rule in rules_of("forward", PAIRED) if "goto not_elsewhere" in rule]
    began = f"ip saddr {{ {INNER} }} ct direction original goto not_elsewhere"
    assert found == [
        f'oifname {{ "wan0", "mape0" }} ip saddr {{ {BLOCK} }} goto not_elsewhere',
        f'oifname {{ "mape0" }} {began}',
        f'oifname "wan0" ip daddr != {{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }} {began}',
        f'oifname {{ "wan0", "mape0" }} ct original ip daddr {{ {OUTER} }} goto not_elsewhere',
    ]
    rules = rules_of("forward", PAIRED)
    assert rules.index(found[-1]) < rules.index("ct state established,related accept")


def test_the_router_itself_does_not_leave_elsewhere_with_one_of_them():
    """It may have one, towards the hosts."""
    assert f'oifname {{ "wan0", "mape0" }} ip saddr {{ {BLOCK} }} drop' in rules_of(
        "output", routed()
    )


def test_what_ipsec_encrypts_is_not_kept():
    """It leaves as something else, by any way."""
    text = PAIRED + '[firewall]\nipsec = "accept"\n'
    kept = [rule for rule in rules_of("forward", text) if "goto not_elsewhere" in rule]
    assert len(kept) == len([rule for rule in kept if "rt ipsec missing" in rule]) == 4


def test_neighbours_are_one_network():
    """A route to a half would come before that of the LAN's interface to the whole."""
    halves = config(routed('["203.0.113.132/30", "198.51.100.8/29", "203.0.113.128/30"]'))
    assert [str(one) for one in halves.routed["pppoe"].networks] == ["198.51.100.8/29", BLOCK]


def test_nobody_inside_has_an_address_that_is_another_s_by_translation():
    """Behind whichever interface."""
    dropped = f'iifname {{ "lan0", "dmz0", "guest0" }} ip saddr {{ {OUTER} }} drop'
    assert dropped in rules_of("prerouting_lan", PAIRED + ZONES)


def test_what_another_program_translates_is_not_opened():
    """Only what comes to the host that has the address, itself or one to one."""
    text = routed(more=f'one-to-one = {{ "{OUTER}" = "{INNER}" }}\nopen = ["https", "ping"]')
    assert [rule for rule in rules_of("forward", text) if "jump routed_pppoe" in rule] == [
        f'iifname "ppp0" ct status ! dnat ip daddr {{ {BLOCK} }} jump routed_pppoe',
        f'iifname "ppp0" ct status dnat ct original ip daddr . ip daddr '
        f"{{ {OUTER} . {INNER} }} jump routed_pppoe",
    ]
    assert not [rule for rule in rules_of("routed_pppoe", text) if "icmpv6" in rule]


# --- what is said of the way of such a host ------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("policy.source", PAIRED + POLICY.format("fixed", INNER) + IPIP),
        ("policy.source", PAIRED + POLICY.format("mape", "203.0.113.132/30")),
        ("lan.via-pppoe", BY_FIXED.replace("[mape]", f'via-pppoe = ["{INNER}"]\n[mape]', 1)),
        ("mape.open-nat", PAIRED.replace("psid = 1", f'psid = 1\nopen-nat = ["{INNER}"]')),
    ],
    ids=["policy", "policy of a block", "via-pppoe", "open-nat"],
)
def test_a_host_that_has_its_way_is_led_by_no_other(key, text):
    """What says so in vain is an error, and so is nothing that agrees, or is about more."""
    with pytest.raises(ConfigError, match=rf"{key}: .* leaves by \[(pppoe|way\.fixed)\], to which"):
        from_text("dualwan.toml", text)
    assert f"{key}: " in str(every_error.of_text("dualwan.toml", text, {}))
    for way, source in (("pppoe", INNER), ("fixed", "192.168.1.0/24"), ("mape", "192.168.1.11")):
        config(PAIRED + POLICY.format(way, source) + IPIP)


# --- flows of before a change -------------------------------------------------------------------


def forgotten(machine, text):
    """Return what conntrack forgets when ``text`` is applied."""
    machine.applied.clear()
    assert run(machine, config(text), Event.APPLY) == []
    gone = [one.resource for one in machine.applied if isinstance(one.resource, Flows)]
    return [one.address for one in gone]


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        (BASE, routed(), [BLOCK]),
        (routed(), BASE, [BLOCK]),
        (routed(), PAIRED, [INNER, OUTER]),
        (PAIRED, routed(), [INNER, OUTER]),
        (PAIRED, PAIRED.replace(OUTER, HOST), [INNER, HOST, OUTER]),
        (PAIRED, BASE + IPIP + PAIRED.removeprefix(BASE), [INNER, BLOCK, OUTER]),
        (PAIRED, PAIRED.replace("one-to-one", 'open = ["ping"]\none-to-one'), []),
    ],
    ids=["block", "none", "pair", "no pair", "other pair", "other way", "only open"],
)
def test_flows_of_before_a_change_are_forgotten(before, after, gone):
    """They would go on with an address that their way does not have, and be dropped for ever."""
    machine = Machine("wan0", "lan0")
    machine.connect("198.51.100.7")
    run(machine, config(before), Event.APPLY)
    assert forgotten(machine, after) == gone
    assert forgotten(machine, after) == []


def test_flows_of_a_change_between_ifdown_and_ifup_are_forgotten_too():
    """Nothing of the block is noted as gone by ifdown."""
    machine = Machine("wan0", "lan0")
    run(machine, config(), Event.APPLY)
    run(machine, config(), Event.DOWN)
    assert forgotten(machine, routed()) == [BLOCK]


def test_who_knows_nothing_of_before_forgets_nothing():
    """At boot nothing can be of before."""
    assert forgotten(Machine("wan0", "lan0"), PAIRED) == []


def test_a_router_that_takes_over_keeps_the_flows_of_the_other():
    """It may have notes of an older file; a change while it works counts."""
    machine = Machine("wan0", "lan0")
    active = RunState().role._replace(active=True, asked=1)
    machine.run_state = replace(machine.run_state, role=active, routed=())
    assert forgotten(machine, routed() + REDUNDANT) == []
    assert forgotten(machine, PAIRED + REDUNDANT) == [INNER, OUTER]


# --- what is told -------------------------------------------------------------------------------


def around(*addresses):
    """Return surroundings with addresses of the router: (device, text)."""
    return Surroundings(
        addresses=tuple(OwnAddress(device, ip_interface(text)) for device, text in addresses)
    )


@pytest.mark.parametrize(
    ("text", "device", "address", "key"),
    [
        (PAIRED, "ppp0", f"{OUTER}/32", "one-to-one"),
        (PAIRED, "lan0", f"{INNER}/24", "one-to-one"),
        (
            routed(more=f'open = [{{ service = "https", to = "{HOST}" }}]'),
            "lan0",
            f"{HOST}/29",
            "open",
        ),
    ],
    ids=["outer", "inner", "open"],
)
def test_a_host_that_is_the_router_itself_is_refused(text, device, address, key):
    """PPPoE may have been given the address of a host, too."""
    cfg = config(text)
    (found,) = own_addresses.routed_to_router(cfg, around((device, address)))
    assert found.text.startswith(
        f"dualwan.toml: pppoe.{key}: {address.partition('/')[0]} is the router itself ({device}), "
    )
    with pytest.raises(ConfigError, match="is the router itself"):
        own_addresses.refuse(cfg, around((device, address)))
    assert not [*own_addresses.routed_to_router(cfg, around(("lan0", "192.168.1.1/24")))]


def test_the_session_may_have_the_address_that_the_router_has_on_the_lan():
    """As where the provider gives PPPoE the first address of the block."""
    session = OwnAddress("ppp0", ip_interface("203.0.113.129/32"), ip_address("198.51.100.1"))
    on_lan = OwnAddress("lan0", ip_interface("203.0.113.129/29"))
    seen = Surroundings(addresses=(on_lan, session))
    asked = [("concentrator", "addresses")]
    assert find(config(routed()), seen, asked) == ()
    (found,) = own_addresses.twice(config(routed()), seen)
    assert found.seen.startswith("203.0.113.129 is on ppp0 and on lan0 as well: ")
    assert not [*own_addresses.twice(config(), seen)]
    other = OwnAddress("lan0", ip_interface("203.0.113.130/29"))
    assert not [*own_addresses.twice(config(routed()), Surroundings(addresses=(other, session)))]
    assert [one.code for one in find(config(), seen, asked)] == ["concentrator-address"]


def test_the_policy_names_zones_with_the_way():
    """Whose hosts may have an address, or reach what is open."""
    cfg = config(routed(more='open = ["ping"]') + ZONES)
    found = policy.rows(cfg, derive_line(cfg).ways)
    assert [one.source for one in found if BLOCK in one.source] == [f"LAN or zone dmz, {BLOCK}"]
    assert [one.source for one in found if one.destination == "what is routed to PPPoE"] == [
        "zone dmz"
    ]


def test_the_default_way_keeps_its_hosts_as_others_do():
    """By IPIP: to no session."""
    kept = [rule for rule in rules_of("forward", OF_IPIP) if "goto not_elsewhere" in rule]
    assert kept[1].startswith('oifname { "ppp0" } ip saddr { 192.168.1.10 } ')
