import re
from ipaddress import IPv4Address, IPv6Address, IPv6Interface, IPv6Network

import pytest
from mape_cases import NO_RULES_D, load, rule_of
from mape_oracle import from_ce, from_ipv4, owner, read_interface_id

from dualwan.errors import DualwanError, MapeError
from dualwan.mape.rule import MapRule, PortSet, derive, interface_id, parse_prefix
from dualwan.mape.table import load_table

EXAMPLE = MapRule("2001:db8::/40", "192.0.2.0/24", 16, 6, "2001:db8:ffff::1", "rfc")
PREFIX = "2001:db8:12:3400::/56"


def shown(one):
    """Write a port range as the case files do."""
    low, high = one
    return str(low) if low == high else f"{low}-{high}"


def check(case, mapping):
    """Compare a mapping with all that a case file says of it."""
    ranges = mapping.port_set.ranges()
    assert str(mapping.ipv4) == case["ipv4"]
    assert mapping.psid == case["psid"]
    assert str(mapping.ce) == case["ce"]
    assert [shown(ranges[0]), shown(ranges[-1])] == [case["first"], case["last"]]
    assert len(ranges) == case["ranges"]
    assert mapping.psid_length == case.get("psid-length", mapping.psid_length)
    if "second" in case:
        assert shown(ranges[1]) == case["second"]


@pytest.mark.parametrize("case", load("rfc7597", "case"))
def test_worked_example(case):
    """Each worked example gives its address, PSID, CE address and ports."""
    explicit = PortSet(*case["explicit"]) if "explicit" in case else None
    rule = rule_of(case["rule"])
    mapping = derive(rule, case["prefix"], explicit)
    check(case, mapping)
    # A full address is the CE only by its prefix; backwards only the CE's own address leads.
    back = from_ce(rule, mapping.ce, explicit)
    assert back._replace(subnet_id=mapping.subnet_id) == mapping
    given = mapping.port_set if mapping.shared else None
    assert from_ipv4(rule, mapping.ipv4, explicit or given) == back


@pytest.mark.parametrize("case", load("providers", "case"))
def test_provider_line(case):
    """Each line of a provider is found in the table and derived as on a working line."""
    rule = load_table(NO_RULES_D).lookup(case["prefix"])
    assert rule.provider == case["provider"]
    assert str(rule.br) == case["br"]
    check(case, derive(rule, case["prefix"]))


@pytest.mark.parametrize("case", load("refused", "rule"))
def test_rule_that_cannot_be(case):
    """A rule that cannot be is refused when it is made, with the reason."""
    with pytest.raises(MapeError) as caught:
        rule_of(case["rule"])
    for words in case["says"]:
        assert words in str(caught.value)


@pytest.mark.parametrize("case", load("refused", "prefix"))
def test_prefix_that_does_not_fit(case):
    """A prefix that the rule does not map is refused with the reason."""
    explicit = PortSet(*case["explicit"]) if "explicit" in case else None
    with pytest.raises(MapeError) as caught:
        derive(rule_of(case["rule"]), case["prefix"], explicit)
    for words in case["says"]:
        assert words in str(caught.value)


def test_the_error_is_one_of_the_configuration():
    """The one error is shown to a person with exit code 3, and is a ValueError to code."""
    assert issubclass(MapeError, DualwanError)
    assert issubclass(MapeError, ValueError)
    assert MapeError.exit_code == 3


@pytest.mark.parametrize(
    "prefix",
    [
        PREFIX,
        IPv6Network(PREFIX),
        IPv6Interface(PREFIX),
        IPv6Address("2001:db8:12:3400::"),
        IPv6Interface("2001:db8:12:3400::abcd/64"),
    ],
)
def test_forms_of_a_prefix(prefix):
    """Text, address, network and interface mean the same CE."""
    assert str(derive(EXAMPLE, prefix).ce) == "2001:db8:12:3400:0:c000:212:34"


def test_prefix_is_kept_as_it_was_given():
    """What lies past the length of a prefix is kept: it decides over the warning."""
    assert parse_prefix("2001:db8:12:3456::1/56") == IPv6Interface("2001:db8:12:3456::1/56")
    assert parse_prefix(IPv6Network("::/0")) == IPv6Interface("::/0")


