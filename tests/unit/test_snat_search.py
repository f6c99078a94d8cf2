"""The search for a free port: from which ones, and a jump made many times (slices.snat.repeat)."""

from hypothesis import given
from hypothesis import strategies as some
from machine import config, wanted_of

from dualwan.slices import snat
from dualwan.slices.snat import names, repeat
from dualwan.slices.snat.ports import LARGEST

DEPTH = 16  # NFT_JUMP_STACK_SIZE


def followed(rules, chains, depth=1):
    """Return how often the jumps of ``rules`` reach a chain that is none of ``chains``."""
    assert depth < DEPTH
    found = 0
    for rule in rules:
        verdict, target = rule.split()
        assert verdict == "jump"
        found += followed(chains[target], chains, depth + 1) if target in chains else 1
    return found


def made(count, most):
    """Return the groups of `jumps`, and the rules of each chain for ``most`` of them."""
    chains = repeat.chains("p_take", names.TAKES, "p", most)
    groups = repeat.jumps("p_take", names.TAKES, "p", count)
    return groups, {block.name: block.lines for block in chains}


@given(some.data())
def test_it_jumps_as_often_as_is_asked_for(data):
    """Whatever number, also with chains that were made for more."""
    most = data.draw(some.integers(0, LARGEST))
    count = data.draw(some.integers(0, most))
    groups, chains = made(count, most)
    assert followed((rule for group in groups for rule in group), chains) == count


def test_the_shortest_come_first():
    """So that a port found soon costs few tests more: eight, and not five hundred."""
    groups, chains = made(1007, 1007)
    reached = [followed(group[:1], chains) for group in groups]
    assert reached == [1, 8, 64, 512]


def test_a_thousand_take_few_rules():
    """The time and memory that a table takes when it is loaded go by its rules."""
    groups, chains = made(1007, 1007)
    assert sum(map(len, groups)) + sum(map(len, chains.values())) < 50


def test_every_port_is_as_likely_as_another():
    """A free port is drawn by lot from all ports, whatever the host, before any is tried in turn.

    So who has seen any number of packets cannot tell the next port (RFC 6056 section 3.3).
    """
    chains = {block.name: block.lines for block in wanted_of(snat, config()).blocks}
    for protocol in ("tcp", "udp", "icmp"):
        [draw] = chains[f"{protocol}_draw"]
        name = "identifiers" if protocol == "icmp" else "ports"
        assert f" set numgen random mod 1008 map @{name} comment " in draw
        search = chains[f"{protocol}_search"]
        assert search[0] == f"jump {protocol}_draw"
        draws = next(at for at, rule in enumerate(search) if "_next" in rule)
        assert sum(_draws(chains, rule) for rule in search[:draws]) == 1008


def _draws(chains, rule):
    """Return how many ports are drawn by ``rule`` where none will do."""
    verdict, target, *_ = rule.split()
    if verdict != "jump":
        return 0
    return sum(_draws(chains, one) for one in chains[target]) if "_probes_" in target else 1
