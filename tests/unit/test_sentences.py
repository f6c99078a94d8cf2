"""Each sentence of the source has a Japanese one, and the catalogues have no others."""

import argparse
import inspect
import re
from collections import Counter

import pytest
from sentences import CATALOGUES, of_catalogues, of_source, placeholders, variable

from dualwan import words

SOURCE, ENTRIES = of_source(), of_catalogues()
OURS = [one for one in ENTRIES if not one.place.startswith("argparse.po")]
LINES = 330  # of a catalogue


def _entry(english):
    text = english.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'#. {_code(english)}\nmsgid "{text}"\nmsgstr ""\n'


def _has_words(english):
    return any(map(str.isalpha, re.sub(r"\{[^{}]*\}", "", english)))


def test_every_sentence_is_translated():
    """One without words of its own, such as "{place}: {why}", may do as it is."""
    known = {one.english for one in OURS}
    missing = [_entry(one) for one in SOURCE if one not in known and _has_words(one)]
    assert not missing, "to be added, with the Japanese:\n\n" + "\n".join(missing)


def test_no_entry_is_left_over():
    """Neither of a sentence that is gone or was changed, nor empty, nor there twice."""
    assert [one for one in OURS if one.english not in SOURCE] == []
    assert [one for one in ENTRIES if not one.translated] == []
    assert [text for text, n in Counter(one.english for one in ENTRIES).items() if n > 1] == []


@pytest.mark.parametrize("one", OURS, ids=lambda one: one.place)
def test_a_translation_has_the_placeholders_of_the_sentence(one):
    """In any order, and any number of times; the forms are the same."""
    if "{" in one.english and _is_template(one.english):
        assert set(placeholders(one.translated)) == set(placeholders(one.english))
    percents = re.findall(r"%\(\w+\)s", one.english)
    assert re.findall(r"%\(\w+\)s", one.translated) == percents


def _is_template(english):
    """Whether the braces of a sentence are placeholders, and no example of TOML or a shell."""
    return bool(re.search(r"\{\w+(![rs])?(:[^{}]*)?\}", english)) and "{ service" not in english


def test_each_entry_has_the_code_of_its_sentence():
    """So that a code in a log or a question leads to both languages by grep."""
    wrong = [one for one in OURS if one.code != _code(one.english)]
    assert [(one.place, _code(one.english)) for one in wrong] == []


def _code(english):
    return words._code(english) if _has_words(english) else ""  # noqa: SLF001 - of the template


def test_a_sentence_is_written_where_it_is_said():
    """What is put together before cannot be found by this test, or by a translator."""
    assert variable() == []


def test_words_of_argparse_are_its_own():
    """As far as this Python has them; others have other words."""
    text = inspect.getsource(argparse)
    entries = [one for one in ENTRIES if one.place.startswith("argparse.po")]
    known = [one for one in entries if one.english in text]
    assert len(known) >= len(entries) - 2
    for one in entries:
        directives = re.findall(r"%(?:\(\w+\))?[sr]", one.english)
        assert sorted(re.findall(r"%(?:\(\w+\))?[sr]", one.translated)) == sorted(directives)


def test_a_catalogue_has_one_subject():
    """Like a file of the source, it can be read at once."""
    sizes = {one.name: len(one.read_text().splitlines()) for one in CATALOGUES.glob("*.po")}
    assert {name: size for name, size in sizes.items() if size > LINES} == {}
