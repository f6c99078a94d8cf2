"""Text in the cells of a terminal, where East Asian letters take two."""

import pytest

from dualwan import cells
from dualwan.report.layout import table, wrapped

SENTENCE = "回線のIPv6が使えません。ONUかホームゲートウェイを再起動してください"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("wan0", 4),
        ("回線", 4),
        ("IPv6あり", 8),
        ("ｱ", 1),
        ("か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}", 2),
    ],
)
def test_a_letter_takes_one_cell_or_two(text, expected):
    """A combining mark none."""
    assert cells.width(text) == expected
    assert cells.width(cells.padded(text, 10)) == 10


@pytest.mark.parametrize("columns", [20, 21, 33, 80])
def test_no_line_is_wider_than_it_may_be(columns):
    """And nothing is lost."""
    lines = cells.wrap(SENTENCE, columns, "- ", "  ")
    assert max(map(cells.width, lines)) <= columns
    assert "".join(line[2:] for line in lines) == SENTENCE


@pytest.mark.parametrize("columns", range(6, 60))
def test_no_line_begins_with_a_mark_that_ends_something(columns):
    """Nor is a word of Latin letters broken that fits."""
    lines = cells.wrap(SENTENCE, columns)
    assert not any(line[0] in "。、ー" for line in lines)
    assert any("IPv6" in line for line in lines)


def test_latin_text_is_broken_at_blanks():
    """As textwrap does it."""
    assert cells.wrap("one two three", 8) == ["one two", "three"]
    assert cells.wrap("経路 one two", 9) == ["経路 one", "two"]
    assert cells.wrap("", 8) == [""]


def test_a_word_that_has_no_room_is_broken_unless_it_is_to_stay_whole():
    """A path may be longer than a line."""
    assert cells.wrap("あ/usr/share", 6) == ["あ", "/usr/s", "hare"]
    assert cells.wrap("あ/usr/share", 6, whole=True) == ["あ", "/usr/share"]
    assert cells.wrap("/usr/share", 6, whole=True) == ["/usr/share"]


def test_a_report_counts_in_cells():
    """A title and its text, and the columns of a table."""
    assert wrapped("公開中", "なし", 80, 9) == ["公開中   なし"]
    assert max(map(cells.width, wrapped("公開中", SENTENCE, 40, 9))) <= 40
    lines = table(["経路", "what"], [["MAP-E", SENTENCE]], 40)
    assert max(map(cells.width, lines)) <= 40
