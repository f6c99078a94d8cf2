from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from config_texts import BY_RULE
from machine import BASE, config

from dualwan.config import from_text
from dualwan.line import derive_line

PREFIX = "2001:db8:12:3400::/56"


@pytest.fixture(name="by_rule")
def _by_rule():
    """Return a configuration with a rule of its own."""
    return from_text("dualwan.toml", BY_RULE)


def test_values_by_hand_need_no_prefix():
    """What mape.sh had is used as it is, whatever the line announces."""
    cfg = config(BASE)
    assert derive_line(cfg, [PREFIX]) == derive_line(cfg)


def test_a_prefix_gives_address_ports_and_ends(by_rule):
    """RFC 7597: 16 EA bits are 8 of address and 8 of PSID here."""
    found = derive_line(by_rule, [PREFIX], "")
    wire = found.softwire
    assert (wire.br, wire.ipv4) == (IPv6Address("2001:db8:ffff::9"), IPv4Address("192.0.2.18"))
    assert (wire.port_set.psid, wire.port_set.psid_offset, wire.port_set.psid_length) == (
        0x34,
        6,
        8,
    )
    assert wire.ce in IPv6Network(PREFIX)
    assert found.prefix == PREFIX
    assert "dualwan.toml:7" in wire.origin


def test_the_first_prefix_that_a_rule_covers_counts(by_rule):
    """Prefixes of another provider on the same interface are passed over."""
    found = derive_line(by_rule, ["3fff::/56", PREFIX, "2001:db8:99::/56"], "")
    assert found.prefix == PREFIX


def test_a_tunnel_that_worked_is_kept_through_a_silence(by_rule):
    """The remembered prefix counts while the line announces none, and only then."""
    assert derive_line(by_rule, [], PREFIX).prefix == PREFIX
    assert derive_line(by_rule, ["3fff::/56"], PREFIX).prefix == PREFIX
    newer = "2001:db8:99::/56"
    assert derive_line(by_rule, [newer], PREFIX).prefix == newer


def test_no_prefix_yet_is_said_in_words(by_rule):
    """MAP-E waits, and the plan says for what."""
    line = derive_line(by_rule, [], "")
    assert line.softwire is None
    assert line.missing == ("no IPv6 prefix on wan0 yet: MAP-E begins when the line announces one")


def test_a_prefix_that_no_rule_covers_is_named(by_rule):
    """So that its owner can look for the rule, or the provider."""
    line = derive_line(by_rule, ["3fff::/56"], "")
    assert line.softwire is None
    assert "3fff::" in line.missing


def test_an_address_of_the_prefix_says_as_much_as_the_prefix(by_rule):
    """As the WAN has it from SLAAC: what is after the prefix does not count."""
    found = derive_line(by_rule, ["2001:db8:12:3400::5/56"])
    assert found == derive_line(by_rule, [PREFIX])
    assert found.prefix == PREFIX
