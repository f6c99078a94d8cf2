"""A limit for a whole exchange."""

import pytest

from dualwan.errors import RemoteError
from dualwan.host.remote import deadline
from dualwan.host.remote.deadline import Deadline


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still until a test moves it: a list of its one time."""
    now = [1000.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_becomes_less(clock):
    """Every step has the rest of the whole, not a time of its own."""
    made = Deadline(10)
    assert made.left() == 10
    clock[0] += 4
    assert made.left() == 6


def test_a_step_may_have_less_than_what_is_left(clock):
    """One server of several; the rest of the whole where that is less."""
    made = Deadline(10)
    assert made.left(2) == 2
    clock[0] += 9
    assert made.left(2) == 1


@pytest.mark.parametrize("late", [10, 10.5, 1000])
def test_the_end_is_an_error(clock, late):
    """It names the limit, from the very end on."""
    made = Deadline(10)
    clock[0] += late
    with pytest.raises(RemoteError, match=r"^no answer within 10 s$"):
        made.left()
    with pytest.raises(RemoteError, match="within 10 s"):
        made.left(2)
