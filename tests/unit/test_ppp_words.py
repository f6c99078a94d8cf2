"""The words of pppd's option files, each as pppd 2.4.9 and 2.5.2 themselves name it.

They were asked by `pppd file FILE`, which says "unrecognized option 'WORD'" of the first one.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwan.ppp.words import MAX_LENGTH, split

SAID = [
    ('"a b"', "a b"),
    ("'it''s' x", "its"),
    (r"a\ b c", "a b"),
    ("a\\\nb c", "ab"),
    ("\\\n  word x", "word"),
    ("# c\nword", "word"),
    ("word#comment\nx", "word"),
    (r"\#hash x", "#hash"),
    ('"a#b" x', "a#b"),
    (r"\x41\x5A\x6d x", "AZm"),
    (r"\101\1012 x", "AA2"),
    (r"a\sb x", "a b"),
    (r'"a\"b" x', 'a"b'),
    ("'a\"b' x", 'a"b'),
    ('"a\nb" x', "a\nb"),
    ("\t\n  last", "last"),
    ('a"b c"d x', "ab cd"),
    (r"\qx y", "qx"),
    ('"open', "open"),
    (r"'a\'b' x", "a'b"),
    (r"\x4g x", "\x04g"),
]


@pytest.mark.parametrize(("text", "word"), SAID)
def test_the_first_word_is_what_pppd_says(text, word):
    """Quotes, escapes, joined lines and comments."""
    assert next(split(text)).text == word


def test_a_word_has_the_line_where_it_begins():
    """A word that goes over lines, and lines that are joined, count where they begin."""
    text = 'one two # three\n\n"fo\nur"\nfi\\\nve\n\\\n  six\n'
    assert list(split(text)) == [
        ("one", 1),
        ("two", 1),
        ("fo\nur", 3),
        ("fi" + "ve", 5),
        ("six", 8),
    ]


def test_what_is_too_long_is_cut_as_pppd_cuts_it():
    """MAXWORDLEN is 1024, with the final zero."""
    assert [word.text for word in split("x" * 2000 + " y")] == ["x" * MAX_LENGTH, "y"]
    assert MAX_LENGTH == 1023


@given(st.text(alphabet="\\\"'# \n\tx41n", max_size=30))
def test_any_text_has_words(text):
    """None fails, and lines only go up."""
    lines = [word.line for word in split(text)]
    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)
