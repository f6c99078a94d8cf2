"""All errors of a configuration at once, as a person gets them."""

from pathlib import Path

import pytest
from config_texts import WRONG, errors
from documents import read_each_key, record
from golden_cases import GOLDEN, compare, to_toml
from hypothesis import given
from hypothesis import strategies as st
from machine import BASE

from dualwan.config import every_error, examples, from_text
from dualwan.errors import ConfigError
from dualwan.toml_source import parse

FOLDER = GOLDEN / "errors"
NO_RULES = {}
FORWARDS = """
[[forward]]
via = "pppoe"
protocol = "tcp"
port = 80
to = "192.168.1.5"
[[forward]]
via = "pppoe"
protocol = "tcp"
port = 80
to = "192.168.1.6"
"""


def test_all_errors_of_a_file_as_written_down():
    """Each has file, line, section and key, what was found and expected, and an example."""
    found = every_error.of_text("dualwan.toml", (FOLDER / "dualwan.toml").read_text(), NO_RULES)
    compare(FOLDER / "errors.txt", "".join(f"{line}\n" for line in found.lines))
    assert str(found) == f"{found.lines[0]} (and {len(found.lines) - 1} more)"
    assert found.exit_code == 3


def test_a_configuration_in_order_has_none():
    """And a single error is told as it is, with an example."""
    assert every_error.of_text("f", BASE, NO_RULES) is None
    found = every_error.of_text("f", WRONG, NO_RULES)
    says = "f:12: mape.psid: PSID 64 does not fit into 6 bits (0 to 63) (example: psid = 1)"
    assert (str(found), found.lines) == (says, (says,))


def test_each_wrong_item_of_a_list_is_named():
    """Once each, in their order; a single one, and items that are in order, as before."""
    text = f'{BASE}[firewall]\ninbound = ["ssh", "htps", "tcp/0", "http", "htps"]\n'
    found = every_error.of_text("f", text, NO_RULES)
    assert [line.split("inbound: ")[1].split(";")[0].split(" (")[0] for line in found.lines] == [
        "unknown service 'htps'",
        "'tcp/0': a port is 1 to 65535",
    ]
    single = every_error.of_text("f", text.replace('"tcp/0"', '"dns"'), NO_RULES)
    assert len(single.lines) == 1
    probe = BASE.replace("[wan]\n", '[wan]\nprobe = ["x", "192.0.2.1", "y"]\n')
    assert len(every_error.of_text("f", probe, NO_RULES).lines) == 2


def test_what_is_no_toml_is_one_error():
    """Nothing can be read behind it."""
    found = every_error.of_text("f", BASE + "x =\n[wan", NO_RULES)
    assert len(found.lines) == 1
    assert "not valid TOML" in str(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param(BASE.replace('"manual"', '"nobody"'), [8], id="keys of an unknown provider"),
        pytest.param(
            BASE.replace("[mape]", '[mape]\nmode = "tunnel"'), [8], id="keys of an unknown mode"
        ),
        pytest.param(BASE.replace("psid-length = 6", "psid-length = []"), [13], id="the PSID fits"),
        pytest.param(
            BASE.replace('"wan0"', '"wan0"\nprobe = ["192.0.2.1"]\nfailover = 1'),
            [4],
            id="probes serve the failover",
        ),
        pytest.param(
            BASE.replace('"wan0"', "1").replace('["lan0"]', '["wan0"]\nnetworks = ["10.0.0.0/8"]'),
            [2],
            id="networks belong to a shared interface",
        ),
        pytest.param(
            BASE.replace("[lan]\ninterfaces", "[lann]\ninterfaces"), [4], id="a section misspelled"
        ),
        pytest.param(
            BASE.replace("interface = ", "interfase = "), [2], id="a required key misspelled"
        ),
        pytest.param(
            BASE + FORWARDS.replace("80", "0"), [21, 26], id="forwards of no port are not the same"
        ),
        pytest.param(BASE + FORWARDS, [26], id="a forward twice"),
        pytest.param(
            BASE
            + '[zone.guest]\ninterfaces = ["lan1"]\nways = ["nobody"]\n'
            + '[zone.dmz]\ninterfaces = ["lan1"]\n',
            [19],
            id="zones at odds, of which one is wrong",
        ),
    ],
)
def test_what_follows_from_an_error_is_none(text, lines):
    """A value that took the place of a wrong one is at odds with nothing."""
    assert [line for line, _ in errors(text)] == lines


def test_values_at_odds_are_told_where_both_are_in_order():
    """In one section, whatever is wrong in another one that has no part in it."""
    text = BASE.replace('"wan0"', '"wan0"\nprobe = ["192.0.2.1"]').replace("dial = false", "dial=0")
    assert [message.split(": ")[0] for _, message in errors(text)] == ["wan.probe", "pppoe.dial"]


