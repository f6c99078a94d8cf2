"""One word for one thing in Japanese too: the table of docs/glossary.md and the texts."""

import re
from pathlib import Path

import pytest
from glossary import rows
from sentences import of_catalogues

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    (*ROOT.glob("*.ja.md"), *ROOT.glob("docs/**/*.ja.md"), *ROOT.glob("packaging/man/*.ja.*"))
)
# By where it stands; a catalogue's entries by their places.
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PAGES} | {
    one.place: one.translated for one in of_catalogues()
}
TABLE = rows("Words in Japanese")


def words(column):
    """Return the words of a column of the table."""
    return [word.strip() for row in TABLE for word in row[column].split(",") if word.strip()]


@pytest.mark.parametrize("word", words(1))
def test_each_word_is_used(word):
    """In a page or in a catalogue."""
    assert any(word in text for text in TEXTS.values())


@pytest.mark.parametrize("word", words(2))
def test_no_text_has_another_word_for_it(word):
    """Of a word that the right one begins with, the long vowel is what is missing."""
    pattern = re.compile(re.escape(word) + "(?!ー)")
    assert [place for place, text in TEXTS.items() if pattern.search(text)] == []
