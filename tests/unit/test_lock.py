"""The lock of the run directory: who holds it, who waits, and whose deadline ends the wait."""

import fcntl
import os
import signal
import time

import pytest

from dualwan.errors import BusyError, HostError
from dualwan.host.lock import locked


class TooLateError(Exception):
    """The deadline of the caller is over."""


@pytest.fixture(name="held")
def _held(tmp_path):
    """Return a directory whose lock another run holds."""
    handle = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield tmp_path
    os.close(handle)


@pytest.fixture(name="deadline")
def _deadline():
    """Return a function that sets the caller's own deadline, in seconds."""

    def too_late(_signal, _frame):
        raise TooLateError

    before = signal.signal(signal.SIGALRM, too_late)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_one_run_at_a_time(held):
    """Whoever comes second is told how long it has waited, and may try again later."""
    with pytest.raises(BusyError, match="at work for 0 s"), locked(held, 0.01):
        pytest.fail("held twice")


def test_the_lock_is_free_again_after_a_run(tmp_path):
    """Also after one that failed."""
    with pytest.raises(ValueError, match="a run"), locked(tmp_path, 1):
        raise ValueError("a run")
    with locked(tmp_path, 0.01):
        assert (tmp_path / "lock").exists()


def test_the_callers_deadline_ends_the_wait_where_it_comes_first(held, deadline):
    """A hook that has a tenth of a second left does not wait twenty for the lock."""
    deadline(0.1)
    began = time.monotonic()
    with pytest.raises(TooLateError), locked(held, 20):
        pytest.fail("held twice")
    assert time.monotonic() - began < 10


def test_the_callers_deadline_goes_on_after_the_wait(tmp_path, deadline):
    """It is over when it would have been without a lock."""
    deadline(0.05)
    with pytest.raises(TooLateError), locked(tmp_path, 20):
        signal.pause()


def test_a_later_deadline_of_the_caller_is_not_forgotten(held, deadline):
    """The wait ends first; what was left of the deadline is left still."""
    deadline(60)
    with pytest.raises(BusyError), locked(held, 0.01):
        pytest.fail("held twice")
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 50 < left < 60


def test_without_a_directory_nothing_is_held(tmp_path):
    """The reason is said, and what is usually missing."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(HostError, match=r"Not a directory \(changing anything needs root\)"),
        locked(tmp_path / "file" / "run", 1),
    ):
        pytest.fail("held")
