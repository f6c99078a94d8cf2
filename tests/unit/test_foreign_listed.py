"""Chains of other programs, read from nft's JSON."""

import pytest

from dualwan.nft.foreign import listed
from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    GOTO,
    JUMP,
    NOTRACK,
    OFFLOAD,
    SET_MARK,
    TRANSLATE,
    UNKNOWN,
    Condition,
    Rule,
)


def match(left, right, op="=="):
    """Return a match of nft."""
    return {"match": {"op": op, "left": left, "right": right}}


META = {name: {"meta": {"key": name}} for name in ("iifname", "oif", "l4proto", "nfproto", "mark")}
STATE = {"ct": {"key": "state"}}


def payload(protocol, field):
    """Return a field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


@pytest.mark.parametrize(
    ("parts", "rules"),
    [
        ([{"accept": None}], [Rule((), ACCEPT)]),
        (
            [match(META["iifname"], {"set": ["br-*", "lan0"]}, "!="), {"drop": None}],
            [Rule((Condition("iif", ("br-*", "lan0"), True),), DROP)],
        ),
        (
            [match(STATE, ["established", "related"], "in"), {"counter": {}}, {"accept": None}],
            [Rule((Condition("state", ("established", "related")),), ACCEPT)],
        ),
        (
            [match(payload("tcp", "dport"), {"set": [22, {"range": [80, 90]}]}), {"reject": {}}],
            [Rule((Condition("protocol", ("tcp",)), Condition("dport", ("22", "80-90"))), DROP)],
        ),
        (
            [
                match(payload("th", "dport"), {"set": [{"elem": {"val": 22, "comment": "x"}}]}),
                {"drop": None},
            ],
            [Rule((Condition("dport", ("22",)),), DROP)],
        ),
        (
            [
                match(payload("ip", "daddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}}),
                {"masquerade": None},
            ],
            [
                Rule(
                    (Condition("family", ("ip",)), Condition("destination", ("10.0.0.0/8",))),
                    TRANSLATE,
                )
            ],
        ),
        (
            [match(payload("ip6", "nexthdr"), "ipencap"), {"accept": None}],
            [Rule((Condition("family", ("ip6",)), Condition("protocol", ("ipip",))), ACCEPT)],
        ),
        (
            [match(payload("ip", "ttl"), 1), {"drop": None}],
            [Rule((Condition("family", ("ip",)), Condition("", ("1",))), DROP)],
        ),
        (
            [match(payload("icmpv6", "type"), "echo-request"), {"drop": None}],
            [Rule((Condition("protocol", ("icmpv6",)), Condition("", ("echo-request",))), DROP)],
        ),
        (
            [match(META["l4proto"], {"set": ["tcp", "ipv6-icmp"]}), {"drop": None}],
            [Rule((Condition("protocol", ("tcp", "icmpv6")),), DROP)],
        ),
        (
            [match(META["nfproto"], "ipv4"), {"drop": None}],
            [Rule((Condition("family", ("ip",)),), DROP)],
        ),
        (
            [match({"ct": {"key": "status"}}, "dnat", "in"), {"accept": None}],
            [Rule((Condition("dnat", ("yes",)),), ACCEPT)],
        ),
        (
            [match({"ct": {"key": "status"}}, "snat", "in"), {"accept": None}],
            [Rule((UNKNOWN,), ACCEPT)],
        ),
        (
            [match(META["iifname"], "@theirs"), {"drop": None}],
            [Rule((Condition("iif", ("@theirs",)),), DROP)],
        ),
        (
            [match(META["oif"], {"concat": ["a", "b"]}), {"drop": None}],
            [Rule((Condition("oif", ("@",)),), DROP)],
        ),
        (
            [match({"fib": {"result": "oif", "flags": ["saddr"]}}, False), {"drop": None}],
            [Rule((UNKNOWN,), DROP)],
        ),
        (
            [match(META["iifname"], "x", "<"), {"drop": None}],
            [Rule((Condition("iif", ("@",)),), DROP)],
        ),
        ([{"limit": {"rate": 1}}, {"log": None}, {"drop": None}], [Rule((UNKNOWN,), DROP)]),
        ([{"xt": {"type": "match", "name": "set"}}, {"drop": None}], [Rule((UNKNOWN,), DROP)]),
        ([{"queue": {"num": 0}}], [Rule((UNKNOWN,), ACCEPT)]),
        ([{"jump": {"target": "a"}}], [Rule((), JUMP, "a")]),
        ([{"goto": {"target": "a"}}], [Rule((), GOTO, "a")]),
        (["notrack"], [Rule((), NOTRACK)]),
        ([{"notrack": None}], [Rule((), NOTRACK)]),
        ([{"flow": {"op": "add", "flowtable": "@f"}}], [Rule((), OFFLOAD)]),
        ([{"mangle": {"key": META["mark"], "value": 5}}], [Rule((), SET_MARK, "0x0")]),
        (
            [{"mangle": {"key": META["mark"], "value": {"|": [META["mark"], 5]}}}],
            [Rule((), SET_MARK, "0xffffffff")],
        ),
        *(
            (
                [
                    {
                        "mangle": {
                            "key": META["mark"],
                            "value": {op: [{"&": [META["mark"], 0xFFFFFF00]}, 16]},
                        }
                    }
                ],
                [Rule((), SET_MARK, "0xffffff00")],
            )
            for op in ("|", "^")
        ),
        ([{"mangle": {"key": META["mark"], "value": {"ct": {"key": "mark"}}}}], []),
        ([{"mangle": {"key": payload("ip", "ttl"), "value": 1}}], []),
        (
            [
                {
                    "vmap": {
                        "key": META["iifname"],
                        "data": {
                            "set": [["lan0", {"jump": {"target": "a"}}], ["eth9", {"drop": None}]]
                        },
                    }
                }
            ],
            [
                Rule((Condition("iif", ("lan0",)),), JUMP, "a"),
                Rule((Condition("iif", ("eth9",)),), DROP),
            ],
        ),
        ([{"vmap": {"key": STATE, "data": "@theirs"}}], [Rule((UNKNOWN,), ACCEPT)]),
    ],
)
def test_a_rule_of_nft(parts, rules):
    """With what nft implies, such as the protocol of a port; any other statement is open."""
    objects = [
        {"metainfo": {}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "hook": "forward", "prio": 5}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": parts}},
    ]
    (chain,) = listed.chains(objects)
    assert chain.rules == tuple(rules)
    assert chain.text == "nft table inet t, chain c (hook forward, priority 5, policy accept)"
    assert listed.is_of_iptables(objects) is any("xt" in part for part in parts)


LISTING = """\
table netdev t {
	chain one {
		type filter hook ingress device "lan0" priority filter; policy accept;
	}

	chain two {
		type filter hook egress devices = { lan0, "mape0" } priority filter; policy accept;
	}

	chain three {
	}
}
"""


def test_devices_of_a_netdev_chain():
    """From the JSON where it has them, else from the text."""
    objects = [
        {"chain": {"family": "netdev", "table": "t", "name": name, **more}}
        for name, more in (
            ("one", {}),
            ("two", {}),
            ("three", {}),
            ("four", {"dev": "eth9"}),
            ("five", {"dev": ["a", "b"]}),
        )
    ]
    found = listed.with_devices(listed.chains(objects), LISTING)
    assert [one.devices for one in found] == [
        ("lan0",),
        ("lan0", "mape0"),
        (),
        ("eth9",),
        ("a", "b"),
    ]


@pytest.mark.parametrize("protocol", ["tcp", "udp", "udplite", "sctp", "dccp"])
def test_a_port_is_one_of_its_protocol(protocol):
    """Each protocol with ports that nft knows."""
    match = {"payload": {"protocol": protocol, "field": "dport"}}
    chain = {"family": "inet", "table": "f", "name": "a"}
    part = {"match": {"op": "==", "left": match, "right": 80}}
    rule = {"family": "inet", "table": "f", "chain": "a", "expr": [part, {"drop": None}]}
    (found,) = listed.chains([{"chain": chain}, {"rule": rule}])
    assert found.rules == (
        Rule((Condition("protocol", (protocol,)), Condition("dport", ("80",))), DROP),
    )


def rules_of(*parts):
    """Return the rules of a listed rule."""
    chain = {"family": "inet", "table": "f", "name": "a"}
    rule = {"family": "inet", "table": "f", "chain": "a", "expr": [*parts]}
    (found,) = listed.chains([{"chain": chain}, {"rule": rule}])
    return [*found.rules]


SOURCE = payload("ip", "saddr")


@pytest.mark.parametrize(
    ("more", "conditions"),
    [
        ({"stmt": [{"limit": {"rate": 25, "burst": 5, "per": "second", "inv": True}}]}, (UNKNOWN,)),
        ({"stmt": [{"ct count": {"val": 100, "inv": True}}]}, (UNKNOWN,)),
        ({"stmt": [{"counter": None}, {"quota": {"val": 1}}]}, (UNKNOWN,)),
        ({"stmt": [{"counter": None}]}, ()),
        ({}, ()),
    ],
)
def test_a_rule_may_end_at_an_element_with_a_limit(more, conditions):
    """As `update @flood { ip saddr limit rate over 25/second } drop` drops floods only."""
    update = {"set": {"op": "update", "elem": SOURCE, "set": "@flood", **more}}
    assert rules_of(update, {"drop": None}) == [Rule(conditions, DROP)]


@pytest.mark.parametrize(
    "left",
    [
        payload("ether", "saddr"),
        payload("vlan", "id"),
        {"payload": {"tunnel": "vxlan", "protocol": "ip", "field": "saddr"}},
    ],
)
def test_a_link_address_or_what_is_carried_may_fit_or_not(left):
    """A chain that accepts the LAN's devices by their link addresses does not drop the LAN."""
    assert rules_of(match(left, "02:00:00:00:00:01"), {"accept": None}) == [
        Rule((UNKNOWN,), ACCEPT)
    ]


@pytest.mark.parametrize("key", [STATE, payload("tcp", "dport"), META["iifname"]])
def test_what_a_map_has_for_all_else_may_come(key):
    """`*` is what no other element fits, wherever in the map it stands."""
    elements = {"set": [["*", {"accept": None}]]}
    assert rules_of({"vmap": {"key": key, "data": elements}}) == [Rule((UNKNOWN,), ACCEPT)]
