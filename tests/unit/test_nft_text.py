"""Golden nft texts: they are short for a person, and hide nothing from the test."""

import re

import pytest
from golden_cases import nft_case
from hypothesis import given
from hypothesis import strategies as st
from nft_text import WIDTH, difference, folded, reviewable

TABLE = """table ip t {
\tset tcp_flows {
\t\tsize 8
\t}
\tset udp_flows {
\t\tsize 8
\t}
\tchain out {
\t\ttcp accept
\t\tdrop
\t}
}
"""


@given(st.lists(st.sampled_from(["accept", "th", "@set", '"a b c"', "}" * 30]), min_size=1))
def test_a_folded_line_is_the_same_line(words):
    """Joined at its backslashes it is as before; no part is longer than a line, but for words."""
    line = "\t\t" + " ".join(words)
    text = folded(line)
    assert re.sub(r" \\\n\s+", " ", text) == f"{line}\n"
    assert max(map(len, text.splitlines())) <= WIDTH


def test_ports_are_a_digest_of_themselves():
    """Two maps of the same length that differ in one port are told apart."""
    text = "\t\tmap { " + ", ".join(f"{at} : {at + 1000}" for at in range(20)) + " }\n"
    assert re.fullmatch(r"\t\tmap \{ <20 elements, sha256 [0-9a-f]{12}> \}\n", reviewable(text))
    assert reviewable(text) != reviewable(text.replace("1007", "2007"))
    assert reviewable("a\nb\nb\n") == "a\nb  (x 2)\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("x", "x", ""),
        ("\t\tdrop\n", "", "in chain out:\n...\n  tcp accept\n- drop\n\n"),
        ("\tset udp_flows {\n\t\tsize 8\n\t}\n", "", "without set udp_flows:\n- ...\n\n"),
        (
            "\tchain out",
            "\tcounter c {\n\t}\n\tchain in {\n\t\taccept\n\t}\n\tchain out",
            "with counter c, after set udp_flows:\n+ {}\n\n"
            "with chain in, after counter c:\n+ accept\n\n",
        ),
        (
            "size 8",
            "size 9",
            "in set tcp_flows:\n...\n- size 8\n+ size 9\n\nin set udp_flows: as in set tcp_flows\n",
        ),
    ],
)
def test_a_difference_in_words(old, new, told):
    """What is gone, what is there now and where, with the line before it."""
    assert difference(TABLE, TABLE.replace(old, new)) == told


@pytest.mark.parametrize("name", ["forwards", "own-names-and-services"])
def test_no_line_is_lost_in_a_difference(name):
    """A line less, or two in another order, makes another difference."""
    case = nft_case(name)
    base, text = (reviewable(one.tables["dualwan_firewall"].source()) for one in (case.base, case))
    rows = text.splitlines(keepends=True)
    told = difference(base, text)
    for at in range(2, len(rows) - 2):
        if not rows[at].startswith("\t\t"):
            continue
        assert difference(base, "".join(rows[:at] + rows[at + 1 :])) != told, rows[at]
        if rows[at + 1].startswith("\t\t") and rows[at + 1] != rows[at]:
            swapped = [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]
            assert difference(base, "".join(swapped)) != told, rows[at]
