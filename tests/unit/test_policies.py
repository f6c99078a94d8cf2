"""[[policy]]: what may be written, what is refused, its rules, and what a person is shown."""

import re
from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from config_texts import refusal
from machine import Machine, config, marks_of, pending, run
from policy_texts import LANS, having, policy

from dualwan.config import every_error
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, NO_TABLE, RouteRule
from dualwan.report import policy as report

MASK = 0x0F000000


# --- what may be written ----------------------------------------------------------------------


def test_a_value_stands_for_a_list_of_one():
    """Each condition can be one value or several, and overlaps are merged."""
    keys = {
        "interface": "br-a",
        "source": "192.168.1.5",
        "mac": "02:00:5E:10:00:01",
        "protocol": "tcp",
        "port": 443,
        "destination": "198.51.100.0/24",
    }
    one = having(policy(**keys)).policies
    assert one == having(policy(**{key: [value] for key, value in keys.items()})).policies
    assert (one[0].way, one[0].fallback, one[0].macs) == ("pppoe", "mape", (0x02005E100001,))
    [many] = having(
        policy(
            source=["192.168.1.0/25", "192.168.1.128/25"],
            port=["100-200", 201, "150-300", 8080],
            mac=["02-00-5e-10-00-01", "02:00:5e:10:00:01"],
        )
    ).policies
    assert many.sources == (IPv4Network("192.168.1.0/24"),)
    assert (many.ports, many.protocols) == (((100, 300), (8080, 8080)), ("tcp", "udp"))
    assert many.macs == one[0].macs


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ({"way": "ppp"}, "way", "must be one of mape, pppoe, not 'ppp'"),
        ({"fallback": "nothing"}, "fallback", "must be one of mape, pppoe, none, not 'nothing'"),
        ({"fallback": "pppoe"}, "fallback", "is the policy's own way: leave it out"),
        ({"interface": "wan0"}, "interface", "'wan0' is no interface of the LAN (lan0, br-*)"),
        ({"interface": "lan*x"}, "interface", "'lan*x' has a * that is not its end"),
        ({"source": "192.168.1.5/24"}, "source", "no host or network"),
        ({"source": ["2001:db8::/64"]}, "source", "is IPv6, which has no choice of ways"),
        ({"destination": "::"}, "destination", "is IPv6, which has no choice of ways"),
        ({"source": 5}, "source", "5 is no host or network such as"),
        ({"source": []}, "source", "is empty: the policy would take nothing"),
        ({"mac": "02:00:5e:10:00"}, "mac", "is no link address such as"),
        ({"mac": "ff:ff:ff:ff:ff:ff"}, "mac", "is not the link address of one device"),
        ({"mac": "00:00:00:00:00:00"}, "mac", "is not the link address of one device"),
        ({"protocol": "tpc"}, "protocol", "must be one of tcp, udp, icmp, esp, gre, 6in4"),
        ({"port": 0}, "port", "must be a number from 1 to 65535, not 0"),
        ({"port": True}, "port", "must be a number from 1 to 65535, not True"),
        ({"port": "9-5"}, "port", "must be a port or a range of ports from 1 to 65535"),
        ({"port": 53, "protocol": ["tcp", "icmp"]}, "port", "icmp has no ports"),
        ({"sorce": "192.168.1.5"}, "sorce", "unknown key 'sorce'; did you mean 'source'?"),
    ],
)
def test_what_is_refused(keys, key, says):
    """With the line, the key and the reason."""
    text = LANS + policy(source="10.9.9.9") + policy(**{"way": "pppoe", **keys})
    line, message = refusal(text)
    assert text.splitlines()[line - 1].startswith(key)
    assert message.startswith(f"policy.{key}: ")
    assert says in message


def test_it_is_an_array_of_tables():
    """One in single brackets is told so."""
    assert refusal(LANS + '[policy]\nway = "pppoe"\n')[1] == (
        "policy: must be tables, as in [[policy]]"
    )


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ({}, {}),
        ({}, {"source": "192.168.1.5", "interface": "lan0"}),
        ({"source": "192.168.0.0/16"}, {"source": ["192.168.1.5", "192.168.7.0/24"]}),
        ({"source": ["10.0.0.0/25", "10.0.0.128/25"]}, {"source": "10.0.0.0/24", "port": 80}),
        ({"interface": "br-*"}, {"interface": ["br-a", "br-b*"]}),
        ({"port": "1-100"}, {"port": [5, "7-9"], "protocol": "udp"}),
        ({"protocol": ["tcp", "icmp"]}, {"protocol": "tcp", "port": 80}),
        ({"mac": ["02:00:5e:10:00:01", "02:00:5e:10:00:02"]}, {"mac": "02:00:5e:10:00:02"}),
    ],
)
def test_one_that_an_earlier_one_leaves_nothing_of_is_refused(wider, narrower):
    """Nobody would see that it does nothing. The other way round the first is an exception."""
    text = LANS + policy(**wider) + policy("mape", **narrower)
    line, message = refusal(text)
    assert (line, message) == (
        text[: text.rindex("[[policy]]")].count("\n") + 1,
        f"policy: takes nothing: dualwan.toml:{LANS.count(chr(10)) + 1} takes all of it before",
    )
    if wider != narrower:
        having(policy("mape", **narrower), policy(**wider))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"source": "192.168.1.0/25"}, {"source": "192.168.1.0/24"}),
        ({"source": "192.168.1.5"}, {"destination": "192.168.1.5"}),
        ({"interface": "br-a"}, {"interface": "br-*"}),
        ({"port": 80}, {"protocol": "tcp"}),
        ({"protocol": "tcp"}, {"port": 80}),
        ({"source": "192.168.1.5", "port": 80}, {"source": "192.168.1.5"}),
    ],
)
def test_one_that_keeps_something_is_not(first, second):
    """However little that is."""
    assert len(having(policy(**first), policy("mape", **second)).policies) == 2


