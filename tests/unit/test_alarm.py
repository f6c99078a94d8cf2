"""The alarm of a process: when it rings, that it rings until it is heard, and what it leaves."""

import signal
import time

import pytest

from dualwan.errors import BusyError
from dualwan.host import alarm

NONE = (0, 0)


class OursError(BusyError):
    """The limit of the body is over."""


class TheirsError(Exception):
    """The limit of the caller is over."""


@pytest.fixture(name="theirs")
def _theirs():
    """Return a function that sets the caller's alarm: seconds until it rings, and rings again."""

    def ring(_signal, _frame):
        raise TheirsError

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds, again=0: signal.setitimer(signal.ITIMER_REAL, seconds, again)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def hang_unheard():
    """Hang; the first alarm is lost, as one that comes just before a system call is lost to it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    assert signal.sigtimedwait({signal.SIGALRM}, 5)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    time.sleep(30)


def clean_up(done):
    """Hang, and take a while for what is to be done after an error."""
    try:
        time.sleep(30)
    finally:
        time.sleep(0.2)
        done.append(True)


def test_a_deadline_tells_its_limit():
    """The same sentence for a hook, for a look of the watcher and for a diagnosis."""
    with pytest.raises(BusyError, match=r"^gave up after 1 s$"), alarm.deadline(1):
        time.sleep(30)
    assert signal.getitimer(signal.ITIMER_REAL) == NONE


def test_a_deadline_that_is_not_heard_rings_again(monkeypatch):
    """A hook that hangs in a system call holds ifup, and the watcher's look everything else."""
    monkeypatch.setattr(alarm, "AGAIN_SECONDS", 0.05)
    began = time.monotonic()
    with pytest.raises(OursError), alarm.alarm(0.05, OursError("late")):
        hang_unheard()
    assert time.monotonic() - began < 10


def test_it_rings_no_more_once_it_was_heard(monkeypatch):
    """What cleans up after the error is not interrupted by it."""
    monkeypatch.setattr(alarm, "AGAIN_SECONDS", 0.05)
    cleaned = []
    with pytest.raises(OursError), alarm.alarm(0.05, OursError("late")):
        clean_up(cleaned)
    assert cleaned


def test_a_body_in_time_leaves_nothing():
    """Neither an alarm nor its handler."""
    before = signal.getsignal(signal.SIGALRM)
    with alarm.alarm(60, OursError("late")):
        assert signal.getitimer(signal.ITIMER_REAL) != NONE
    assert signal.getitimer(signal.ITIMER_REAL) == NONE
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_callers_alarm_takes_its_place_where_it_comes_first(theirs):
    """A limit within a limit never makes that one longer."""
    theirs(0.05)
    with pytest.raises(TheirsError), alarm.alarm(30, OursError("late")):
        time.sleep(30)


def test_the_callers_later_alarm_is_restored_with_its_repetition(theirs):
    """Less what the body took; and it still rings again, should it not be heard."""
    theirs(60, 2)
    with alarm.alarm(30, OursError("late")):
        time.sleep(0.2)
    left, again = signal.getitimer(signal.ITIMER_REAL)
    assert 30 < left <= 60 - 0.2
    assert again == pytest.approx(2)
