"""What may come of a packet in a chain of another program, whose conditions may be open."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    GOTO,
    JUMP,
    NOTRACK,
    RETURN,
    SET_MARK,
    TRANSLATE,
    UNKNOWN,
    Chain,
    Condition,
    Rule,
)
from dualwan.nft.foreign.judge import Packet, actions, met, outcomes

LAN = Packet("lan0", "mape0", "ip", "tcp", "443")
IS, IS_NOT = Condition("iif", ("lan0",)), Condition("iif", ("eth9",))
ADDRESS = Condition("source", ("192.168.1.0/24",))


def judged(*rules, policy=ACCEPT, **chains):
    """Return the outcomes of LAN in a base chain; ``chains``: others by name."""
    table = {name: Chain("t", "ip", name, rules=tuple(found)) for name, found in chains.items()}
    base = Chain("t", "ip", "base", "filter", "forward", 0, policy, tuple(rules))
    return outcomes(base, {**table, "base": base}, LAN)


@pytest.mark.parametrize("policy", [ACCEPT, DROP])
def test_the_policy_is_for_what_no_rule_ends(policy):
    """Also after a jump that comes back, and after a return."""
    assert judged(policy=policy) == {policy}
    assert judged(Rule((IS_NOT,), DROP), Rule((IS_NOT,), ACCEPT), policy=policy) == {policy}
    assert judged(Rule((), RETURN), Rule((), DROP), policy=policy) == {policy}
    assert judged(Rule((), JUMP, "a"), policy=policy, a=[Rule((IS_NOT,), DROP)]) == {policy}
    assert judged(Rule((), GOTO, "a"), Rule((), DROP), policy=policy, a=[]) == {policy}


def test_an_open_condition_leaves_both_outcomes():
    """The rule may act, or what follows does."""
    assert judged(Rule((ADDRESS,), DROP)) == {DROP, ACCEPT}
    assert judged(Rule((UNKNOWN,), ACCEPT), policy=DROP) == {DROP, ACCEPT}
    assert judged(Rule((UNKNOWN,), DROP), policy=DROP) == {DROP}
    assert judged(Rule((UNKNOWN, IS_NOT), ACCEPT), policy=DROP) == {DROP}
    assert judged(Rule((UNKNOWN,), GOTO, "a"), policy=DROP, a=[Rule((), ACCEPT)]) == {DROP, ACCEPT}
    assert judged(Rule((UNKNOWN,), RETURN), Rule((), ACCEPT), policy=DROP) == {DROP, ACCEPT}


def test_the_first_verdict_counts():
    """In a chain that is jumped to as well."""
    assert judged(Rule((IS,), ACCEPT), Rule((), DROP)) == {ACCEPT}
    assert judged(Rule((), JUMP, "a"), Rule((), ACCEPT), a=[Rule((IS,), DROP)]) == {DROP}
    assert judged(Rule((), JUMP, "a"), Rule((), DROP), a=[Rule((), RETURN)]) == {DROP}
    assert judged(Rule((), TRANSLATE), policy=DROP) == {TRANSLATE}


def test_a_chain_that_is_not_there_or_jumps_to_itself_is_open():
    """Nothing is claimed of it."""
    assert judged(Rule((), JUMP, "gone"), policy=DROP) == {ACCEPT, DROP}
    assert judged(Rule((), JUMP, "a"), policy=DROP, a=[Rule((), JUMP, "a")]) == {ACCEPT, DROP}


def test_a_chain_is_judged_once_however_often_it_is_jumped_to():
    """Sixteen jumps in each of sixteen chains are 16^16 ways, and no more work than 256 rules."""
    tree = {f"c{at}": [Rule((UNKNOWN,), JUMP, f"c{at + 1}")] * 16 for at in range(16)}
    assert judged(Rule((), JUMP, "c0"), policy=DROP, **tree, c16=[Rule((UNKNOWN,), DROP)]) == {DROP}


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (Condition("iif", ("lan*",)), True),
        (Condition("iif", ("lan*",), True), False),
        (Condition("iif", ("eth0", "lan0")), True),
        (Condition("iif", ("eth0", "lan00")), False),
        (Condition("oif", ("mape0",), True), False),
        (Condition("dport", ("80", "400-500")), True),
        (Condition("dport", ("80", "444-500")), False),
        (Condition("dport", ("https",)), None),
        (Condition("state", ("established", "related")), False),
        (Condition("state", ("established", "related"), True), True),
        (Condition("dnat", ("yes",)), False),
        (Condition("protocol", ("tcp",)), True),
        (Condition("family", ("ip6",)), False),
        (Condition("source", ("0.0.0.0/0",)), None),
        (Condition("iif", ("@",)), None),
        (Condition("iif", ("@", "lan0")), True),
        (UNKNOWN, None),
        (UNKNOWN._replace(negated=True), None),
    ],
)
def test_a_condition_is_met_missed_or_open(condition, answer):
    """By names with a * at their end, ranges, states; an unread set is open."""
    assert met([condition], LAN) is answer


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (("192.168.1.0/24",), True),
        (("192.168.1.1-192.168.1.9",), False),
        (("192.168.1.10",), True),
        (("2001:db8::/32",), False),
        (("2001:db8::1-2001:db8::9",), False),
        (("somewhere",), None),
    ],
)
def test_an_address_is_within_or_not(values, answer):
    """Where a packet has one, as that of a forward does."""
    assert met([Condition("destination", values)], LAN._replace(destination="192.168.1.10")) is (
        answer
    )


def test_actions_of_chains_that_the_packet_comes_to():
    """Those that it may meet, or meets in any case."""
    mark = Rule((ADDRESS,), SET_MARK, "0x0")
    inner = Chain(
        "t", "ip", "a", rules=(mark, Rule((IS_NOT,), SET_MARK, "0x1"), Rule((), JUMP, "a"))
    )
    base = Chain("t", "ip", "base", "filter", "forward", rules=(Rule((IS,), JUMP, "a"),))
    chains = {"a": inner, "base": base}
    possible = [*actions(base, chains, LAN, certain=False)]
    assert mark in possible
    assert all(rule.argument != "0x1" for rule in possible)
    assert mark not in [*actions(base, chains, LAN, certain=True)]


@pytest.mark.parametrize(
    ("first", "possible", "certain"),
    [
        (Rule((IS,), ACCEPT), False, False),
        (Rule((IS,), RETURN), False, False),
        (Rule((IS,), GOTO, "leaves"), False, False),
        (Rule((IS,), JUMP, "accepts"), False, False),
        (Rule((UNKNOWN,), ACCEPT), True, False),
        (Rule((UNKNOWN,), RETURN), True, False),
        (Rule((UNKNOWN,), JUMP, "accepts"), True, False),
        (Rule((IS,), JUMP, "leaves"), True, True),
        (Rule((IS_NOT,), ACCEPT), True, True),
        (Rule((UNKNOWN,), ""), True, True),
    ],
)
def test_an_action_after_a_verdict_is_not_come_to(first, possible, certain):
    """As notrack for all but the LAN, whose packets are accepted before."""
    notrack = Rule((), NOTRACK)
    base = Chain("t", "ip", "base", "filter", "prerouting", rules=(first, notrack))
    chains = {
        "base": base,
        "accepts": Chain("t", "ip", "accepts", rules=(Rule((), ACCEPT),)),
        "leaves": Chain("t", "ip", "leaves", rules=(Rule((), RETURN), Rule((), NOTRACK))),
    }
    for judged_certain, answer in ((False, possible), (True, certain)):
        assert (notrack in [*actions(base, chains, LAN, certain=judged_certain)]) is answer


def simulated(rules, policy, answers):
    """Return the one outcome of rules whose open conditions are met or not as ``answers`` say."""
    answers = iter(answers)
    for rule in rules:
        meets = all(next(answers) if one == UNKNOWN else one == IS for one in rule.conditions)
        if meets and rule.action == RETURN:
            return policy
        if meets and rule.action:
            return rule.action
    return policy


@given(
    st.lists(
        st.builds(
            Rule,
            st.lists(st.sampled_from([IS, IS_NOT, UNKNOWN]), max_size=2).map(tuple),
            st.sampled_from([ACCEPT, DROP, RETURN, ""]),
        ),
        max_size=5,
    ),
    st.sampled_from([ACCEPT, DROP]),
)
def test_the_outcomes_are_those_of_every_answer(rules, policy):
    """Exactly what comes of the packet for some answer to each open condition."""
    opened = sum(one == UNKNOWN for rule in rules for one in rule.conditions)
    every = {simulated(rules, policy, answers) for answers in product((True, False), repeat=opened)}
    assert judged(*rules, policy=policy) == every


@pytest.mark.parametrize(("field", "device"), [("iif", "lan0"), ("oif", "mape0")])
def test_a_device_may_be_given_by_its_beginning(field, device):
    """As lan*; the whole name, and another beginning, are no match of that kind."""
    for wanted, answer in ((f"{device[:2]}*", True), (device, True), ("xy*", False), ("xy", False)):
        assert met([Condition(field, (wanted,))], LAN) is answer
