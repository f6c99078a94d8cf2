"""[[policy]]: what may be written, what is refused, and that the first that fits decides."""

import json
import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from config_texts import refusal
from hypothesis import given
from hypothesis import strategies as st
from machine import BASE, Machine, config, marks_of, pending, run

from dualwan.config import every_error
from dualwan.config.policies import PROTOCOLS
from dualwan.config.values import covers
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, NO_TABLE, RouteRule
from dualwan.nft.table import CHAIN
from dualwan.report import policy as report
from dualwan.slices.pbr import decision, policies

LANS = BASE.replace('["lan0"]', '["lan0", "br-*"]')
MASK = 0x0F000000


def policy(way="pppoe", **keys):
    """Return a [[policy]] as text; keys are texts, numbers and lists."""
    lines = (f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return "\n".join((f'[[policy]]\nway = "{way}"', *lines, ""))


def having(*texts, base=LANS):
    """Return the configuration with these policies."""
    return config(base + "".join(texts))


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


# --- the first that fits decides --------------------------------------------------------------

NAMES = ("lan0", "br-a", "br-ab", "br-c")
HOSTS = [f"10.0.0.{n}" for n in range(8)]
NETWORKS = [*HOSTS, "10.0.0.0/30", "10.0.0.4/30", "10.0.0.2/31", "10.0.0.0/29"]
MACS = [f"02:00:00:00:00:{n:02x}" for n in (1, 2, 3)]


def some(values, most=3):
    """Return a strategy of lists, or of nothing."""
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


POLICIES = st.lists(
    st.fixed_dictionaries(
        {
            "way": st.sampled_from(["mape", "pppoe"]),
            "fallback": st.sampled_from(["mape", "pppoe", "none"]),
            "interface": some(["lan0", "br-a", "br-a*", "br-*"]),
            "source": some(NETWORKS),
            "destination": some(NETWORKS),
            "mac": some(MACS),
            "protocol": some(["tcp", "udp"]) | some(["icmp", "tcp"]),
            "port": some([1, 2, 3, "2-4", "1-9"]),
        }
    ),
    max_size=9,
)
PACKETS = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from([*MACS, ""]),
    st.sampled_from(HOSTS),
    st.sampled_from(HOSTS),
    st.sampled_from(["tcp", "udp", "icmp", "gre"]),
    st.integers(1, 10),
)


def written(drawn):
    """Return a policy as text, without what would be refused in it alone."""
    keys = {key: value for key, value in drawn.items() if value is not None}
    if keys["fallback"] == keys["way"]:
        del keys["fallback"]
    if {*keys.get("protocol", ())} - {"tcp", "udp"}:
        keys.pop("port", None)
    return policy(**keys)


def fits(one, packet):
    """Return whether a policy takes a packet: each condition by itself."""
    name, mac, source, destination, protocol, port = packet
    number = int(mac.replace(":", ""), 16) if mac else -1
    return (
        (not one.interfaces or any(covers(own, name) for own in one.interfaces))
        and (not one.macs or number in one.macs)
        and (not one.sources or any(IPv4Address(source) in net for net in one.sources))
        and (
            not one.destinations or any(IPv4Address(destination) in net for net in one.destinations)
        )
        and (not one.protocols or protocol in one.protocols)
        and (not one.ports or any(low <= port <= high for low, high in one.ports))
    )


def verdict_of(one):
    """Return the name of the chain that marks flows of a policy, "accept" for the default way."""
    if one is None:
        return "none fits"
    if one.fallback == "mape":
        return "accept" if one.way == "mape" else f"by_{one.way}"
    return f"by_{one.way}_or_{one.fallback}"


