"""The package's rules: that all are there, and which one a prefix is looked up by."""

import os
import random
from collections import Counter
from ipaddress import IPv6Interface
from itertools import pairwise

import pytest
from mape_cases import NO_RULES_D

from dualwan.errors import ConfigError, MapeError
from dualwan.mape import packaged as rules_file
from dualwan.mape.rule import MapRule, derive
from dualwan.mape.table import RuleTable, load_table

# A million takes 15 s: DUALWAN_PREFIXES=1000000 for those who have them.
PREFIXES = int(os.environ.get("DUALWAN_PREFIXES", "100000"))


@pytest.fixture(name="packaged", scope="module")
def _packaged():
    """Return the package's rules alone."""
    return load_table(NO_RULES_D)


def test_packaged_rules_are_all_there(packaged):
    """The table has the four providers' rules, each with a relay and where it comes from."""
    counts = Counter(rule.provider for rule in packaged)
    assert counts == {"v6plus": 4, "ocn": 146, "biglobe": 124, "nuro": 3}
    assert packaged.providers == ["biglobe", "nuro", "ocn", "v6plus"]
    for rule in packaged:
        assert rule.br is not None
        assert "as collected 2026-11" in rule.source
        assert rule.source.startswith("mape-rules.txt:")


def test_a_lookup_makes_its_rule_alone(packaged, monkeypatch):
    """The other lines stay text: an event has no use for 276 rules of other lines."""
    made, make = [], rules_file.Line.rule
    monkeypatch.setattr(rules_file.Line, "rule", lambda line: made.append(line.where) or make(line))
    found = packaged.lookup("2400:4050:5c71:af00::/56")
    assert str(found.ipv6_prefix) == "2400:4050::/32"
    assert made == [found.source.partition(": ")[0]]


def test_packaged_rules_have_the_shape_of_their_providers(packaged):
    """All take a /56 and the draft's layout; OCN has offset 6 and 6 bits, the rest 4 and 8."""
    for rule in packaged:
        assert (rule.end_user_length, rule.layout) == (56, "draft")
        shape = (6, 6) if rule.provider == "ocn" else (4, 8)
        assert (rule.psid_offset, rule.psid_length) == shape


def test_packaged_rules_do_not_overlap(packaged):
    """No two rules share an IPv6 prefix or an IPv4 address: each is the inverse of one line."""
    for field in ("ipv6_prefix", "ipv4_prefix"):
        networks = sorted(getattr(rule, field) for rule in packaged)
        for one, other in pairwise(networks):
            assert not one.overlaps(other)


def test_both_ends_of_every_packaged_rule(packaged):
    """The first and the last prefix of each rule are found and give its first and last address."""
    for rule in packaged:
        for at, psid in ((0, 0), (-1, (1 << rule.psid_length) - 1)):
            prefix = IPv6Interface((int(rule.ipv6_prefix[at]), 128))
            mapping = derive(packaged.lookup(prefix), prefix)
            assert (mapping.rule, mapping.psid) == (rule, psid)
            assert mapping.ipv4 == rule.ipv4_prefix[at]


@pytest.mark.slow
def test_random_prefixes_raise_one_error_only(packaged):
    """Random prefixes, half of them within rules, are mapped or refused with MapeError."""
    chance = random.Random(7597)  # noqa: S311 - the same prefixes each time
    rules = list(packaged)
    mapped = 0
    for at in range(PREFIXES):
        bits, length = chance.getrandbits(128), chance.randrange(129)
        if at % 2:
            network = chance.choice(rules).ipv6_prefix
            bits = int(network.network_address) | bits & int(network.hostmask)
            length = chance.choice((48, 56, 60, 64, 128))
        prefix = IPv6Interface((bits, length))
        try:
            mapping = derive(packaged.lookup(prefix), prefix)
        except MapeError:
            pass
        else:
            assert prefix.ip in mapping.end_user_prefix
            mapped += 1
    assert PREFIXES / 3 < mapped < PREFIXES / 2


def test_longest_match_wins():
    """Of a rule within another the longer one counts, wherever it stands."""
    wide = MapRule("2001:db8::/32", "198.51.100.0/24", 16, provider="wide")
    narrow = MapRule("2001:db8:12::/48", "192.0.2.0/24", 16, provider="narrow")
    for table in (RuleTable([wide, narrow]), RuleTable([narrow, wide])):
        assert table.lookup("2001:db8:12:3400::/64") == narrow
        assert table.lookup("2001:db8:13:3400::/64") == wide
        assert table.lookup("2001:db8:12:3400::/64", "wide") == wide


