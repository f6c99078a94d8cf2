"""What holds of every rule and every port set, tried on generated ones."""

from ipaddress import IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mape_oracle import from_ce, from_ipv4, psid_of_port, read_interface_id

from dualwan.mape.portset import PortSet
from dualwan.mape.rule import LAYOUTS, MapRule, derive

ALL_PORTS = 65536


@st.composite
def lengths(draw):
    """PSID offset and PSID length that fit together."""
    offset = draw(st.integers(0, 15))
    return offset, draw(st.integers(0, 16 - offset))


@st.composite
def port_sets(draw):
    """Any port set that can be."""
    offset, length = draw(lengths())
    return PortSet(draw(st.integers(0, (1 << length) - 1)), offset, length)


@st.composite
def rules(draw):
    """Any rule that can be."""
    offset, q = draw(lengths())
    r = draw(st.integers(0, 32))
    ea_length = 32 - r + q
    n = draw(st.integers(0, 128 - ea_length))
    v6 = draw(st.integers(0, (1 << n) - 1)) << (128 - n)
    v4 = draw(st.integers(0, (1 << r) - 1)) << (32 - r)
    layout = draw(st.sampled_from(LAYOUTS))
    return MapRule(IPv6Network((v6, n)), IPv4Network((v4, r)), ea_length, offset, None, layout)


@st.composite
def rules_and_prefixes(draw):
    """Draw a rule, and a prefix in it that is long enough."""
    rule = draw(rules())
    host = draw(st.integers(0, (1 << (128 - rule.ipv6_prefix.prefixlen)) - 1))
    length = draw(st.integers(rule.end_user_length, 128))
    return rule, IPv6Interface((int(rule.ipv6_prefix.network_address) | host, length))


@pytest.mark.slow
@settings(max_examples=20)  # each asks 65536 ports; the ends of what may be given are examples
@given(port_sets())
@example(PortSet(0, 0, 0))
@example(PortSet(0, 0, 16))
@example(PortSet(65535, 0, 16))
@example(PortSet(0, 15, 1))
@example(PortSet(1, 15, 1))
@example(PortSet(0, 15, 0))
@example(PortSet(1, 6, 6))
@example(PortSet(52, 4, 8))
def test_ranges_length_and_membership_agree(ports):
    """Ranges, number and membership describe one set; ranges ascend and do not touch."""
    ranges = ports.ranges()
    members = {port for low, high in ranges for port in range(low, high + 1)}
    assert len(members) == len(ports) > 0
    assert members == {port for port in range(ALL_PORTS) if port in ports}
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


@given(lengths(), st.integers(0, ALL_PORTS - 1))
def test_each_port_has_one_psid(fields, port):
    """Each (address, port) of a shared rule belongs to one PSID, or to nobody in block 0."""
    offset, length = fields
    psids = range(1 << length) if length <= 8 else _near(port, offset, length)
    owners = [psid for psid in psids if port in PortSet(psid, offset, length)]
    expected = psid_of_port(port, offset, length)
    assert owners == ([] if expected is None else [expected])
    assert (expected is None) == bool(offset and port < 1 << (16 - offset))


def _near(port, offset, length):
    """Return the port's PSID by the text of RFC 7597 section 5.1, and those beside it."""
    psid = int(f"{port:016b}"[offset : offset + length], 2)
    return [one for one in range(psid - 9, psid + 10) if 0 <= one < 1 << length]


@pytest.mark.parametrize(("offset", "length"), [(0, 8), (4, 8), (6, 6), (6, 8), (15, 1), (4, 12)])
def test_port_sets_partition_the_ports(offset, length):
    """The port sets of all PSIDs are disjoint, and together all ports but block 0."""
    everybody = [
        port
        for psid in range(1 << length)
        for low, high in PortSet(psid, offset, length).ranges()
        for port in range(low, high + 1)
    ]
    first = 1 << (16 - offset) if offset else 0
    assert sorted(everybody) == list(range(first, ALL_PORTS))


@given(port_sets())
def test_well_known_ports_are_left_out(ports):
    """With an offset above 0 a set has no port of block 0: none of 0-1023 up to offset 6."""
    first = ports.ranges()[0][0]
    if ports.psid_offset:
        assert first >= 1 << (16 - ports.psid_offset)
    if 0 < ports.psid_offset <= 6:
        assert first > 1023


@given(port_sets(), st.integers(0, ALL_PORTS - 1))
def test_nearest_is_nearest(ports, port):
    """Nothing of the set lies between a port and the nearest ones on its two sides."""
    below, above = ports.nearest(port)
    members = [one for low, high in ports.ranges() for one in range(low, high + 1)]
    assert below == max((one for one in members if one <= port), default=None)
    assert above == min((one for one in members if one >= port), default=None)


@given(rules_and_prefixes())
def test_forward_and_backward_agree(pair):
    """Address and PSID from the prefix are those from the CE address, and from IPv4."""
    rule, prefix = pair
    mapping = derive(rule, prefix)
    assert mapping.ipv4 in rule.ipv4_prefix
    assert mapping.ce in mapping.end_user_prefix
    assert prefix.ip in mapping.end_user_prefix
    if rule.end_user_length <= 64:
        assert read_interface_id(rule.layout, mapping.ce) == (mapping.ipv4, mapping.psid)
        back = from_ce(rule, mapping.ce)
        assert back == mapping._replace(subnet_id=0)
    ports = mapping.port_set if mapping.shared else None
    assert from_ipv4(rule, mapping.ipv4, ports) == mapping._replace(subnet_id=0)


@given(rules_and_prefixes())
def test_the_text_of_section_5_2(pair):
    """Address and PSID are the bits at n and n + p, read as the RFC writes them."""
    rule, prefix = pair
    mapping = derive(rule, prefix)
    n, p = rule.ipv6_prefix.prefixlen, 32 - rule.ipv4_prefix.prefixlen
    bits = f"{int(prefix.ip):0128b}"
    fixed = f"{int(rule.ipv4_prefix.network_address):032b}"[: 32 - p]
    assert f"{int(mapping.ipv4):032b}" == fixed + bits[n : n + p]
    assert mapping.psid == int(bits[n + p : n + rule.ea_length] or "0", 2)


@given(rules_and_prefixes(), st.integers(0, 127))
def test_another_bit_is_another_ce(pair, bit):
    """Two End-user prefixes never share an address and a PSID."""
    rule, prefix = pair
    assume(rule.ipv6_prefix.prefixlen <= bit < rule.end_user_length)
    other = IPv6Address(int(prefix.ip) ^ 1 << (127 - bit))
    one, two = derive(rule, prefix), derive(rule, other)
    assert (one.ipv4, one.psid) != (two.ipv4, two.psid)
    assert one.ce != two.ce


@given(st.text(max_size=60))
@example("::/0")
@example("2001:db8::/40/2")
def test_any_text_is_a_prefix_or_the_one_error(text):
    """Whatever is typed, the answer is a mapping or the one documented error."""
    rule = MapRule("2001:db8::/40", "192.0.2.0/24", 16)
    try:
        derive(rule, text)
    except Exception as error:  # noqa: BLE001 - the kind is what the test is about
        assert type(error).__name__ == "MapeError"  # noqa: PT017 - see above
