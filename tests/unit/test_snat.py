"""The program that translates, as a graph: what every table has in common."""

import re
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from config_texts import BY_RULE
from golden_cases import nft_cases, plan_cases
from machine import BASE, config, wanted_of, wanted_tables

from dualwan.line import derive_line
from dualwan.mape.portset import PortSet
from dualwan.model.observed import Observed
from dualwan.model.state import RunState
from dualwan.nft.table import DeviceShortcut
from dualwan.slices import Situation, firewall, snat
from dualwan.slices.firewall import lan_flows
from dualwan.slices.snat import allocate, names, timeouts
from dualwan.slices.snat.mape_inbound import MapeInbound
from dualwan.slices.snat.ports import pool
from dualwan.slices.snat.quota import Quota

OLD_SETS = Path(__file__).parents[1] / "data" / "sets-of-0.1.0.nft"
GOLDEN = {case.text: case.name for case in (*plan_cases(), *nft_cases())}
PREFIXES = ("2001:db8:0:100::/56",)
JUMPS = 16  # netfilter's NFT_JUMP_STACK_SIZE
COMMENT = 128  # bytes that nft takes
SPOILED = re.compile(r' comment "[^"]*"$')
GAP = re.compile(r"\bNone\b|\S  +\S|\{ *\}|, *[,}]|@( |$)|^$")
LEADS_ON = re.compile(r"goto ")
SETS_OF_GUARD = 2 * (5 + 1)  # a family: one a hit, and who is refused
MORE = {
    "all ports": "max-share = 100",
    "little": "max-share = 10",
    "open": 'open-nat = ["192.168.1.10"]',
    "128 ports": "psid = 100\npsid-length = 9\npsid-offset = 0",
    "8 ports": "psid-length = 8\npsid-offset = 5",
    "one port": "psid = 5000\npsid-length = 16\npsid-offset = 0",
    "many ports": "psid-length = 2",
}


class Graph:
    """The chains of a table, without comments, and where their rules lead."""

    def __init__(self, table):
        self.chains = {
            block.name: [
                SPOILED.sub("", line)
                for line in block.lines
                if not isinstance(line, DeviceShortcut)
            ]
            for block in table.blocks
            if block.kind == "chain"
        }
        self.ways = {
            name: set(re.findall(r"\b(jump|goto) ([\w-]+)", "\n".join(rules)))
            for name, rules in self.chains.items()
        }
        self.hooked = [block.name for block in table.blocks if block.hook]

    def reachable(self):
        """Return the chains that a packet can come by."""
        found = list(self.hooked)
        for chain in found:
            found += {to for _, to in self.ways[chain]} - set(found)
        return set(found)

    def depth(self, chain):
        """Return how many jumps deep a packet can get from CHAIN."""
        return max((self.depth(to) + (verb == "jump") for verb, to in self.ways[chain]), default=0)

    def ends(self, chain):
        """Return the last rules that a packet that never comes back from CHAIN can have met."""
        last = self.chains[chain][-1] if self.chains[chain] else ""
        found = set() if LEADS_ON.match(last) else {last}
        return found.union(*(self.ends(to) for verb, to in self.ways[chain] if verb == "goto"))


@cache
def tables(text):
    """Return the tables of a configuration."""
    found = config(text)
    return wanted_tables(found, derive_line(found, PREFIXES))


def with_lines(lines):
    """Return the base configuration with LINES in [mape]."""
    keys = [line.split(" =")[0] for line in lines.splitlines()]
    kept = [line for line in BASE.splitlines() if line.split(" =")[0] not in keys]
    at = kept.index("[mape]") + 1
    return "\n".join([*kept[:at], *lines.splitlines(), *kept[at:], ""])


EVERY = pytest.mark.parametrize(
    "made",
    [
        *(pytest.param(lambda text=text: tables(text), id=name) for text, name in GOLDEN.items()),
        *(
            pytest.param(lambda lines=lines: tables(with_lines(lines)), id=name)
            for name, lines in MORE.items()
        ),
    ],
)


