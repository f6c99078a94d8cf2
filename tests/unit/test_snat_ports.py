"""The order of ports, and ports as nft text: what holds of every port set."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from golden_cases import nft_cases
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dualwan.mape.portset import PortSet
from dualwan.slices.snat.match import any_block, each_port, in_turn, inside, outside
from dualwan.slices.snat.ports import BUCKETS, LARGEST, SMALLEST, STRIDE, pool

ADDRESS = "192.0.2.18"
OCN, V6PLUS = PortSet(1, 6, 6), PortSet(52, 4, 8)


@st.composite
def port_sets(draw):
    """Any port set that can be."""
    offset = draw(st.integers(0, 15))
    length = draw(st.integers(0, 16 - offset))
    return PortSet(draw(st.integers(0, (1 << length) - 1)), offset, length)


SMALL = port_sets().filter(lambda one: len(one) <= LARGEST)
SECRETS = st.binary(min_size=16, max_size=16)


def members(port_set):
    """Return the ports of PORT_SET."""
    return [port for low, high in port_set.ranges() for port in range(low, high + 1)]


@given(SMALL, SECRETS, st.data())
@example(OCN, bytes(16), None)
@example(V6PLUS, bytes(16), None)
def test_every_port_is_given_by_one_part(port_set, secret, data):
    """Buckets and overflow share the ports out; what is reserved, and port 0, is in none."""
    ports = members(port_set)
    reserved = data.draw(st.sets(st.sampled_from(ports), max_size=20)) if data and ports else set()
    made = pool(ADDRESS, port_set, secret, reserved)
    given_away = [port for part in (*made.buckets, made.overflow) for port in part]
    assert sorted(given_away) == sorted(set(ports) - reserved - {0})
    assert sorted(made.ports) == sorted(given_away)
    assert set(made.reserved) == (reserved | {0}) & set(ports)


@given(port_sets(), st.sets(st.integers(0, 65535), max_size=20))
def test_blocks_are_the_ports_in_rows(port_set, reserved):
    """The blocks have what is left of the set, each port once, ascending, none of them empty."""
    made = pool(ADDRESS, port_set, bytes(16), reserved)
    ports = [port for low, high in made.blocks for port in range(low, high + 1)]
    assert ports == sorted(set(members(port_set)) - reserved - {0})
    assert all(low <= high for low, high in made.blocks)


@pytest.mark.parametrize(("port_set", "size", "overflow"), [(OCN, 63, 504), (V6PLUS, 15, 120)])
def test_half_of_the_ports_are_in_buckets(port_set, size, overflow):
    """Eight buckets of a port a block, by its last four bits; the other half is the overflow."""
    made = pool(ADDRESS, port_set, bytes(16))
    assert [len(ports) for ports in made.buckets] == [size] * BUCKETS
    assert len(made.overflow) == overflow
    assert made.bucket_size == size
    for at, ports in enumerate(made.buckets):
        assert {port % STRIDE for port in ports} == {at}
    assert min(port % STRIDE for port in made.overflow) == BUCKETS


@given(port_sets())
def test_buckets_are_for_sets_that_are_shared_by_many_flows(port_set):
    """A tiny set is not divided, and of a large one the ports are not counted at all."""
    made = pool(ADDRESS, port_set, bytes(16))
    if len(port_set) > LARGEST:
        assert not made.counted
    if len(port_set) < SMALLEST:
        assert made.buckets == ()
    if not made.buckets:
        assert made.overflow == made.ports
        assert made.bucket_size == len(made.ports)
    assert len(made.buckets) in {0, BUCKETS}


@given(SMALL, SECRETS)
def test_without_buckets_all_ports_are_in_the_overflow(port_set, secret):
    """In the same order of giving; nothing else of the pool changes."""
    made = pool(ADDRESS, port_set, secret)
    whole = made.undivided()
    assert whole == replace(made, buckets=(), overflow=made.ports)
    for part in (*made.buckets, made.overflow):
        assert part == tuple(port for port in whole.overflow if port in set(part))


@given(SECRETS, SECRETS)
def test_the_order_depends_on_the_secret(one, other):
    """Two lines with the same ports give them away in another order."""
    assume(one != other)
    first, second = pool(ADDRESS, OCN, one), pool(ADDRESS, OCN, other)
    assert first.overflow != second.overflow
    for mine, theirs in zip(first.buckets, second.buckets, strict=True):
        assert mine != theirs
        assert sorted(mine) == sorted(theirs)


TELL = """\
import sys
from pathlib import Path
from dualwan.config import load
from dualwan.line import derive_line
from dualwan.mape.portset import PortSet
from dualwan.slices import firewall, pbr, snat
from dualwan.slices.snat.ports import pool
print(pool("192.0.2.18", PortSet(1, 6, 6), bytes(range(16)), {1040, 2065, 64530}))
for path in sys.argv[1:]:
    config = load(Path(path), Path("/nonexistent"))
    ways = derive_line(config).ways
    for table in (firewall.wanted_table(config, ways), snat.wanted_table(config, ways),
                  pbr.wanted_table(config, ways)):
        print(table.source())