def test_two_rules_of_one_length_are_named():
    """Two that differ are an error with both and their places; the provider's name decides."""
    one = MapRule("2001:db8::/32", "198.51.100.0/24", 16, provider="one", source="a.toml:1")
    two = MapRule("2001:db8::/32", "192.0.2.0/24", 16, provider="two", source="b.toml:7")
    table = RuleTable([one, two])
    with pytest.raises(MapeError) as caught:
        table.lookup("2001:db8::/64")
    for words in ("one 2001:db8::/32 -> 198.51.100.0/24", "(a.toml:1)", "two 2001:db8::/32"):
        assert words in str(caught.value)
    assert 'name the provider ("one" or "two")' in str(caught.value)
    assert table.lookup("2001:db8::/64", "two") == two


def test_the_same_rule_twice_is_no_error():
    """Two rules that say the same decide nothing differently."""
    one = MapRule("2001:db8::/32", "198.51.100.0/24", 16, provider="one")
    two = MapRule("2001:db8::/32", "198.51.100.0/24", 16, provider="two")
    assert RuleTable([one, two]).lookup("2001:db8::/64") == one


def test_empty_table():
    """A table without rules covers nothing, and says so."""
    with pytest.raises(MapeError, match="in none of the rules"):
        RuleTable([]).lookup("::/0")


def test_named_provider_restricts(packaged):
    """A named provider's rules alone count; the error names the one who has the prefix."""
    assert packaged.lookup("240b:10::/56", "v6plus").provider == "v6plus"
    with pytest.raises(MapeError, match=r'no rule of ocn covers 240b:10::/56.*take .*"v6plus"'):
        packaged.lookup("240b:10::/56", "ocn")


def test_unknown_provider(packaged):
    """A provider that nobody knows is an error with the nearest that somebody does."""
    with pytest.raises(MapeError, match=r"unknown provider 'v6pluss'.*v6plus"):
        packaged.lookup("240b:10::/56", "v6pluss")


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("2409:10:1234:5600::/56", "2409: is not a virtual-connect prefix"),
        ("2408:210:1234:5600::/64", "2408: lies in NTT's own network (NGN)"),
        ("2404:1a8:1234:5600::/64", "2404:1a8:: lies in NTT's own network (NGN)"),
        ("2001:c90:1234:5600::1", "2001:c90:: lies in NTT's own network (NGN)"),
        ("2001:a000:1234:5600::/64", "2001:a000:: lies in NTT's own network (NGN)"),
        ("2408:210::/56", "not provisioned"),
        ("fe80::1", "not a global prefix"),
        ("fd00::1", "not a global prefix"),
        ("2001:db8:1234:5600::/56", "otherwise ask it which IPv4 service the line has"),
        ("2001:db8:1234:5600::/56", "rules.d"),
        ("240b:10::/24", "2 rules lie inside it; give the prefix"),
        ("::/0", "277 rules lie inside it"),
    ],
)
def test_prefix_that_no_rule_covers(packaged, prefix, says):
    """The error says what is known of the prefix and what to try."""
    with pytest.raises(MapeError) as caught:
        packaged.lookup(prefix)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("v6plus 240b:10::/31 106.72.0.0/15 25 4", "t.txt:2: 5 columns where a rule has 7"),
        ("v6plus 240b:10::/31 106.72.0.0/15 x 4 ::1 draft", "t.txt:2: invalid literal"),
        ("v6plus 240b:10::/31 106.72.0.0/15 2 4 ::1 draft", "t.txt:2: EA length 2 is shorter"),
        ("v6plus 240b:10 106.72.0.0/15 25 4 ::1 draft", "t.txt:2: invalid literal"),
        ("v6plus 240b/31 106.72.0.0/15 25 4 ::1 draft", "t.txt:2: illegal IP address"),
        ("v6plus 240b:10::/129 106.72.0.0/15 25 4 ::1 draft", "t.txt:2: negative shift"),
    ],
)
def test_wrong_line_in_the_text_table(line, says):
    """A slip in the package's own table is found with its line."""
    with pytest.raises(ConfigError) as caught:
        [one.rule() for one in rules_file.read("t.txt", f"# head\n{line}\n")]
    assert says in str(caught.value)


def test_the_example_in_the_table_is_right(tmp_path):
    """The rules.d example in the head of the package's table can be used as it stands."""
    lines = rules_file.PACKAGED.read_text().splitlines()
    start = lines.index("#   [[rule]]")
    example = "\n".join(line[4:] for line in lines[start : lines.index("", start)])
    (tmp_path / "own.toml").write_text(example)
    assert load_table(tmp_path).lookup("2001:db8::/64").provider == "v6plus"


def test_a_prefix_shorter_than_some_rules_is_found_by_a_shorter_one():
    """The longer rules are passed over; none of them can cover it."""
    rules = [
        MapRule(v6, "192.0.2.0/24", 8, 4, "2001:db8::1", "draft", "x", "f:1")
        for v6 in ("2001:db8:1::/48", "2001:db8:8000::/33")
    ]
    found = RuleTable(rules).lookup(IPv6Interface("2001:db8:8000::/41"))
    assert str(found.ipv6_prefix) == "2001:db8:8000::/33"
