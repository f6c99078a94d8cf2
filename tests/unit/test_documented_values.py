"""Ranges and defaults in man page, example and docstrings are those of the parsers."""

import inspect
import re

import pytest
from documents import (
    EXAMPLE,
    PAGE_5,
    default_of_entry,
    entries_of_page,
    example_lines,
    ranges_in,
    read_each_key,
    read_each_rule_key,
    record,
)

from dualwan import config
from dualwan.config import firewall, mape


@pytest.fixture
def parsed(monkeypatch, tmp_path):
    """Return the calls by which the parsers read every key."""
    calls = record(monkeypatch)
    read_each_key(tmp_path)
    read_each_rule_key(tmp_path)
    return calls


def test_page_states_the_range_of_each_number(parsed):
    """dualwan.toml(5) gives the limits that the parsers check."""
    entries = entries_of_page(PAGE_5)
    assert parsed.ranges["mape", "max-share"] in ranges_in(entries["mape", "max-share"])
    for place, limits in parsed.ranges.items():
        if place[1] == "psid":  # as many as its length allows
            assert "from 0 to 2^psid-length - 1" in entries[place]
        else:
            assert ranges_in(entries[place])[:1] == [limits], place


def test_page_states_each_default(parsed):
    """dualwan.toml(5) gives the defaults that the parsers use, and no others."""
    stated = {
        place: default
        for place, entry in entries_of_page(PAGE_5).items()
        if (default := default_of_entry(entry)) is not None
    }
    unstated = ("forward", "via")  # its entry describes a forward without it
    assert set(stated) == {place for place in parsed.defaults if place[0]} - {unstated}
    for place, value in stated.items():
        for convert, default in parsed.defaults[place]:
            assert (convert(value) if value != "" else type(default)()) == default, place


def test_example_states_the_range_that_is_checked(parsed):
    """Where a comment in etc/dualwan.toml gives limits of a number, they are the parser's."""
    lines = EXAMPLE.splitlines()
    stated = {
        (section, key): found[0]
        for at, section, key, *_ in example_lines()
        if (found := ranges_in(lines[at].partition("  # ")[2]))
    }
    assert ("mape", "max-share") in stated
    assert stated == {place: parsed.ranges[place] for place in stated}


SECTIONS = {
    "wan": config.Wan,
    "lan": config.Lan,
    "mape": mape.MapE,
    "pppoe": config.Pppoe,
    "firewall.guard": firewall.Guard,
    "zone": config.Zone,
}


def test_docstrings_state_the_range_that_is_checked(parsed):
    """Where the docstring of a section gives limits of a field, they are the parser's.

    As ``field: what it is, LOW to HIGH`` or as ``field ... (LOW to HIGH)``.
    """
    stated = {}
    for section, key in parsed.ranges:
        name = key.replace("-", "_")
        for kind in inspect.getmro(SECTIONS.get(section, object)):
            form = rf"\b{name}: [^.;]*|``{name}``[^`()]*\([^)]*\)"
            text = re.search(form, inspect.getdoc(kind) or "")
            if text and (found := ranges_in(text[0])):
                stated[section, key] = found[0]
                break
    assert {("mape", "max-share"), ("pppoe", "mtu"), ("mape", "mtu")} <= set(stated)
    assert stated == {place: parsed.ranges[place] for place in stated}
