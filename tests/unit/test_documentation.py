"""What is documented is what there is: man pages, example, completion against the program."""

import ast
import re
from pathlib import Path

import pytest
from commandline import choices, options, parsers

from dualwan import cli, config, errors, slices, toml_source
from dualwan.config import forwards, services
from dualwan.mape import table

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "etc/dualwan.toml").read_text()
PAGE_8 = (ROOT / "packaging/man/dualwan-hook.8").read_text()
PAGE_5 = (ROOT / "packaging/man/dualwan.toml.5").read_text()

KEY = re.compile(r"(?P<off># ?)?(?P<key>[a-z][a-z0-9-]*) = (?P<value>[^#]+)")
HEADER = re.compile(r"(?:# ?)?\[{1,2}(?P<section>[a-z.]+)\]{1,2}\s*")

BASE = '[wan]\ninterface = "wan0"\n[lan]\ninterfaces = ["lan0"]\n'
MANUAL = (
    BASE
    + """[mape]
provider = "manual"
br = "2001:db8::1"
ce = "2001:db8::2"
ipv4 = "192.0.2.1"
psid = 1
psid-length = 6
"""
)
OWN_RULE = (
    BASE
    + """[mape]
br = "2001:db8::1"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
"""
)
AUTO = BASE + "[mape]\n"
IPIP = (
    AUTO
    + """mode = "ipip"
br = "2001:db8::1"
ipv4 = "192.0.2.1"
interface-id = "::feed"
"""
)
DS_LITE = AUTO + 'mode = "ds-lite"\naftr = "gw.example.jp"\n'
FORWARDS = (
    MANUAL
    + """[[forward]]
via = "pppoe"
protocol = "tcp"
port = 8080
to = "192.168.1.5"
from = ["192.0.2.0/24"]
"""
)
RULES_D = """[[rule]]
provider = "mine"
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
br = "2001:db8::1"
"""

SLICES = tuple(one.name for one in slices.ALL)


@pytest.fixture
def taken(monkeypatch):
    """What the parser asked for since: (section, key) -> the value that it got."""
    found = {}
    take = toml_source.TomlTable.take

    def recording(table, key, *arguments):
        value = take(table, key, *arguments)
        found[table.section, key] = value
        return value

    monkeypatch.setattr(toml_source.TomlTable, "take", recording)
    return found


def load(text, tmp_path):
    """The configuration TEXT, with no rules but the package's."""
    return config.from_text("dualwan.toml", text, tmp_path / "rules.d")


@pytest.fixture
def known(taken, tmp_path):
    """Every key that the parser of dualwan.toml knows, by section."""
    for text in (MANUAL, OWN_RULE, AUTO, IPIP, DS_LITE, FORWARDS):
        load(text, tmp_path)
    return set(taken)


@pytest.fixture
def known_in_rules(taken, tmp_path):
    """Every key of a [[rule]] in rules.d."""
    path = tmp_path / "mine.toml"
    path.write_text(RULES_D)
    table.read_toml(path)
    return {(section, key) for section, key in taken if section == "rule"}


def example_lines():
    """(line number, section, key, value, whether it is commented out) in the example."""
    section = ""
    for at, line in enumerate(EXAMPLE.splitlines()):
        if header := HEADER.fullmatch(line):
            section = header["section"]
        elif key := KEY.match(line):
            yield at, section, key["key"], key["value"].strip(), bool(key["off"])


def keys_of_page(page):
    """(section, key) of each `.It Ic key No =` below `.Ss [section]`."""
    section, found = "", set()
    for line in page.splitlines():
        if header := re.fullmatch(r"\.Ss \[{1,2}([a-z.]+)\]{1,2}", line):
            section = header[1]
        elif key := re.match(r"\.It Ic ([a-z0-9-]+) No =", line):
            found.add((section, key[1]))
    return found


def section_of_page(page, name):
    """The source of PAGE between `.Sh NAME` and the next one."""
    return page.split(f".Sh {name}\n")[1].split("\n.Sh ")[0]


def literal_keys(module):
    """Every key that MODULE's source names in a call of take."""
    tree = ast.parse(Path(module.__file__).read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "take"
        and isinstance(node.args[0], ast.Constant)
    }


def test_no_key_hides_from_these_tests(known):
    """A key that the source names is one that the configurations above make it ask for."""
    for module in (config, forwards):
        assert literal_keys(module) <= {key for _, key in known}


def test_example_names_each_key_and_no_other(known):
    """etc/dualwan.toml shows all that the parser knows, in its section."""
    assert {(section, key) for _, section, key, *_ in example_lines()} == known


def test_page_names_each_key_and_no_other(known, known_in_rules):
    """dualwan.toml(5) describes all that the parsers know, in its section."""
    assert keys_of_page(PAGE_5) == known | known_in_rules
    assert literal_keys(table) - {"rule"} == {key for _, key in known_in_rules}


