"""Chains of other programs, read from iptables-save."""

import pytest

from dualwan.nft.foreign import iptables
from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    GOTO,
    JUMP,
    NOTRACK,
    OFFLOAD,
    RETURN,
    SET_MARK,
    TRANSLATE,
    UNKNOWN,
    Condition,
    Rule,
)

HEAD = "*{}\n:FORWARD DROP [0:0]\n:PREROUTING ACCEPT [0:0]\n:theirs - [0:0]\n"


def saved(rule, table="filter", chain="FORWARD"):
    """Return the one rule that ``rule`` of iptables-save becomes."""
    text = f"# Generated\n{HEAD.format(table)}-A {chain} {rule}\nCOMMIT\n"
    found = {one.name: one for one in iptables.chains(text, "iptables-nft", "ip")}
    return found[chain].rules


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("-j ACCEPT", Rule((), ACCEPT)),
        ("-i lan+ -j DROP", Rule((Condition("iif", ("lan*",)),), DROP)),
        (
            "-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
            Rule(
                (Condition("source", ("172.17.0.0/16",)), Condition("oif", ("docker0",), True)),
                TRANSLATE,
            ),
        ),
        (
            '-m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "it\'s -j DROP" '
            "-j ACCEPT",
            Rule((Condition("state", ("related", "established")),), ACCEPT),
        ),
        ("-m conntrack --ctstate DNAT -j ACCEPT", Rule((UNKNOWN,), ACCEPT)),
        (
            "-p tcp -m multiport --dports 80,8000:8080 -j REJECT --reject-with tcp-reset",
            Rule((Condition("protocol", ("tcp",)), Condition("dport", ("80", "8000-8080"))), DROP),
        ),
        (
            "-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT",
            Rule((Condition("protocol", ("icmpv6",)), UNKNOWN), ACCEPT),
        ),
        ("-m physdev --physdev-is-bridged -j ACCEPT", Rule((UNKNOWN,), ACCEPT)),
        ('-m limit --limit 3/min -j LOG --log-prefix "x -j DROP"', Rule((UNKNOWN,), "")),
        ("-j theirs", Rule((), JUMP, "theirs")),
        ("-g theirs", Rule((), GOTO, "theirs")),
        ("-j RETURN", Rule((), RETURN)),
        ("-j NFQUEUE --queue-num 0", Rule((UNKNOWN,), ACCEPT)),
        ("-j MARK --set-xmark 0x7/0xffffffff", Rule((), SET_MARK, "0x0")),
        ("-j MARK --set-xmark 0x10/0xff", Rule((), SET_MARK, "0xffffff00")),
        ("-j CT --notrack", Rule((), NOTRACK)),
        ("-j CT --helper ftp", Rule((), "")),
        ("-j FLOWOFFLOAD", Rule((), OFFLOAD)),
        ("-j DSCP --set-dscp 0x0a", Rule((), "")),
    ],
)
def test_a_rule_of_iptables(words, rule):
    """Matches by their words, targets by what they do; any other match is open."""
    assert saved(words) == (rule,)


@pytest.mark.parametrize(
    ("table", "chain", "kind", "priority", "policy"),
    [
        ("filter", "FORWARD", "filter", 0, "drop"),
        ("mangle", "PREROUTING", "filter", -150, "accept"),
        ("nat", "PREROUTING", "nat", -100, "accept"),
        ("raw", "PREROUTING", "filter", -300, "accept"),
    ],
)
def test_a_chain_of_iptables_has_its_hook(table, chain, kind, priority, policy):
    """Its table says where in the hook it is; a chain of its own has none."""
    found = {
        one.name: one for one in iptables.chains(HEAD.format(table), "ip6tables-legacy", "ip6")
    }
    one = found[chain]
    assert (one.table, one.family) == (f"ip6tables-legacy table {table}", "ip6")
    assert (one.kind, one.hook, one.priority, one.policy) == (
        kind,
        chain.lower(),
        priority,
        policy,
    )
    assert found["theirs"].hook == ""


@pytest.mark.parametrize("target", ["QUEUE", "NFQUEUE"])
def test_what_is_handed_to_a_program_may_be_accepted_or_not(target):
    """iptables-extensions(8): the program decides."""
    assert saved(f"-p tcp -j {target}") == (
        Rule((Condition("protocol", ("tcp",)), UNKNOWN), ACCEPT),
    )