@EVERY
def test_every_chain_is_there_and_reachable(made):
    """No rule leads nowhere, and nothing is loaded that no packet can come by."""
    for table in made():
        graph = Graph(table)
        for chain in graph.chains:
            assert {to for _, to in graph.ways[chain]} <= set(graph.chains)
        assert graph.reachable() == set(graph.chains)


@EVERY
def test_jumps_are_no_deeper_than_netfilter_goes(made):
    """It drops what is 16 jumps deep; ours are a few."""
    for table in made():
        graph = Graph(table)
        assert max(graph.depth(chain) for chain in graph.chains) < JUMPS // 2


@EVERY
def test_allocation_ends_in_a_translation(made):
    """Whatever happens on the way: no new flow by the tunnel falls out of the chains."""
    graph = Graph(made()[1])
    for protocol in ("tcp", "udp", "icmp"):
        if (start := names.ALLOCATE.of(protocol)) in graph.chains:
            for rule in graph.ends(start):
                assert re.match(rf"meta l4proto {protocol} snat ip to ", rule)


@EVERY
def test_the_quota_refuses_only_what_leaves_by_the_tunnel(made):
    """A flow beyond the share goes on if it leaves by another way."""
    graph = Graph(made()[1])
    if (start := names.QUOTA_EXCEEDED.name) in graph.chains:
        [rule] = graph.chains[start]
        assert re.fullmatch(r'fib daddr \. mark oifname "\w+" goto refuse', rule)
        assert graph.ends(names.REFUSE.name) == {"reject with icmp admin-prohibited"}


@EVERY
def test_everything_has_a_name_and_a_comment(made):
    """What `nft list ruleset` shows at night says what it is for, and is in names.py."""
    for table in made():
        for block in table.blocks:
            text = block.source()
            assert all(len(found) <= COMMENT for found in re.findall(r'comment "([^"]*)"', text))
            assert block.comment or block.kind != "chain"
    for block in made()[1].blocks:
        if block.kind == "chain":
            patterns = [
                re.sub(r"\\{\\}", r"\\w+", re.escape(one.name))
                for one in vars(names).values()
                if isinstance(one, names.Chain)
            ]
            assert any(re.fullmatch(pattern, block.name) for pattern in patterns)


@EVERY
def test_no_word_of_a_rule_is_missing(made):
    """No value is left out and no list is empty: nft would refuse the whole table."""
    for table in made():
        for line in table.source().splitlines():
            assert not GAP.search(line.strip()), line


@EVERY
def test_a_rule_with_a_number_says_where_it_is_from(made):
    """Limits, counts of ports and bits of the PSID are explained beside the rule."""
    for block in made()[1].blocks:
        for line in block.lines if block.kind == "chain" else ():
            if isinstance(line, str) and re.search(r"\bct count over|numgen|sport & 0x0[^0]", line):
                assert SPOILED.search(line)


OCN = pool("192.0.2.18", PortSet(1, 6, 6))


def test_the_limit_of_counting_is_explained():
    """504 stands in the kernel beside where it is from."""
    assert (
        "add @tcp_held { ether saddr . ip daddr . th dport ct count over 504 } "
        'goto quota_exceeded comment "504 = 50 % of 1008 ports"'
    ) in wanted_of(snat, config()).source()


@pytest.mark.parametrize(("percent", "limit"), [(100, 1008), (50, 504), (13, 131), (10, 100)])
def test_the_limit_is_a_part_of_the_ports(percent, limit):
    """Rounded down."""
    assert Quota(OCN, percent).limit == limit


def test_without_a_quota_no_flow_is_counted_for_a_host():
    """What is only there for the quota is not loaded where it refuses nobody."""
    made = tables(with_lines(MORE["all ports"]))[1]
    assert not any("quota" in chain for chain in Graph(made).chains)
    assert not any("held" in block.name for block in made.blocks)


