"""Man pages and example name every key, option, command and service of the program."""

import ast
import re
from pathlib import Path

import pytest
from commandline import choices, options, parsers
from documents import (
    EXAMPLE,
    HEADER,
    KEY,
    PAGE_5,
    PAGE_8,
    entries_of_page,
    example_lines,
    load,
    read_each_key,
    read_each_rule_key,
    record,
    section_of_page,
)

from dualwan import cli, config, doctor, errors, slices
from dualwan.commands import common
from dualwan.config import firewall, forwards, mape, services
from dualwan.host.notice import script
from dualwan.mape import table
from dualwan.model.event import Event
from dualwan.notice import environment, pending

SLICES = tuple(one.name for one in slices.ALL)


@pytest.fixture
def taken(monkeypatch):
    """Return the values that the parsers got from now on, by (section, key)."""
    return record(monkeypatch).values


@pytest.fixture
def known(taken, tmp_path):
    """Return every key that the parser of dualwan.toml knows, as (section, key)."""
    read_each_key(tmp_path)
    return set(taken)


@pytest.fixture
def known_in_rules(taken, tmp_path):
    """Return every key of a [[rule]] in rules.d, as (section, key)."""
    read_each_rule_key(tmp_path)
    return {(section, key) for section, key in taken if section == "rule"}


def literal_keys(module):
    """Return every key that the source of ``module`` names in a call of take."""
    tree = ast.parse(Path(module.__file__).read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "take"
        and isinstance(node.args[0], ast.Constant)
    }


def test_no_key_hides_from_these_tests(known):
    """The configurations of documents.py make the parsers ask for each key in their source."""
    for module in (config, firewall, forwards, mape):
        assert literal_keys(module) <= {key for _, key in known}


def test_example_names_each_key_and_no_other(known):
    """etc/dualwan.toml shows each key of the parser, in its section."""
    assert {(section, key) for _, section, key, *_ in example_lines()} == known


def test_page_names_each_key_and_no_other(known, known_in_rules):
    """dualwan.toml(5) describes each key of the parsers, in its section."""
    assert set(entries_of_page(PAGE_5)) == known | known_in_rules
    assert literal_keys(table) - {"rule"} == {key for _, key in known_in_rules}


def test_example_is_in_order_as_it_is(tmp_path):
    """The example as it is can be loaded."""
    load(EXAMPLE, tmp_path)


def test_example_shows_the_defaults(taken, tmp_path):
    """A key that is commented out shows its default; alternatives begin at `# Or`."""
    load(EXAMPLE, tmp_path)
    defaults = dict(taken)
    lines = EXAMPLE.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("# Or by hand"))
    after = lines.index("[pppoe]")
    shown = [
        item
        for item in example_lines()
        if item[4]
        and not first <= item[0] < after
        and item[1] not in {"forward", "policy", "way", "zone"}
    ]  # of which there are none by default
    assert shown
    for at, section, key, value, _ in shown:
        text = "\n".join([*lines[:at], f"{key} = {value}", *lines[at + 1 :]])
        assert load(text, tmp_path).prefix_source == "enp1s0"
        if key != "prefix-from":  # the WAN's own name, whatever that is
            assert taken[section, key] == defaults[section, key], key


def test_the_zone_of_the_example_shows_the_defaults(taken, tmp_path):
    """With its interfaces alone, and with every key as it stands there, it is the same zone."""
    first = EXAMPLE.index("# [zone.guest]")
    block = EXAMPLE[first : EXAMPLE.index("[mape]", first)]
    whole = re.sub(r"(?m)^# (?=\[|[a-z-]+ = )", "", block)
    keys = re.findall(r"(?m)^([a-z-]+) = ", whole)
    assert set(keys) == {key for _, section, key, *_ in example_lines() if section == "zone"}
    least = "".join(whole.splitlines(keepends=True)[:2])
    made = [load(EXAMPLE.replace(block, text), tmp_path).zones for text in (whole, least)]
    assert made[0] == made[1]
    assert [zone.name for zone in made[0]] == ["guest"]
    assert set(keys) == {key for section, key in taken if section == "zone"}


def test_forwards_and_policies_of_the_example_can_be_used(tmp_path):
    """All of them, uncommented, stand beside each other."""
    text = re.sub(r"(?m)^#(?=\[\[|[a-z]+ = )", "", EXAMPLE)
    found = load(text, tmp_path)
    assert [one.via for one in found.forwards] == ["pppoe", "mape", ""]
    assert [(one.way, one.fallback) for one in found.policies] == [("pppoe", "none")]


def test_further_ways_of_the_example_can_be_used(tmp_path):
    """All of them, uncommented, stand beside each other."""
    head, tail = EXAMPLE.split("# Up to six more ways", 1)
    block, rest = tail.split("[firewall]", 1)
    text = re.sub(r"(?m)^# (?=\[way|[a-z0-9-]+ = )", "", block)
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("[way"))
    found = load(f"{head}\n" + "\n".join(lines[first:]) + f"\n[firewall]{rest}", tmp_path)
    assert list(found.ways) == ["second", "fixed", "whole", "lite", "away"]
    modes = [one.mode for one in found.ways.values()]
    assert modes == ["pppoe", "ipip", "ipip", "ds-lite", "vpn"]


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


def test_page_names_each_check_of_doctor_and_no_other():
    """DIAGNOSIS in dualwan-hook(8) lists the registry, in its order."""
    items = re.findall(
        r"^\.It Cm ([A-Za-z0-9 ,.-]+)$", section_of_page(PAGE_8, "DIAGNOSIS"), re.MULTILINE
    )
    listed = [name for item in items for name in item.split(" , ")]
    assert sorted(listed) == sorted(check.name for check in doctor.ALL)


def test_page_names_each_exit_code_and_no_other():
    """EXIT STATUS in dualwan-hook(8) lists the codes of all errors."""
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.DualwanError)
    }
    expected = codes | {0, common.WOULD_CHANGE, cli.INTERRUPTED}
    listed = re.findall(r"^\.It (\d+)", section_of_page(PAGE_8, "EXIT STATUS"), re.MULTILINE)
    assert set(map(int, listed)) == expected


def test_page_names_each_event_and_variable_of_scripts_and_no_other():
    """SCRIPTS in dualwan-hook(8) is what the program tells the scripts of hooks.d."""
    text = section_of_page(PAGE_8, "SCRIPTS")
    assert set(re.findall(r"^\.It Ev (\S+)$", text, re.MULTILINE)) | set(environment.FIXED) == set(
        environment.environment(pending.Notice(pending.UP))
    )
    assert set(re.findall(r"^\.It Cm (\S+)$", text, re.MULTILINE)) == set(pending.EVENTS)
    reasons = text.split(".It Ev DUALWAN_REASON")[1].split(".El")[0]
    told = {one.value for one in Event} | {"probe"}
    assert set(re.findall(r"^\.Ql (\S+)", reasons, re.MULTILINE)) == told
    for name in environment.FIXED:
        assert f".Ev {name}" in text


def test_page_names_the_limits_of_scripts():
    """Seconds, bytes, lines and the umask are those of the program."""
    text = section_of_page(PAGE_8, "SCRIPTS")
    assert f"Each has {script.LIMIT_SECONDS:.0f} seconds; then it gets SIGTERM, and" in text
    assert f"and {script.GRACE_SECONDS:.0f} seconds later SIGKILL" in text
    assert f"the first {script.OUTPUT_BYTES} bytes, at most {script.OUTPUT_LINES} lines" in text
    assert f"the umask {script.UMASK:03o}" in text