def test_example_is_in_order_as_it_is(tmp_path):
    """Who copies the example has a configuration that can be checked at once."""
    load(EXAMPLE, tmp_path)


def test_example_shows_the_defaults(taken, tmp_path):
    """What is commented out is what holds without it; alternatives begin at `# Or`."""
    load(EXAMPLE, tmp_path)
    defaults = dict(taken)
    lines = EXAMPLE.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("# Or by hand"))
    after = lines.index("[pppoe]")
    shown = [
        item
        for item in example_lines()
        if item[4] and not first <= item[0] < after and item[1] != "forward"
    ]  # which has none by default
    assert shown
    for at, section, key, value, _ in shown:
        text = "\n".join([*lines[:at], f"{key} = {value}", *lines[at + 1 :]])
        assert load(text, tmp_path).prefix_source == "enp1s0"
        if key != "prefix-from":  # the WAN's own name, whatever that is
            assert taken[section, key] == defaults[section, key], key


def test_forwards_of_the_example_can_be_used(tmp_path):
    """All of them, uncommented, stand beside each other."""
    text = re.sub(r"(?m)^#(?=\[\[|[a-z]+ = )", "", EXAMPLE)
    assert [one.via for one in load(text, tmp_path).forwards] == ["pppoe", "mape", ""]


WAYS = {
    "hand": "# Or by hand",
    "ipip": "# Or another service",
    "ds-lite": "# Or DS-Lite",
    "rule": "# Or a rule",
}


@pytest.mark.parametrize("way", WAYS)
def test_alternatives_of_the_example_can_be_used(way, tmp_path):
    """Each block after `# Or`, uncommented, is a configuration."""
    lines = EXAMPLE.splitlines()
    begins = [
        next(at for at, line in enumerate(lines) if line.startswith(words))
        for words in WAYS.values()
    ]
    ends = [*begins[1:], lines.index("[pppoe]")]
    block = dict(zip(WAYS, map(range, begins, ends), strict=True))[way]
    text = "\n".join(
        line.removeprefix("# ")
        if (at in block and (KEY.match(line) or HEADER.match(line)))
        or (way == "rule" and line.startswith("# br =") and at < ends[0])
        else line
        for at, line in enumerate(lines)
    )
    mape = load(text, tmp_path).mape
    assert mape.fixed == (way == "hand")
    assert (getattr(mape, "rule", None) is not None) == (way == "rule")
    assert mape.mode == (way if way in {"ipip", "ds-lite"} else "map-e")


def test_example_of_the_page_can_be_used(tmp_path):
    """The configuration at the end of dualwan.toml(5) loads."""
    text = section_of_page(PAGE_5, "EXAMPLES").split("-offset indent\n")[1].split("\n.Ed")[0]
    load(text, tmp_path)


def test_page_names_each_service_and_its_ports():
    """SERVICES in dualwan.toml(5) is the table that the parser uses."""
    listed = dict(re.findall(r"\.It Li (\S+) Ta (.+)", section_of_page(PAGE_5, "SERVICES")))
    expected = {
        name: ", ".join(f"{port.protocol.upper()} {port.number}" for port in ports)
        for name, ports in services.KNOWN.items()
    }
    expected["ping"] = "ICMP and ICMPv6 echo"
    assert listed == expected
    mentioned = EXAMPLE.split("Names: ")[1].split(";")[0].replace("#", "").split()
    assert set(mentioned) == set(services.KNOWN)


def test_page_names_each_option_and_no_other():
    """OPTIONS in dualwan-hook(8) lists what argparse takes."""
    items = re.findall(r"^\.It (Fl .*)", section_of_page(PAGE_8, "OPTIONS"), re.MULTILINE)
    assert {f"-{word}" for item in items for word in re.findall(r"Fl (\S+)", item)} == options()


def test_page_names_each_command_and_no_other():
    """COMMANDS in dualwan-hook(8) lists what argparse takes, and so does its synopsis."""
    items = re.findall(r"^\.It Ic (\S+)", section_of_page(PAGE_8, "COMMANDS"), re.MULTILINE)
    assert set(items) == set(parsers()) - {""}
    synopsis = section_of_page(PAGE_8, "SYNOPSIS")
    assert set(re.findall(r"^\.Ic (\S+)", synopsis, re.MULTILINE)) == set(items)
    assert all(event in synopsis for event in choices("event", "event"))
    described = section_of_page(PAGE_8, "DESCRIPTION")
    assert set(re.findall(r"^\.It Cm (\S+)", described, re.MULTILINE)) == set(SLICES)


def test_page_names_each_exit_code_and_no_other():
    """EXIT STATUS in dualwan-hook(8) lists the codes of all errors."""
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.DualwanError)
    }
    expected = codes | {0, cli.WOULD_CHANGE, cli.INTERRUPTED}
    listed = re.findall(r"^\.It (\d+)", section_of_page(PAGE_8, "EXIT STATUS"), re.MULTILINE)
    assert set(map(int, listed)) == expected
