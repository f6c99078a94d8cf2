"""Man pages in two languages: entry by entry the Japanese one names the same.

As test_japanese.py holds README.md. Who changes a page changes the other one at the same place.
"""

import re
from collections import Counter
from itertools import chain
from pathlib import Path

import mdoc
import pytest
from documents import default_of_entry, entries_of_page
from japanese import other_figures

ROOT = Path(__file__).parents[2]
MAN = ROOT / "packaging/man"
ENGLISH = sorted(path.name for path in MAN.iterdir() if ".ja." not in path.name)
# How the Japanese dualwan.toml(5) writes what documents.py reads in English.
AS_ENGLISH = {
    "既定値: WAN": "\nDefault: the WAN",
    "既定値:": "\nDefault:",
    "なし": "none",
    "(": " (",
}

each_page = pytest.mark.parametrize("page", ENGLISH)


def in_japanese(page):
    """Return the name of the Japanese ``page``: dh_installman takes the language from it."""
    name, _, section = page.rpartition(".")
    return f"{name}.ja.{section}"


def read(page):
    """Return the source of ``page``."""
    return (MAN / page).read_text(encoding="utf-8")


def both(page):
    """Return the entries of ``page`` in English, and in Japanese."""
    return [mdoc.entries(read(of)) for of in (page, in_japanese(page))]


def numbered(entries):
    """Return ``entries`` by label; the second one of a label is that label "again"."""
    seen = Counter()
    found = {}
    for entry in entries:
        found[entry.label + " again" * seen[entry.label]] = entry
        seen[entry.label] += 1
    return found


def differences(page, differ):
    """Return what ``differ`` finds between an entry in English and in Japanese, by label."""
    english, japanese = map(numbered, both(page))
    common = [label for label in english if label in japanese]
    found = {label: differ(english[label], japanese[label]) for label in common}
    return {label: one for label, one in found.items() if one}


def named(entry):
    """Return the names of an ``entry``; a document's Japanese one counts as the English one."""
    return {(macro, name.replace(".ja.md", ".md")) for macro, name in entry.names}


@each_page
def test_each_entry_is_in_both(page):
    """Each section, command, option, key, file and exit code, in the same order."""
    labels = [[entry.label for entry in entries] for entries in both(page)]
    lacking = sorted((Counter(labels[0]) - Counter(labels[1])).elements())
    assert not lacking, f"{in_japanese(page)} has no entry for: {'; '.join(lacking)}"
    surplus = sorted((Counter(labels[1]) - Counter(labels[0])).elements())
    assert not surplus, f"{page} has no entry for: {'; '.join(surplus)}"
    moved = [label for expected, label in zip(*labels, strict=True) if label != expected]
    assert not moved, f"{in_japanese(page)} has this at another place: {moved[0]}"


@each_page
def test_the_pages_are_of_the_same_day(page):
    """Date, title and system: a change of the English page is a change of the Japanese one."""
    assert mdoc.head(read(page)) == mdoc.head(read(in_japanese(page)))


@each_page
def test_an_entry_names_the_same(page):
    """Each command, option, key, value, file and page that is marked, however often."""
    lacking = differences(page, lambda english, japanese: named(english) - named(japanese))
    assert not lacking, f"{in_japanese(page)} does not name, by entry: {lacking}"
    surplus = differences(page, lambda english, japanese: named(japanese) - named(english))
    assert not surplus, f"{page} does not name, by entry: {surplus}"


@each_page
def test_an_entry_has_the_same_figures(page):
    """Ranges, defaults and limits; small numbers that are words in English may be digits."""
    found = differences(page, lambda *two: other_figures(*("\n".join(one.lines) for one in two)))
    assert not found, f"only one of both has these figures, by entry: {found}"


@each_page
def test_an_entry_has_the_same_lines_to_type(page):
    """Commands, and lines of files."""
    found = differences(page, lambda *two: two[0].literals != two[1].literals)
    assert not found, f"the lines to type are others in: {'; '.join(found)}"


@each_page
def test_an_entry_has_as_many_paragraphs(page):
    """None is left out."""
    found = differences(page, lambda *two: two[0].paragraphs - two[1].paragraphs)
    assert not found, f"{in_japanese(page)} lacks paragraphs, by entry: {found}"


def test_defaults_are_the_same():
    """Each key has the default of the English dualwan.toml(5), which is the parser's, or none."""
    english, japanese = (entries_of_page(read(f"dualwan.toml{of}.5")) for of in ("", ".ja"))
    assert english
    for place in english.keys() & japanese.keys():
        text = japanese[place]
        for one, other in AS_ENGLISH.items():
            text = text.replace(one, other)
        assert default_of_entry(text) == default_of_entry(english[place]), place


@each_page
def test_a_quote_ends_with_its_line(page):
    """A macro that encloses takes all of its line, and so what Ns would attach."""
    lines = read(in_japanese(page)).splitlines()
    assert [one for one in lines if re.match(r"\.(Dq|Pq|Ql|Qq) .* Ns\b", one)] == []


def test_the_package_has_each_page():
    """In both languages."""
    listed = (ROOT / "packaging/debian/manpages").read_text(encoding="utf-8").split()
    pages = chain.from_iterable((page, in_japanese(page)) for page in ENGLISH)
    assert sorted(listed) == sorted(f"packaging/man/{page}" for page in pages)