def test_the_short_form_is_the_last_policy():
    """Also where it is only an exception; alone it is what it always was."""
    base = LANS.replace("[mape]", 'via-pppoe = ["192.168.1.20"]\nfallback = "none"\n[mape]')
    last = having(policy("mape", port=80), base=base).policies[-1]
    assert (last.way, last.fallback, last.sources) == (
        "pppoe",
        "none",
        (IPv4Network("192.168.1.20/32"),),
    )
    assert having(base=base).policies == ()
    line, message = refusal(base + policy("mape", source="192.168.0.0/16"))
    assert base.splitlines()[line - 1].startswith("via-pppoe")
    assert message.startswith("lan.via-pppoe: takes nothing: dualwan.toml:")


def test_all_errors_are_told_and_none_that_follows():
    """A policy whose source is wrong does not leave nothing to the next."""
    text = LANS + policy(source="?") + policy("mape", source="10.0.0.1") + policy(mac="?")
    found = every_error.of_text("f", text, {})
    assert [re.match(r"f:\d+: (\S+):", one)[1] for one in found.lines] == [
        "policy.source",
        "policy.mac",
    ]


def test_the_rule_after_the_last_has_to_fit_before_mains():
    """The kernel looks up main at 32766."""
    text = LANS.replace("dial = false", "dial = false\npriority = 32763")
    config(text)
    assert refusal(text + policy())[1].startswith("pppoe.priority: must be 32762 at most")


# --- rules and marks --------------------------------------------------------------------------


def alone(mark, priority, table):
    """Return the rules of flows that take a way or nothing, that way up."""
    return {
        RouteRule(priority - 1, MAIN, mark=mark, mask=MASK, suppress=7),
        RouteRule(priority + 1, table, mark=mark, mask=MASK),
        RouteRule(priority + 2, NO_TABLE, mark=mark, mask=MASK),
    }


@pytest.mark.parametrize(
    ("texts", "marks"),
    [
        ([policy()], []),
        ([policy("mape", source="10.0.0.1"), policy()], []),
        ([policy(fallback="none")], [(0x09000000, 100, 100)]),
        ([policy("mape", fallback="none")], [(0x0B000000, 101, 101)]),
        (
            [policy("mape", fallback="pppoe")],
            [(0x09000000, 100, 100), (0x0B000000, 101, 101)],
        ),
    ],
)
def test_a_way_or_nothing_has_rules_that_end(texts, marks):
    """Of each way by which some flows go or not at all. A second run plans nothing.

    With the default way as their fallback, flows have the mark of those that came in.
    """
    cfg, machine = having(*texts), Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    assert run(machine, cfg, Event.UP) == []
    wanted = set().union(*(alone(*one) for one in marks))
    assert {one for one in machine.state.rules if one.mark & 0x08000000} == wanted
    assert pending(machine, cfg, Event.APPLY) == []
    assert run(machine, cfg, Event.REMOVE) == []
    assert machine.state.rules == ()


def test_a_rule_without_a_table_is_shown_as_ip_shows_it():
    """As what it does."""
    assert RouteRule(102, NO_TABLE, mark=0x09000000, mask=MASK).text == (
        "rule 102: fwmark 0x9000000/0xf000000 unreachable"
    )


def test_what_failover_has_replaced_is_down_for_new_flows():
    """Its rule goes with the WAN's default route, and comes back with it; old flows keep theirs."""
    base = LANS.replace('interface = "wan0"', 'interface = "wan0"\nfailover = true', 1)
    cfg, machine = having(policy("mape", fallback="none"), base=base), Machine("wan0", "lan0")
    by_mape = RouteRule(102, 101, mark=0x0B000000, mask=MASK)
    assert run(machine, cfg, Event.UP) == []
    assert by_mape in machine.state.rules
    machine.state = replace(machine.state, ipv6_default=False)
    assert run(machine, cfg, Event.APPLY) == []
    assert by_mape not in machine.state.rules
    assert RouteRule(102, 101, mark=0x03000000, mask=MASK) in machine.state.rules


def test_without_policies_there_is_nothing_of_them():
    """Neither a chain nor a rule."""
    assert "policies" not in marks_of(config())


# --- what a person is shown -------------------------------------------------------------------


def test_show_policy_has_a_row_for_each_in_their_order():
    """With its conditions, the way, and what happens while that is down."""
    base = LANS.replace("[mape]", 'via-pppoe = ["192.168.1.20"]\n[mape]')
    cfg = having(
        policy(interface="br-*", source="10.0.0.0/8", port=[53, "8000-8010"], fallback="none"),
        policy("mape", protocol="icmp", destination="198.51.100.9", mac="02:00:5e:10:00:01"),
        base=base,
    )
    rows = [one for one in report.rows(cfg, derive_line(cfg).ways) if "internet by IPv4" in one[1]]
    assert [tuple(one) for one in rows[:3]] == [
        (
            "LAN, br-*, 10.0.0.0/8",
            "internet by IPv4",
            "TCP, UDP to 53, 8000-8010",
            "by PPPoE (ppp0); while it is down refused",
        ),
        (
            "LAN, 02:00:5e:10:00:01",
            "internet by IPv4, 198.51.100.9",
            "ICMP",
            "by MAP-E (mape0)",
        ),
        (
            "LAN, 192.168.1.20",
            "internet by IPv4",
            "everything",
            "by PPPoE (ppp0); while it is down by MAP-E",
        ),
    ]
