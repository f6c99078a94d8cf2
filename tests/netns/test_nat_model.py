"""The NAT program keeps to the rules of its reference model, flow by flow."""

import random
import re
from collections import Counter
from contextlib import closing

import pytest
from flows import HOSTS, elsewhere, flow
from model import LOST, REFUSED, Model

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.slices.snat.ports import pool

SMALL, TINY, V6PLUS = (100, 9, 0), (100, 10, 5), (52, 8, 4)  # 128 ports, 62, and 240
FEW, MANY = HOSTS[:2], HOSTS[:4]


def flows(seed, hosts, endpoints, targets, count=1000):
    """Return COUNT random flows, no two alike, of few ENDPOINTS a host to few TARGETS."""
    dice = random.Random(seed)  # noqa: S311 - the same each time
    found = {}
    while len(found) < count:
        kind = dice.choice(("tcp", "tcp", "udp", "udp", "icmp"))
        host = dice.choice((*hosts, hosts[0]))
        to = (elsewhere(dice.randrange(targets)),)
        if kind != "icmp":
            to += (dice.choice((53, 443)),)
        found[kind, host, 20000 + dice.randrange(endpoints), *to] = None
    return list(found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shape", "percent", "hosts", "endpoints", "targets"),
    [
        (SMALL, 50, FEW, 400, 1),
        (SMALL, 50, FEW, 100, 6),
        (SMALL, 15, MANY, 300, 1),
        (SMALL, 15, MANY, 60, 4),
        (SMALL, 100, MANY, 300, 1),
        (TINY, 100, MANY, 100, 2),
        (TINY, 50, FEW, 200, 1),
        (V6PLUS, 50, FEW, 500, 1),
    ],
)
def test_decisions_are_those_of_the_model(rules, shape, percent, hosts, endpoints, targets, seed):
    """Ports taken, flows refused and flows lost: of a thousand random flows, each.

    Where ports are short too, who is refused and who is lost depends on the clock: a flow that
    was lost counts for its host for a tick or two.
    """
    line = rules(shape=shape, mape=f"max-share = {percent}")
    softwire = derive_line(load(line.config)).softwire
    ports = pool(str(softwire.ipv4), softwire.port_set).ports
    model = Model(ports, max(1, len(ports) * percent // 100) if percent < 100 else None)
    some = flows(seed, hosts, endpoints, targets)
    seen = arrived(line, some)
    losses = Counter()
    for one, outer in zip(some, seen, strict=True):
        allowed = model.flow(*one)
        if outer is None:
            assert allowed in {REFUSED, LOST}
            losses[one[1] if allowed == REFUSED else LOST] += 1
        else:
            assert outer in allowed
            model.has(outer, *one)
    refused = (
        {
            host: int(count)
            for host, count in re.findall(
                r"([0-9.]+) counter packets (\d+)", line.elements("refused")
            )
        }
        if percent < 100
        else {}
    )
    assert sum(refused.values()) + line.counter("no_port") == losses.total()
    if not losses[LOST]:
        assert refused == {host: losses[host] for host in hosts if losses[host]}


def arrived(line, some):
    """Send the first packet of each flow; return its port outside, None if it did not arrive."""
    found = []
    with closing(line.watch()) as watch:
        for one in some:
            line.send([flow(*one)])
            seen = watch.seen()
            assert len(seen) <= 1
            found.append(seen[0].sport if seen else None)
    return found