def test_a_misspelled_key_is_read_as_what_was_meant():
    """Its value may be wrong too, which is told at its line."""
    assert errors(BASE.replace("dial = false", 'dail = "no"')) == [
        (16, "pppoe.dail: unknown key 'dail'; did you mean 'dial'? (example: dial = true)"),
        (16, "pppoe.dial: must be true or false, not 'no' (example: dial = true)"),
    ]


@pytest.mark.parametrize("name", ["zone.forward", "zone.policy", "way.forward"])
def test_a_name_like_that_of_a_list_is_no_list(name):
    """A zone, say, that is written with two brackets."""
    found = every_error.of_text("f", f"{BASE}[[{name}]]\n", NO_RULES)
    assert [line.partition(": ")[2].partition(",")[0] for line in found.lines] == [
        f"{name}: must be a table"
    ]


@pytest.mark.parametrize(
    "ways",
    ['[way."a.b"]\ntype = "vpn"\n[firewall]\nident = 1\n', '[way]\na = 1\n[way."a.b"]\n'],
)
def test_a_way_with_a_dot_in_its_name_hides_no_other_error(ways):
    """Nor does it end in a traceback, whatever stands at the word before the dot."""
    found = every_error.of_text("f", BASE + ways, NO_RULES)
    assert len(found.lines) == 2
    assert any("'a.b' is no name of a way" in line for line in found.lines)


@pytest.mark.parametrize(
    "section",
    [
        *("wan", "lan", "mape", "pppoe", "firewall", "forward", "zone"),
        *("mape.rule", "firewall.guard", "zone.guest"),
    ],
)
@pytest.mark.parametrize("value", ["1", "[]", "[1]", "[{}]"])
def test_a_section_of_any_shape_ends_somewhere(section, value):
    """What stands in place of a table is an error, and others are found besides."""
    head, _, name = section.rpartition(".")
    sections = dict(parse("f", BASE))
    sections.pop(section, None)
    text = "".join(
        [
            f"{section} = {value}\n" if not head else f"{head} = {{ {name} = {value} }}\n",
            to_toml({key: one for key, one in sections.items() if key != head}),
        ]
    ).replace("psid = 1", 'psid = "x"')
    found = errors(text)
    if (section, value) == ("forward", "[]"):
        assert [message.split(":")[0] for _, message in found] == ["mape.psid"]
        return
    assert found
    if not section.startswith("mape"):
        assert any("mape.psid" in message for _, message in found)


def test_errors_of_the_rules_beside_it_are_told_too(tmp_path):
    """Those of rules.d come last, and keep nothing else from being found."""
    (tmp_path / "mine.toml").write_text("[[rule]]\nprovider = 1\n")
    text = BASE.split("[mape]")[0].replace('"lan0"', "1") + '[mape]\nprovider = "mine"\nwait = -1\n'
    found = every_error.of_text("f", text, tmp_path).lines
    assert [line.split(": ")[0] for line in found[:2]] == ["f:5", "f:9"]
    assert len(found) == 3
    assert found[2].startswith(f"{tmp_path}/mine.toml:")


LINES = [
    *BASE.splitlines(),
    *FORWARDS.replace('port = 80\nto = "192.168.1.6', 'port = 81\nto = "192.168.1.6').splitlines(),
]


@given(
    st.lists(st.tuples(st.sampled_from(range(len(LINES))), st.text(max_size=12)), max_size=4),
    st.lists(st.sampled_from(range(len(LINES))), max_size=4),
)
def test_whatever_is_garbled_the_first_error_is_among_them(garbled, gone):
    """All errors are told where there is any, and the one that an event would log is one."""
    lines = list(LINES)
    for at, garbage in garbled:
        lines[at] = garbage
    text = "\n".join(line for at, line in enumerate(lines) if at not in gone) + "\n"
    found = every_error.of_text("f", text, NO_RULES)
    try:
        from_text("f", text, NO_RULES)
    except ConfigError as error:
        assert any(line.startswith(str(error)) for line in found.lines)  # noqa: PT017 - or none
        assert len(found.lines) <= every_error.MOST
    else:
        assert found is None


def test_each_key_has_an_example_that_the_parser_takes(monkeypatch, tmp_path):
    """Nobody is shown what is refused too."""
    calls = record(monkeypatch)
    read_each_key(tmp_path)
    assert set(examples.KEYS) == set(calls.values)
    for (section, key), value in examples.KEYS.items():
        for convert, _ in calls.defaults.get((section, key), ()):
            convert(parse("f", f"x = {value}")["x"])
        assert examples.example(section, key) == f"{key} = {value}"


def test_a_person_gets_them_all(run, config):
    """Each on a line of its own; with what events use instead of the file, if there is anything."""
    run()
    config.write_text(BASE.replace("psid = 1", "psid = -1").replace("dial = false", "dial = 1"))
    code, out, err = run("check")
    assert (code, out) == (3, "")
    first, second = err.splitlines()
    assert first.startswith(f"dualwan-hook: {config}:12: mape.psid: ")
    assert second.startswith(f"dualwan-hook: {config}:16: pppoe.dial: ")
    assert Path(config).exists()
