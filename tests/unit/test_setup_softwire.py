"""Which rule the line's prefix matches, and what the values of mape.sh are worth beside it."""

from dataclasses import replace
from pathlib import Path

from dualwan.mape.table import load_table
from dualwan.setup.softwire import ByHand, decide

RULES = load_table(Path("/nonexistent"))
PREFIX = "240b:13:1a65:a100::/64"
V6PLUS = ByHand(
    br="2404:9200:225:100::64",
    ce="240b:13:1a65:a100:e:91a:6500:a100",
    ipv4="14.9.26.101",
    psid=161,
    offset=4,
    length=8,
)
OTHER = ByHand("2001:db8:ffff::9", "2001:db8:0:100::1", "192.0.2.18", 1)
UNMAPPED = "2409:10:1234:5600::/64"


def said(*arguments):
    """Return the proposed provider and all that is said, as one text."""
    found = decide(*arguments)
    return found.provider, " ".join(found.says), found.works


def test_a_prefix_says_its_rule():
    """With provider, address, PSID, ports, CE and border relay."""
    provider, text, works = said((PREFIX,), None, RULES)
    assert (provider, works) == ("auto", True)
    for part in ("v6plus", "14.9.26.101", "PSID 161", "240 ports", V6PLUS.ce, V6PLUS.br):
        assert part in text


def test_without_a_prefix_nothing_is_promised():
    """The rule is taken when the line announces it."""
    provider, text, works = said((), None, RULES)
    assert (provider, works) == ("auto", True)
    assert text.startswith("no prefix is on the WAN now")


def test_a_prefix_without_a_rule_says_why():
    """And that nothing works so."""
    provider, text, works = said((UNMAPPED,), None, RULES)
    assert (provider, works) == ("auto", False)
    assert "is not a virtual-connect prefix" in text


def test_the_first_prefix_with_a_rule_counts():
    """The others are named with their reason."""
    provider, text, works = said((UNMAPPED, PREFIX), None, RULES)
    assert (provider, works) == ("auto", True)
    assert "2409:10:1234:5600::" in text
    assert "matches a rule of v6plus" in text


def test_values_that_the_rule_gives_are_not_needed():
    """Those of mape.sh are the same, by the line's prefix or by their own CE address."""
    for prefixes in ((PREFIX,), (), (UNMAPPED,)):
        provider, text, works = said(prefixes, V6PLUS, RULES)
        assert (provider, works) == ("auto", True)
        assert "need not be written down" in text


def test_a_rule_goes_before_other_values():
    """It follows the prefix; the person may choose the script's all the same."""
    provider, text, _ = said((PREFIX,), replace(V6PLUS, psid=9), RULES)
    assert provider == "auto"
    assert "mape.sh has other values" in text
    assert said((PREFIX,), replace(V6PLUS, psid=9), RULES, "manual")[0] == "manual"


def test_values_without_a_rule_are_taken():
    """As provider = "manual", whole."""
    for prefixes in ((), (UNMAPPED,)):
        provider, text, works = said(prefixes, OTHER, RULES)
        assert (provider, works) == ("manual", True)
        assert "are taken as they are" in text
    keys = {one.key: one.toml for one in OTHER.settings()}
    assert keys == {
        "provider": '"manual"',
        "br": '"2001:db8:ffff::9"',
        "ce": '"2001:db8:0:100::1"',
        "ipv4": '"192.0.2.18"',
        "psid": "1",
        "psid-length": "6",
        "psid-offset": "6",
    }


def test_a_named_provider_has_its_own_rules_only():
    """One that has none for the prefix says which has."""
    provider, text, works = said((PREFIX,), V6PLUS, RULES, "ocn")
    assert (provider, works) == ("ocn", False)
    assert 'take provider "v6plus"' in text


def test_a_source_of_the_line_is_asked_later():
    """Nothing is sent by init."""
    assert said((PREFIX,), None, RULES, "hb46pp") == (
        "hb46pp",
        "the line's hb46pp source is asked when the WAN is up",
        True,
    )