class Chains:
    """What the chains do with a packet, read from their text as nft reads it."""

    def __init__(self, blocks, packet):
        self.chains = {one.name: one.lines for one in blocks if one.kind == CHAIN}
        name, mac, source, destination, protocol, port = packet
        self.values = {
            "iifname": name,
            "ether saddr": mac and int(mac.replace(":", ""), 16),
            "ip saddr": int(IPv4Address(source)),
            "ip daddr": int(IPv4Address(destination)),
            "meta l4proto": PROTOCOLS[protocol],
            "th dport": port if protocol in {"tcp", "udp"} else None,
        }

    def verdict(self, name="policies"):
        """Return where the packet ends, "" for nowhere."""
        for rule in self.chains[name]:
            word, _, target = (self.of_rule(rule) or "").partition(" ")
            if word == "accept" or target.startswith("by_"):
                return target or word
            if word == "return":
                return ""
            if word == "goto":
                return self.verdict(target)
            if word == "jump" and (found := self.verdict(target)):
                return found
        return ""

    def of_rule(self, rule):
        """Return the verdict of a rule, None where it does not match."""
        if re.fullmatch(r"(goto|jump) \w+|accept|return", rule):
            return rule
        if rule.startswith("iifname != "):
            return None  # each packet is one of the LAN
        field, is_map, inner, after = re.fullmatch(
            r'([a-z0-9 ]+?) (vmap )?(?:(\{ .* \})|"[^"]*")(?: (.*))?', rule
        ).groups()
        inner = inner or re.search(r'"[^"]*"', rule)[0]
        for item in inner.strip("{} ").split(", "):
            key, _, verdict = item.partition(" : ")
            if self.is_in(self.values[field], key):
                return verdict if is_map else after
        return None

    @staticmethod
    def is_in(value, key):
        """Return whether a value is in an element of a set."""
        if value in (None, ""):
            return False
        if key.startswith('"'):
            return covers(key.strip('"'), value)
        if "/" in key:
            return IPv4Address(value) in IPv4Network(key)

        def number(text):
            if ":" in text:
                return int(text.replace(":", ""), 16)
            return int(IPv4Address(text)) if "." in text else int(text)

        low, _, high = key.partition("-")
        return number(low) <= value <= number(high or low)


def kept(drawn):
    """Return the configuration of those policies that are reached, the others left out."""
    texts = []
    for one in map(written, drawn):
        if every_error.of_text("f", LANS + "".join([*texts, one]), {}) is None:
            texts.append(one)
    return having(*texts)


@given(POLICIES, st.lists(PACKETS, min_size=8, max_size=8), st.sampled_from([4, 4096]))
def test_the_first_that_fits_decides(drawn, packets, largest):
    """In the chains as in the list, whether they are one part or many."""
    cfg = kept(drawn)
    if not cfg.policies:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision, "LARGEST", largest)
        blocks = policies.chains(cfg, derive_line(cfg).ways)
    for packet in packets:
        first = next((one for one in cfg.policies if fits(one, packet)), None)
        assert (Chains(blocks, packet).verdict() or "none fits") == verdict_of(first), packet


def test_many_of_one_shape_are_one_lookup_each():
    """A thousand hosts, a thousand ports: a map, whatever the ways are."""
    texts = [
        policy(("mape", "pppoe")[n % 2], source=f"10.{n // 250}.{n % 250}.1") for n in range(200)
    ]
    blocks = policies.chains(having(*texts), derive_line(having(*texts)).ways)
    assert [one.name for one in blocks] == ["policies", "source_1", "by_pppoe"]
    assert len(blocks[1].lines) == 1


def test_a_list_of_all_shapes_has_an_end():
    """As many parts as it needs, none larger than the kernel has patience for."""
    shapes = (
        lambda n: {"source": f"10.0.{n}.0/24"},
        lambda n: {"port": 1000 + n},
        lambda n: {"mac": f"02:00:00:00:01:{n:02x}"},
        lambda n: {"destination": f"198.18.{n}.0/24"},
    )
    texts = [policy(("mape", "pppoe")[n // 4 % 2], **shapes[n % 4](n)) for n in range(100)]
    cfg = having(*texts)
    blocks = policies.chains(cfg, derive_line(cfg).ways)
    assert 1 < len(blocks[0].lines) < 10
    assert sum(line.count(",") for one in blocks for line in one.lines) < 3000


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
