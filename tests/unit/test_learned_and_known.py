"""A rule that a server says, where the package or the owner has one for the same prefix."""

import json

import pytest
from machine import Machine

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.handle import handle_event
from dualwan.line.provisioning.answer import DAY
from dualwan.line.provisioning.hb46pp import parse
from dualwan.model.event import Event
from dualwan.planning import make_plan

TEXT = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "auto"
provisioning = ["hb46pp"]
wait = 0
[pppoe]
dial = false
"""
FOLLOWING = TEXT.replace('"auto"\nprovisioning = ["hb46pp"]', '"hb46pp"')
PREFIX = "2400:4050:5c71:af00::/64"  # of ocn's rule in the package
BR, THEIR_BR = "2001:380:a120::9", "2001:db8::bad"
OWN = """\
[[rule]]
provider = "mine"
ipv6-prefix = "2001:db8:1:2000::/52"
ipv4-prefix = "203.0.113.0/24"
ea-length = 12
psid-offset = 4
br = "2001:db8:1::1"
"""


def answer(ipv6, br, ipv4="153.240.0.0/14", ea=24, **rest):
    """Return an answer of HB46PP with one rule."""
    rule = {"ipv6": ipv6, "ipv4": ipv4, "ea_length": ea, "psid_offset": 6}
    table = {"version": 0, "br": br, "rules": [rule]}
    top = {"enabler_name": "VNE", "order": ["map_e"], "map_e": table}
    return json.dumps(top | rest)


def line(tmp_path, text, told, prefix=PREFIX):
    """Return the router after ifup on a line whose server has ``told`` an answer."""
    host = Machine("wan0", "lan0")
    host.announced = {"wan0": (prefix,)}
    host.answers = {"hb46pp": ("https://vne.example/rule", host.clock, told)}
    handle_event(from_text("f", text, tmp_path), host, Event.UP)
    return host, make_plan(from_text("f", text, tmp_path), host, Event.APPLY).line


def test_an_answer_does_not_replace_a_known_rule(tmp_path):
    """The known one stays in use, and status says so, with the way to follow the answer."""
    host, found = line(tmp_path, TEXT, answer("2400:4050::/32", THEIR_BR))
    assert host.asked == ["hb46pp"]
    assert str(found.softwire.br) == BR
    [warning] = [one for one in found.warnings if "hb46pp" in one]
    assert THEIR_BR in warning
    assert f"by {BR}" in warning
    assert 'that is in use; provider = "hb46pp" would follow hb46pp alone' in warning
    assert [tunnel.remote for tunnel in host.state.tunnels] == [BR]


@pytest.mark.parametrize("ipv4", ["153.240.0.0/14", "198.51.0.0/16"])
def test_a_longer_rule_of_an_answer_does_not_either(tmp_path, ipv4):
    """It is for fewer lines, and no truer."""
    told = answer("2400:4050:5c00::/40", THEIR_BR, ipv4, ea=16)
    assert str(line(tmp_path, TEXT, told)[1].softwire.br) == BR


def test_an_owners_rule_is_known_too(tmp_path):
    """In rules.d he has written what his provider gave him."""
    (tmp_path / "own.toml").write_text(OWN)
    told = answer("2001:db8:1:2000::/52", THEIR_BR, "203.0.113.0/24", ea=12)
    found = line(tmp_path, TEXT, told, "2001:db8:1:2abc::/64")[1]
    assert str(found.softwire.br) == "2001:db8:1::1"
    assert any(THEIR_BR in warning for warning in found.warnings)


def test_an_answer_that_agrees_is_no_reason_to_warn(tmp_path):
    """As on most lines."""
    found = line(tmp_path, TEXT, answer("2400:4050::/32", BR))[1]
    assert str(found.softwire.br) == BR
    assert not [warning for warning in found.warnings if "hb46pp" in warning]


def test_where_the_source_is_named_its_answer_counts_alone(tmp_path):
    """The owner's own word; without an answer nothing else is taken for it."""
    host, found = line(tmp_path, FOLLOWING, answer("2400:4050::/32", THEIR_BR))
    assert host.asked == ["hb46pp"]
    assert str(found.softwire.br) == THEIR_BR
    assert not [warning for warning in found.warnings if "hb46pp" in warning]
    silent = Machine("wan0", "lan0")
    silent.announced = {"wan0": (PREFIX,)}
    missing = make_plan(from_text("f", FOLLOWING, tmp_path), silent, Event.APPLY).line.missing
    assert missing == f"hb46pp has told no rule for {PREFIX} yet"


@pytest.mark.parametrize(
    ("provider", "more", "problem"),
    [
        ("hb46pp", 'provisioning = ["dhcpv6"]', r"f:7: .*asks that alone: provisioning = \[.hb46p"),
        ("hb46pp", 'provisioning = ["hb46pp", "dhcpv6"]', "f:7: .*asks that alone"),
        ("dhcpv6", "provisioning = []", "f:7: .*asks that alone"),
        ("hb46p", "", "f:6: .* did you mean 'hb46pp'"),
        ("ocn", 'provisioning = ["hb46pp"]', "f:7: .*nothing to learn"),
    ],
)
def test_a_source_as_provider_is_asked_alone(tmp_path, provider, more, problem):
    """Any other combination says two things at once."""
    text = TEXT.replace('"auto"', f'"{provider}"').replace('provisioning = ["hb46pp"]', more)
    with pytest.raises(ConfigError, match=problem):
        from_text("f", text, tmp_path)


def test_an_answer_counts_as_new_for_a_day_at_most():
    """Whatever it says: a wrong one can be put right within that time."""
    for said in (DAY, DAY + 1, 604800, 1 << 31):
        assert parse(answer("2400:4050::/32", BR, ttl=said)).ttl == DAY
    assert parse(answer("2400:4050::/32", BR, ttl=3600)).ttl == 3600
