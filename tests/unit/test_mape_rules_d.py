"""The owner's rules beside the package's: files of rules.d."""

import pytest

from dualwan.errors import ConfigError, MapeError
from dualwan.mape.rule import MapRule
from dualwan.mape.table import load_table

OWN = """\
[[rule]]
provider = "example"
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
br = "2001:db8:ffff::1"
layout = "rfc"
"""


def test_rules_d_adds(tmp_path):
    """A file in rules.d adds its rules, with file and line as their source."""
    (tmp_path / "own.toml").write_text("# mine\n\n" + OWN)
    rule = load_table(tmp_path).lookup("2001:db8:12:3400::/56")
    assert rule.terms == MapRule("2001:db8::/40", "192.0.2.0/24", 16, 6, rule.br, "rfc").terms
    assert rule.source == f"{tmp_path}/own.toml:3"
    assert len(list(load_table(tmp_path))) == 278


def test_rules_d_overrides(tmp_path):
    """A rule of the same provider and prefix replaces the package's, source text and all."""
    (tmp_path / "own.toml").write_text(
        '[[rule]]\nsource = "letter of the provider"\nprovider = "v6plus"\n'
        'ipv6-prefix = "240b:10::/31"\nipv4-prefix = "106.72.0.0/15"\nea-length = 25\n'
        'psid-offset = 4\nbr = "2001:db8::64"\n'
    )
    table = load_table(tmp_path)
    rule = table.lookup("240b:10::/56")
    assert (str(rule.br), rule.layout) == ("2001:db8::64", "draft")
    assert rule.source == f"{tmp_path}/own.toml:1: letter of the provider"
    assert len(list(table)) == 277


def test_rules_d_contradicts_another_provider(tmp_path):
    """A rule under another name for a known prefix is the error that names both."""
    text = OWN.replace("2001:db8::/40", "2400:4050::/32")
    (tmp_path / "own.toml").write_text(text)
    table = load_table(tmp_path)
    with pytest.raises(MapeError, match=r"ocn 2400:4050::/32.*mape-rules\.txt.* and example"):
        table.lookup("2400:4050::/56")
    assert table.lookup("2400:4050::/56", "example").provider == "example"


def test_rules_d_contradicts_itself(tmp_path):
    """Two files with different rules for one prefix are the error that names both files."""
    (tmp_path / "a.toml").write_text(OWN)
    (tmp_path / "b.toml").write_text(OWN.replace("192.0.2.0", "198.51.100.0"))
    with pytest.raises(MapeError, match=r"a\.toml:1\) and .*b\.toml:1\); remove one of them"):
        load_table(tmp_path).lookup("2001:db8::/56")


def test_only_toml_files_of_rules_d_count(tmp_path):
    """An editor's backup or a package manager's leftover is not read."""
    (tmp_path / "own.toml~").write_text("not TOML at all")
    (tmp_path / "own.toml.dpkg-old").write_text("not TOML at all")
    assert len(list(load_table(tmp_path))) == 277


def test_rules_d_may_be_empty_or_missing(tmp_path):
    """Without the folder, or with an empty file in it, the package's rules count alone."""
    (tmp_path / "empty.toml").write_text("")
    assert len(list(load_table(tmp_path))) == 277
    assert len(list(load_table(tmp_path / "empty.toml"))) == 277


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ea-length = 16", "ea-length = 4", ":1: rule: EA length 4 is shorter than the 8 bits"),
        ("ea-length = 16", 'ea-length = "16"', ":5: rule.ea-length: must be a whole number"),
        ("ea-length = 16", "ea-length = true", ":5: rule.ea-length: must be a whole number"),
        ("ea-length", "ea-lenght", ":5: rule.ea-lenght: unknown key 'ea-lenght'; did you mean"),
        ("layout", "lay-out", ":7: rule.lay-out: unknown key 'lay-out'; did you mean 'layout'?"),
        ('"rfc"', '"RFC"', ":1: rule: layout 'RFC' is neither"),
        ("192.0.2.0/24", "192.0.2.1/24", "host bits set"),
        ('"example"', '"auto"', ":2: rule.provider: a rule cannot have the provider 'auto'"),
        ("[[rule]]", "[[rules]]", "unknown key 'rules'; did you mean 'rule'?"),
        ("[[rule]]", "[rule]", "must be an array of tables"),
        ("[[rule]]", "[[rule]", ":1: not valid TOML"),
    ],
)
def test_wrong_file_in_rules_d(tmp_path, old, new, says):
    """A wrong file is a configuration error with file, line and key."""
    (tmp_path / "own.toml").write_text(OWN.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_table(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/own.toml:")
    assert says in str(caught.value)


def test_file_that_is_no_text(tmp_path):
    """Bytes that are no UTF-8 are a configuration error, not a traceback."""
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_table(tmp_path)


def test_folder_with_the_name_of_a_file(tmp_path):
    """A folder called x.toml is a configuration error with its name."""
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(ConfigError, match=r"x\.toml: Is a directory"):
        load_table(tmp_path)
