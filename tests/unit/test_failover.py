"""When the LAN leaves MAP-E and when it returns: rows of probes and a hold-down."""

from hypothesis import given
from hypothesis import strategies as st

from dualwan.line.failover import FAILS, RECOVERS, next_health
from dualwan.model.state import Health


def told(answers, hold_down=100.0, step=10.0):
    """Return what was believed after each of ANSWERS, one probe every STEP seconds."""
    health, seen = Health(), []
    for at, answer in enumerate(answers):
        health = next_health(health, answer, at * step, hold_down)
        seen.append(health.broken)
    return seen


def test_one_lost_probe_is_nothing():
    """Only a whole row of failures counts."""
    assert told([True, False, False, True, False, False]) == [False] * 6


def test_a_row_of_failures_breaks_it():
    """With the last of FAILS probes without an answer."""
    assert told([False] * FAILS) == [False] * (FAILS - 1) + [True]


def test_it_returns_after_a_row_and_the_hold_down():
    """Both are waited for: here the row is complete long before 100 seconds have passed."""
    seen = told([False] * FAILS + [True] * 12)
    broken_at, mended_at = seen.index(True), len(seen) - seen[::-1].index(True)
    assert (mended_at - broken_at) * 10 == 100


def test_without_hold_down_a_row_of_answers_is_enough():
    """RECOVERS probes with an answer."""
    assert told([False] * FAILS + [True] * RECOVERS, hold_down=0)[-2:] == [True, False]


@given(st.lists(st.booleans()))
def test_a_change_follows_a_row_of_probes_that_say_so(answers):
    """Never on the word of fewer than the smaller row."""
    seen = told(answers, hold_down=0)
    for at in range(1, len(seen)):
        if seen[at] != seen[at - 1]:
            row = FAILS if seen[at] else RECOVERS
            assert answers[at - row + 1 : at + 1] == [not seen[at]] * row
