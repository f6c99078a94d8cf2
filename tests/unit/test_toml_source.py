import pytest

from dualwan.errors import ConfigError
from dualwan.toml_source import Source, TomlTable, parse, unknown

TEXT = """\
# a comment
[wan]
interface = "a"   # interface = "b"

[ mape . rule ]
"ea-length" = 1
[[forward]]
port = 1
[[forward]] # the second

port = 2
to = "x"
"""


@pytest.mark.parametrize(
    ("section", "key", "number", "line"),
    [
        ("wan", "", 0, 2),
        ("wan", "interface", 0, 3),
        ("mape.rule", "ea-length", 0, 6),
        ("forward", "port", 0, 8),
        ("forward", "", 1, 9),
        ("forward", "port", 1, 11),
        ("forward", "to", 1, 12),
        ("forward", "to", 0, 7),
        ("nowhere", "key", 0, 1),
    ],
)
def test_each_key_has_its_line(section, key, number, line):
    """A key is found in its table, in the right one of several; else the table's header is."""
    assert Source("f", TEXT).line(section, key, number) == line


def test_the_first_of_two_lines_counts():
    """A key that seems to be there twice, in a text over many lines say, is its first line."""
    assert Source("f", '[a]\nk = """\nk = 1\n"""\n').line("a", "k") == 2


def test_an_error_says_file_line_and_key():
    """The form that editors and people jump to."""
    with pytest.raises(ConfigError, match=r"^f:3: wan\.interface: is wrong$"):
        Source("f", TEXT).fail("is wrong", "wan", "interface")


def test_a_table_is_read_key_by_key():
    """What is there is converted, what is not has its default as it is."""
    table = TomlTable(Source("f", TEXT), "wan", {"interface": "a"})
    assert table.has("interface")
    assert not table.has("mtu")
    assert table.take("interface", str.upper) == "A"
    assert table.take("mtu", int, None) is None
    table.done()


def test_what_nobody_asked_for_is_unknown():
    """A key that is left over when everything was read is an error at its own line."""
    table = TomlTable(Source("f", TEXT), "forward", {"port": 2, "to": "x"}, 1)
    table.take("port", int)
    with pytest.raises(ConfigError, match=r"^f:12: forward\.to: unknown key 'to'; known: port$"):
        table.done()


def test_the_nearest_known_name_is_offered_only_when_it_is_near():
    """A hint that is no help is not given; then all that is known is listed."""
    assert unknown("key", "portt", ["port", "to"]) == "unknown key 'portt'; did you mean 'port'?"
    assert unknown("key", "xyz", ["port", "to"]) == "unknown key 'xyz'; known: port, to"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 3\n", 2),
        ("a = 1\na = 2\n", 2),
        ('a = "\n', 1),
        ("[a]\nb = [1,\n2\n", 3),
    ],
)
def test_what_is_not_toml_is_reported_where_the_parser_stopped(text, line):
    """The line of a syntax error is tomli's; at the end of the file it is the last."""
    with pytest.raises(ConfigError, match=rf"^f:{line}: not valid TOML: [A-Z]"):
        parse("f", text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[mape]\nmtu = 1460\nrule = { ea-length = 1 }\n", 3),
        ("[mape]\nmtu = 1460\nrule.ea-length = 1\n", 3),
        ("mape.rule.ea-length = 1\n", 1),
        ("a = 1\nmape = { rule = { ea-length = 1 } }\n", 2),
    ],
)
def test_a_table_inside_a_table_has_the_line_of_the_key_that_holds_it(text, line):
    """However it is written: in braces or with dots."""
    assert Source("f", text).line("mape.rule", "ea-length") == line
