"""The first [[policy]] that fits decides: its chains, read as nft reads them."""

import re
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_texts import LANS, having, policy

from dualwan.config import every_error
from dualwan.config.policies import PROTOCOLS
from dualwan.config.values import covers
from dualwan.line import derive_line
from dualwan.nft.table import CHAIN
from dualwan.slices.pbr import decision, policies

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