"""


def test_the_order_is_the_same_each_time(tmp_path):
    """A second run of the same configuration must plan nothing: another process, another hash."""
    paths = []
    for case in nft_cases():
        paths.append(tmp_path / case.name)
        paths[-1].write_text(case.text)
    told = {
        subprocess.run(
            [sys.executable, "-B", "-c", TELL, *paths],
            check=True,
            text=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2")
    }
    [text] = told
    assert text.startswith(f"{pool(ADDRESS, OCN, bytes(range(16)), {1040, 2065, 64530})}\n")
    assert text.count("table ip dualwan_snat") == len(paths) > 1


@given(SECRETS)
def test_a_port_does_not_tell_the_next_one(secret):
    """Hardly ever does the next higher port of a bucket follow (RFC 6056 section 3.1)."""
    for ports in pool(ADDRESS, OCN, secret).buckets:
        ranks = {port: at for at, port in enumerate(sorted(ports))}
        follows = sum(ranks[b] == ranks[a] + 1 for a, b in pairwise(ports))
        assert follows < len(ports) / 4


@given(SECRETS, st.sets(st.sampled_from(members(OCN)), max_size=20))
def test_a_reservation_leaves_the_others_where_they_are(secret, reserved):
    """Who has a port keeps its bucket, and the order stays, when forwards are added."""
    before, after = pool(ADDRESS, OCN, secret), pool(ADDRESS, OCN, secret, reserved)
    for had, has in zip(
        (*before.buckets, before.overflow), (*after.buckets, after.overflow), strict=True
    ):
        assert has == tuple(port for port in had if port not in reserved)


# --- as nft text -----------------------------------------------------------------------------


def compiled(conditions):
    """Return nft conditions "P & mask sign value" as functions of a port."""
    parts = [re.fullmatch(r"(P) & (\w+) (==|!=) (\w+)", one).groups() for one in conditions]
    return [
        lambda port, mask=int(mask, 16), sign=sign, value=int(value, 16): (
            ((port & mask) == value) == (sign == "==")
        )
        for _, mask, sign, value in parts
    ]


@pytest.mark.slow
@given(port_sets(), st.lists(st.integers(0, 65535), min_size=1, max_size=50))
@example(OCN, members(OCN))
@example(PortSet(0, 0, 0), [0, 65535])
def test_conditions_say_what_the_port_set_has(port_set, ports):
    """All of inside() hold of exactly the ports of the set, and some of outside() of others."""
    within, without = compiled(inside(port_set, "P")), compiled(outside(port_set, "P"))
    for port in [*ports, *(end for one in port_set.ranges() for end in one)]:
        assert all(holds(port) for holds in within) == (port in port_set)
        assert any(holds(port) for holds in without) == (port not in port_set)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=300, unique=True))
def test_ports_take_turns(ports):
    """The map has each port once, in order, as many as the counter has values."""
    count, text = re.fullmatch(r"numgen inc mod (\d+) map \{ (.*) \}", in_turn(ports)).groups()
    pairs = [tuple(map(int, one.split(" : "))) for one in text.split(", ")]
    assert [at for at, _ in pairs] == list(range(int(count)))
    assert [port for _, port in pairs] == (ports if len(ports) > 1 else ports * 2)


@given(SMALL, st.sets(st.integers(0, 65535), max_size=20))
def test_what_snat_is_handed_is_of_the_pool(port_set, reserved):
    """The blocks and the single ports in nft's maps are those of the pool, with its address."""
    made = pool(ADDRESS, port_set, bytes(16), reserved)
    assume(made.blocks)
    ranges = re.findall(rf"\d+ : {re.escape(ADDRESS)} \. (\d+)-(\d+)", any_block(made))
    assert {(int(low), int(high)) for low, high in ranges} == set(made.blocks)
    singles = re.findall(rf"(\d+) : {re.escape(ADDRESS)} \. (\d+)", each_port(made, "P"))
    assert all(key == value for key, value in singles)
    assert sorted(int(key) for key, _ in singles) == sorted(made.ports)
