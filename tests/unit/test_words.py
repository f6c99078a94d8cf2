"""Sentences that keep what they are made of, and their codes."""

import json
import pickle

import pytest
from sentences import of_source

from dualwan import words
from dualwan.errors import ConfigError, ConfigErrors
from dualwan.words import code, listed, named, say


def test_a_sentence_is_its_english_text():
    """For whoever compares it, keeps it or sends it on: JSON, the log, a file."""
    sentence = say("{name} is down", name="wan0")
    assert sentence == "wan0 is down"
    assert json.loads(json.dumps({"seen": sentence})) == {"seen": "wan0 is down"}
    assert {sentence: 1}["wan0 is down"] == 1
    assert pickle.loads(pickle.dumps(sentence)) == sentence  # noqa: S301 - of our own


def test_braces_stand_for_themselves_without_values():
    """As in an example of TOML."""
    assert say('{ service = "ssh" }') == '{ service = "ssh" }'
    assert say('{{ service = "{name}" }}', name="ssh") == '{ service = "ssh" }'


def test_an_error_keeps_its_sentence():
    """Its text, its lines and another error that is made of it have the code."""
    known = code(say("'{key}' is missing", key="ce"))
    error = ConfigError(say("'{key}' is missing", key="ce"))
    assert code(str(error)) == known
    assert code(error.lines[0]) == known
    assert code(say("{error}; until then the old one is in use", error=error)) == known
    assert code(ConfigErrors((str(error), "another")).lines[0]) == known


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (say("a is down") + " now", "a is down now"),
        ("- " + say("a is down"), "- a is down"),
        (listed("; ", ["x", say("a is down")]), "x; a is down"),
        (listed("; ", [say("a is down")]), "a is down"),
        (say("{place}: {why}", place="f:1", why=say("a is down")), "f:1: a is down"),
        (say("{why}, {what}", why=say("a is down"), what="x"), "a is down, x"),
        (say("{why} (example: b)", why=say("a is down")), "a is down (example: b)"),
    ],
)
def test_a_sentence_in_another_one_gives_it_its_code(made, text):
    """If the other one begins with it, or only puts it into a place."""
    assert made == text
    assert code(made) == code(say("a is down"))


def test_a_value_gives_no_code_to_a_sentence_that_begins_otherwise():
    """The sentence itself is what is searched for."""
    inner = say("a is down")
    assert code(say("because {inner}", inner=inner)) not in {"", code(inner)}


def test_other_text_has_no_code():
    """What others say is not ours to number."""
    assert code("No such file or directory") == ""
    assert code(say("{reason}", reason="No such file or directory")) == ""
    assert code(listed("; ", [])) == ""


def test_a_finding_has_its_own_code():
    """The one of --json."""
    assert code(named(say("a is down"), "a-down")) == "a-down"


def test_no_two_sentences_have_the_same_code():
    """And each code reads well: five letters and digits, none like another."""
    codes = [words._code(one) for one in of_source()]  # noqa: SLF001 - of the template itself
    assert len(set(codes)) == len(codes)
    assert all(len(one) == len("DW-ABCDE") for one in codes)