def test_endpoints_are_remembered_for_as_long_as_the_rfc_asks():
    """UDP: 2 min are the least, an hour is more than a console pauses (RFC 4787 REQ-5)."""
    lasts = {block.name: block.lines[-1] for block in allocate.sets("") if block.kind == "map"}
    assert lasts == {
        "tcp_mappings": "timeout 15m",
        "udp_mappings": "timeout 1h",
        "icmp_mappings": "timeout 1m",
    }


@pytest.mark.parametrize("count", [1, 2, 6, 7, 40, 500])
def test_an_open_host_has_a_share_of_the_peers_and_no_more(count):
    """What it may add at once and within their lifetime; all shares together fit in the map."""
    hosts = [IPv4Address(f"192.168.{at // 250}.{1 + at % 250}") for at in range(count)]
    made = MapeInbound("192.0.2.18", "mape0", (), hosts)
    [rule] = [str(line) for line in made.learning()[0].lines if "new_peers" in str(line)]
    rate, burst = map(int, re.search(r"rate (\d+)/minute burst (\d+) packets", rule).groups())
    assert rate > 0
    assert 5 * rate + burst <= made.share <= 10_000
    assert made.share * count <= 65536
    [peers] = [one for one in made.sets("") if one.name == "open_peers"]
    assert peers.lines[1:] == ("size 65536", "flags dynamic,timeout", "timeout 5m")


def test_a_device_without_answers_has_a_quarter_of_conntrack():
    """As many flows as it may begin while the first of them are in it (RFC 5382 REQ-5)."""
    chains = lan_flows.chains(config())
    rules = next(block for block in chains if block.name == "lan_flows").lines
    limits = [re.findall(r"rate (\d+)/second burst (\d+) ", str(rule)) for rule in rules]
    bounds = max(limits, key=len)
    assert limits.count(bounds) == 2, "also for those without room"
    rate, burst = map(int, bounds[1])
    [tcp] = [str(one.lines) for one in timeouts.objects() if one.name == "tunnel_tcp"]
    seconds = int(re.search(r"syn_sent : (\d+)", tcp)[1])
    assert burst + rate * seconds <= 18_000
    guests = config(BASE + '[zone.guest]\ninterfaces = ["guest0"]\n')
    [together] = [one for one in lan_flows.chains(guests) if one.name == "zone_all_flows_guest"]
    all_rate, all_burst = map(int, re.findall(r"rate (\d+)/second burst (\d+) ", str(together))[1])
    assert all_burst + all_rate * seconds <= 30_000
    readme = Path(firewall.__file__).with_name("README.md").read_text()
    assert f"{rate} new flows a second, {burst} at once" in readme
    assert "18,000" in readme
    assert f"for minutes {all_rate} a second, {all_burst} at once" in readme
    assert "30,000" in readme


def test_sets_are_those_of_0_1_0():
    """Another name or another term would forget what they hold at an upgrade."""
    with_open = tables(with_lines(MORE["open"]))[1]
    learned = [
        block
        for block in with_open.blocks
        if re.search(r"_flows$|_mappings$|^open_|^refused$", block.name) and block.kind != "chain"
    ]
    learned += wanted_of(firewall, config()).blocks[:SETS_OF_GUARD]
    assert "".join(block.source() + "\n" for block in learned) == "".join(
        line for line in OLD_SETS.read_text().splitlines(keepends=True) if line.startswith("\t")
    )


def test_the_line_cannot_have_every_forward():
    """A port that is another subscriber's is said, and only that one is left out."""
    own, foreign = 1024 + 0x34 * 4, 1024 + 0x35 * 4
    more = "".join(
        f'\n[[forward]]\nvia = "mape"\nprotocol = "tcp"\nport = {port}\nto = "192.168.1.10:80"\n'
        for port in (own, foreign)
    )
    cfg = config(BY_RULE + more)
    line = derive_line(cfg, ["2001:db8:12:3400::/56"])
    (problem,) = snat.bring_up(Situation(cfg, line, RunState(), Observed())).problems
    assert str(foreign) in problem
    assert f"{{ {own} : 192.168.1.10 . 80 }}" in snat.wanted_table(cfg, line.ways).source()
