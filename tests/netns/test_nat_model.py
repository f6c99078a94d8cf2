"""The NAT program takes the decisions of its reference model, flow by flow."""

import random
import re
from collections import Counter

import pytest
from flows import HOSTS, elsewhere, flow
from model import LOST, REFUSED, Model

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.slices.snat.ports import pool

SMALL, TINY, V6PLUS = (100, 9, 0), (100, 10, 5), (52, 8, 4)  # 128 ports, 62, and 240
NEAR, APART = (HOSTS[0], HOSTS[8]), HOSTS[:2]  # of one bucket, and of two
MANY = (*HOSTS[:3], HOSTS[8])


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
        (SMALL, 50, NEAR, 400, 1),
        (SMALL, 50, APART, 400, 1),
        (SMALL, 50, APART, 100, 6),
        (SMALL, 15, MANY, 300, 1),
        (SMALL, 15, MANY, 60, 4),
        (SMALL, 100, MANY, 300, 1),
        (TINY, 100, MANY, 100, 2),
        (TINY, 50, APART, 200, 1),
        (V6PLUS, 50, NEAR, 500, 1),
    ],
)
def test_decisions_are_those_of_the_model(  # noqa: PLR0913, PLR0917
    rules, shape, percent, hosts, endpoints, targets, seed
):
    """Ports taken, flows refused and flows lost: of a thousand random flows, each.

    Where ports are short too, who is refused and who is lost depends on the clock: a flow that
    was lost counts for its host for a tick or two.
    """
    line = rules(shape=shape, mape=f"max-share = {percent}")
    made = derive_line(load(line.config)).softwire
    ports = pool(str(made.ipv4), made.port_set, made.ce.packed)
    limit = max(1, len(ports.ports) * percent // 100) if percent < 100 else None
    if limit is None or limit < 2 * ports.bucket_size:
        ports = ports.undivided()
    model = Model(ports, limit)
    wanted, losses = Counter(), Counter()
    some = flows(seed, hosts, endpoints, targets)
    for one in some:
        port = model.flow(*one)
        if port == REFUSED:
            losses[one[1]] += 1
        elif port == LOST:
            losses[LOST] += 1
        else:
            wanted[one[0], port, one[3], one[4] if one[0] != "icmp" else port] += 1
    seen = Counter(
        (packet.kind, packet.sport, packet.target, packet.dport)
        for packet in line.passed([flow(*one) for one in some])
    )
    assert seen == wanted
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
