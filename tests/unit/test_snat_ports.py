"""The ports that flows share, and ports as nft text: what holds of every port set."""

import os
import re
import subprocess
import sys

import pytest
from golden_cases import nft_cases
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dualwan.mape.portset import PortSet
from dualwan.slices.snat.match import (
    BY_LOT,
    IN_TURN,
    a_block,
    each_port,
    inside,
    numbered,
    one_of,
    outside,
)
from dualwan.slices.snat.ports import LARGEST, pool

ADDRESS = "192.0.2.18"
OCN, V6PLUS = PortSet(1, 6, 6), PortSet(52, 4, 8)


@st.composite
def port_sets(draw):
    """Any port set that can be."""
    offset = draw(st.integers(0, 15))
    length = draw(st.integers(0, 16 - offset))
    return PortSet(draw(st.integers(0, (1 << length) - 1)), offset, length)


SMALL = port_sets().filter(lambda one: len(one) <= LARGEST)


def members(port_set):
    """Return the ports of PORT_SET."""
    return [port for low, high in port_set.ranges() for port in range(low, high + 1)]


@given(SMALL, st.data())
@example(OCN, None)
@example(V6PLUS, None)
def test_every_port_is_in_the_pool(port_set, data):
    """All but what is reserved, and port 0."""
    ports = members(port_set)
    reserved = data.draw(st.sets(st.sampled_from(ports), max_size=20)) if data and ports else set()
    made = pool(ADDRESS, port_set, reserved)
    assert list(made.ports) == sorted(set(ports) - reserved - {0})
    assert set(made.reserved) == (reserved | {0}) & set(ports)


@given(port_sets())
def test_ports_of_a_large_set_are_not_counted(port_set):
    """It is hardly shared, and netfilter finds a port."""
    made = pool(ADDRESS, port_set)
    if len(port_set) > LARGEST:
        assert (made.ports, made.counted) == ((), False)
    else:
        assert made.counted == bool(made.ports)


@given(port_sets(), st.sets(st.integers(0, 65535), max_size=20))
def test_blocks_are_the_ports_in_rows(port_set, reserved):
    """The blocks have what is left of the set, each port once, ascending, none of them empty."""
    made = pool(ADDRESS, port_set, reserved)
    ports = [port for low, high in made.blocks for port in range(low, high + 1)]
    assert ports == sorted(set(members(port_set)) - reserved - {0})
    assert all(low <= high for low, high in made.blocks)


TELL = """\
import sys
from pathlib import Path
from dualwan.config import load
from dualwan.line import derive_line
from dualwan.mape.portset import PortSet
from dualwan.slices import firewall, pbr, snat
from dualwan.slices.snat.ports import pool
print(pool("192.0.2.18", PortSet(1, 6, 6), {1040, 2065, 64530}))
for path in sys.argv[1:]:
    config = load(Path(path), Path("/nonexistent"))
    ways = derive_line(config).ways
    for table in (firewall.wanted_table(config, ways), snat.wanted_table(config, ways),
                  pbr.wanted_table(config, ways)):
        print(table.source())
"""


def test_the_text_is_the_same_each_time(tmp_path):
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
    assert text.startswith(f"{pool(ADDRESS, OCN, {1040, 2065, 64530})}\n")
    assert text.count("table ip dualwan_snat") == len(paths) > 1


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
def test_ports_by_lot_and_in_turn(ports):
    """The map has each port once, as many as there are numbers: none is likelier than another."""
    *_, values = numbered("name", "tcp sport", ports).lines
    inner = re.fullmatch(r"elements = \{ (.*) \}", values)[1]
    pairs = [tuple(map(int, one.split(" : "))) for one in inner.split(", ")]
    assert [port for _, port in pairs] == (ports if len(ports) > 1 else ports * 2)
    for how, word in ((BY_LOT, "random"), (IN_TURN, "inc")):
        assert one_of(how, "name", ports) == f"numgen {word} mod {len(pairs)} map @name"
    assert [at for at, _ in pairs] == list(range(len(pairs)))


@given(SMALL, st.sets(st.integers(0, 65535), max_size=20))
def test_what_snat_is_handed_is_of_the_pool(port_set, reserved):
    """The blocks and the single ports in nft's maps are those of the pool, and the address is."""
    made = pool(ADDRESS, port_set, reserved)
    assume(made.blocks)
    ranges = re.findall(rf"\d+ : {re.escape(ADDRESS)} \. (\d+)-(\d+)", a_block(BY_LOT, made))
    assert {(int(low), int(high)) for low, high in ranges} == set(made.blocks)
    address, port, singles = each_port(made, "P").partition(" : P map ")
    assert (address, port) == (ADDRESS, " : P map ")
    singles = re.findall(r"(\d+) : (\d+)", singles)
    assert all(key == value for key, value in singles)
    assert sorted(int(key) for key, _ in singles) == sorted(made.ports)
