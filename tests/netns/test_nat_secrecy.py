"""Who sees any number of the line's packets cannot tell the next source port."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from flows import HOSTS, TARGET, elsewhere, flow
from natlab import OCN, V6PLUS

KINDS = ("tcp", "udp", "icmp")
RESOLVER = HOSTS[0]
LUCKY = 30  # hits of about 6000 guesses: chance makes 6 with 1008 ports, and 30 once in 10**11


def ports(line, kind, numbers, *, to=elsewhere, host=RESOLVER):
    """Return the outer ports of flows to TO(number), in their order."""
    seen = line.passed([flow(kind, host, 1024 + number, to(number), 53) for number in numbers])
    assert len(seen) == len(numbers)
    return [packet.sport for packet in seen]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_seen_before_does_not_tell_the_next_port(rules, kind):
    """An observer notes what followed each port; his guesses are no better than by chance."""
    line = rules()
    seen = ports(line, kind, range(12000))
    followers = defaultdict(Counter)
    for before, after in pairwise(seen[:6001]):
        followers[before][after] += 1
    hits = sum(
        after == followers[before].most_common(1)[0][0]
        for before, after in pairwise(seen[6000:])
        if followers[before]
    )
    assert hits < LUCKY


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "size"), [(OCN, 1008), (V6PLUS, 240)])
def test_each_port_is_as_likely_as_another(rules, shape, size, kind):
    """Of one host's flows to one destination, that come and go: no part of the set is preferred.

    The chi-square of as many cells stays below its mean and eight deviations.
    """
    line, counted, turns, each = rules(shape=shape), Counter(), 60, size // 4
    for turn in range(turns):
        numbers = range(turn * each, (turn + 1) * each)
        counted.update(ports(line, kind, numbers, to=lambda _: TARGET))
        line.forget()
        line.empty(kind)
    assert set(counted) == set(line.all_ports())
    mean = turns * each / size
    chi = sum((counted[port] - mean) ** 2 / mean for port in line.all_ports())
    assert chi < size + 8 * (2 * size) ** 0.5


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_two_homes_with_the_same_configuration_have_another_order(rules, kind):
    """The order is not in the configuration, nor in what follows from the line's addresses."""
    line = rules()
    first = ports(line, kind, range(200))
    line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
    line.forget()
    line.apply("snat")
    second = ports(line, kind, range(200))
    assert sum(one == other for one, other in zip(first, second, strict=True)) < LUCKY


def test_a_host_cannot_be_told_by_its_ports(rules):
    """Ports of two hosts are of the same set: neither has a part of its own."""
    line = rules()
    of_each = [
        set(ports(line, "udp", range(at * 3000, (at + 1) * 3000), host=host))
        for at, host in enumerate(HOSTS[:2])
    ]
    for found in of_each:
        assert len(found) > 900