def test_both_ways_through_the_br():
    """RFC 7597 appendix A, examples 2 and 3: the BR finds the CE by port, the CE its BR."""
    ports = owner(1232, EXAMPLE.psid_offset, EXAMPLE.psid_length)
    mapping = from_ipv4(EXAMPLE, "192.0.2.18", ports)
    assert (ports.psid, str(mapping.ce)) == (0x34, "2001:db8:12:3400:0:c000:212:34")
    assert str(mapping.br) == "2001:db8:ffff::1"


@pytest.mark.parametrize("ce", ["2001:db8:12:3400:0:c000:212:35", "2001:db8:12:3401:0:c000:212:34"])
def test_validation_of_section_8_1(ce):
    """An address whose identifier is not that of its prefix is no CE."""
    assert from_ce(EXAMPLE, ce) is None
    assert str(derive(EXAMPLE, ce).ce) == "2001:db8:12:3400:0:c000:212:34"


@pytest.mark.parametrize(
    ("layout", "value"),
    [("draft", 0x00_C0000212_0034_00), ("rfc", 0x0000_C0000212_0034)],
)
def test_interface_identifier(layout, value):
    """IPv4 and PSID stand at bits 8 and 40 in the draft, at bits 16 and 48 in the RFC."""
    address = IPv4Address("192.0.2.18")
    assert interface_id(layout, address, 0x34) == value
    assert read_interface_id(layout, IPv6Address(value)) == (address, 0x34)


@pytest.mark.parametrize(
    ("prefix", "subnet"),
    [
        ("2001:db8:12:3400::/56", 0),
        ("2001:db8:12:3400::/64", 0),
        ("2001:db8:12:3410::/60", 0x10),
        ("2001:db8:12:3401:5054:ff:fe12:3456/64", 1),
        ("2001:db8:12:34ff:5054:ff:fe12:3456", 0xFF),
    ],
)
def test_subnet_behind_a_home_gateway(prefix, subnet):
    """Bits past the End-user prefix leave the CE as it is, and are warned of with the reason."""
    mapping = derive(EXAMPLE, prefix)
    assert mapping.subnet_id == subnet
    assert mapping.ce == derive(EXAMPLE, PREFIX).ce
    assert bool(mapping.warnings) == bool(subnet)
    for warning in mapping.warnings:
        assert f"0x{subnet:x} where the provider assigns zero" in warning
        assert "home gateway" in warning
        assert str(mapping.ce) in warning


def test_rule_is_a_value():
    """Rules of the same fields are one; the names for people are not among its terms."""
    named = MapRule(*EXAMPLE[:6], provider="example", source="here")
    assert named != EXAMPLE
    assert named.terms == EXAMPLE.terms
    assert str(EXAMPLE) == "2001:db8::/40 -> 192.0.2.0/24, EA length 16"
    assert (EXAMPLE.psid_length, EXAMPLE.end_user_length) == (8, 56)


def test_a_rule_has_the_defaults_of_the_rfc():
    """Without more the PSID offset is the RFC's 6, the layout Japan's, the relay unknown."""
    rule = MapRule("2001:db8::/40", "192.0.2.0/24", 16)
    assert (rule.psid_offset, rule.layout, rule.br) == (6, "draft", None)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(EXAMPLE, id="needs 56 bits"),
        pytest.param(MapRule("2001:db8::/32", "192.0.2.0/24", 16), id="needs 48 bits"),
        pytest.param(MapRule("2001:db8::/44", "192.0.0.0/18", 20, 4), id="needs 64 bits"),
        pytest.param(
            MapRule("2001:db8::/40", "192.0.2.1/32", 0, 4), id="needs the rule's own 40 bits"
        ),
    ],
)
def test_a_prefix_needs_each_bit_of_the_rule(rule):
    """With one less it may be that of somebody else, whose address and ports would follow.

    The bits beyond what is needed change nothing of the CE.
    """
    length = rule.end_user_length
    whole = derive(rule, f"2001:db8::/{length}")
    short = re.escape(f"2001:db8::/{length - 1} is too short")
    with pytest.raises(MapeError, match=rf"^{short}: .* needs the first {length} bits$"):
        derive(rule, f"2001:db8::/{length - 1}")
    for longer in range(length + 1, 65):
        assert derive(rule, f"2001:db8::/{longer}")[:4] == whole[:4]
