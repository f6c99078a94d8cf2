"""What a Japanese page quotes of the program, beside the English, is what the program prints."""

import re
from pathlib import Path

import pytest
from sentences import of_catalogues

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.ja.md"), *ROOT.glob("docs/**/*.ja.md")))
QUOTE = re.compile(r"「([^」]+)」\(`([^`]+)`\)")
QUOTES = {quote for page in PAGES for quote in QUOTE.findall(page.read_text(encoding="utf-8"))}
ENTRIES = of_catalogues()


def begins(text, quoted):
    """Whether a sentence of the catalogues begins with ``quoted``; … stands for a placeholder."""
    return re.match(re.escape(quoted).replace("…", r"\{\w+\}"), text)


@pytest.mark.parametrize(("japanese", "english"), sorted(QUOTES))
def test_a_quoted_message_is_of_the_catalogues(japanese, english):
    """The Japanese is the translation of the English; two blanks part a word from what follows."""
    for quoted, other in zip(
        *(re.split(r"\s{2,}", one) for one in (japanese, english)), strict=True
    ):
        assert [
            one for one in ENTRIES if begins(one.translated, quoted) and begins(one.english, other)
        ]


def test_the_messages_by_which_one_searches_are_quoted():
    """Both languages are there, as the log is English and the terminal Japanese."""
    assert {"obstacle:", "failed", "standby"} < {english for _, english in QUOTES}
