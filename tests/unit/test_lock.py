"""The lock of the run directory: who holds it, who waits, and whose deadline ends the wait."""

import errno
import fcntl
import os
import re
import select
import signal
import stat
import subprocess
import sys
import time

import pytest

from dualwan.errors import BusyError, HostError
from dualwan.host import alarm, lock
from dualwan.host.lock import locked

# Holds the lock until it has read all of its input.
HOLDING = """\
import sys
from pathlib import Path
from dualwan.host.lock import locked
with locked(Path(sys.argv[1]), 20):
    print("held", flush=True)
    sys.stdin.read()
"""


class TooLateError(Exception):
    """The deadline of the caller is over."""


@pytest.fixture(name="held")
def _held(tmp_path):
    """Return a directory whose lock another run holds."""
    handle = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield tmp_path
    os.close(handle)


@pytest.fixture(name="other")
def _other():
    """Return a function that starts another process, which holds the lock when it has it."""
    started = []

    def start(directory):
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", HOLDING, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


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


def test_an_alarm_that_comes_just_before_the_wait_is_not_the_last(held, monkeypatch):
    """On a starved machine it may: what Python would raise waits for the system call, for ever."""
    monkeypatch.setattr(alarm, "AGAIN_SECONDS", 0.05)
    wait = fcntl.flock

    def late(handle, how):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        assert signal.sigtimedwait({signal.SIGALRM}, 5)  # the first one, as if it were lost
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        if signal.getitimer(signal.ITIMER_REAL)[0]:
            wait(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(BusyError), locked(held, 0.01):
        pytest.fail("held twice")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_two_processes_exclude_each_other(tmp_path, other):
    """Both by the same way: the second is locked out until the first has done its work."""
    first = other(tmp_path)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(BusyError), locked(tmp_path, 0.05):
        pytest.fail("held twice")
    first.communicate()
    with locked(tmp_path, 0.05):
        assert first.returncode == 0


def test_who_waits_goes_on_when_the_first_has_done_its_work(tmp_path, other):
    """The wait is the kernel's: nobody has to try again."""
    with locked(tmp_path, 1):
        second = other(tmp_path)
        assert not select.select([second.stdout], [], [], 0.2)[0]
    assert second.stdout.readline() == "held\n"


def test_who_is_killed_lets_go(tmp_path, other):
    """No lock is left behind that a person would have to remove."""
    first = other(tmp_path)
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.wait()
    with locked(tmp_path, 0.05):
        assert (tmp_path / "lock").exists()


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
    with pytest.raises(BusyError), locked(held, 0.5):
        pytest.fail("held twice")
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 30 < left <= 60 - 0.5
    assert signal.getsignal(signal.SIGALRM).__name__ == "too_late"


# --- only root holds what root waits for -------------------------------------------------------


@pytest.fixture(name="by_a_user")
def _by_a_user(tmp_path):
    """Return a directory with the lock of 0.1.0, which a user without rights holds.

    It is opened for reading, as everybody could, which is enough for flock(2).
    """
    path = tmp_path / "lock"
    path.touch()
    path.chmod(0o644)
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield tmp_path
    os.close(handle)


def test_a_lock_that_a_user_holds_keeps_nobody(by_a_user, monkeypatch):
    """One of 0.1.0 that was taken before the upgrade: one run waits a moment, and no other."""
    monkeypatch.setattr(lock, "EARLIER_SECONDS", 0.05)
    with locked(by_a_user, 20):
        assert stat.S_IMODE((by_a_user / "lock").stat().st_mode) == 0o600
        with pytest.raises(BusyError), locked(by_a_user, 0.05):
            pytest.fail("held twice")
    monkeypatch.setattr(lock, "EARLIER_SECONDS", 20)
    began = time.monotonic()
    with locked(by_a_user, 20):
        assert time.monotonic() - began < 10


def test_a_run_of_the_version_before_is_waited_for(tmp_path, other, monkeypatch):
    """It holds a lock that everybody could hold; it is at work all the same."""
    (tmp_path / "lock").touch()
    (tmp_path / "lock").chmod(0o644)
    handle = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    monkeypatch.setattr(lock, "EARLIER_SECONDS", 20)
    second = other(tmp_path)
    assert not select.select([second.stdout], [], [], 0.2)[0]
    os.close(handle)
    assert second.stdout.readline() == "held\n"


def test_runs_that_replace_a_lock_at_once_exclude_each_other(tmp_path, other):
    """Each finds the lock of 0.1.0, and only one at a time holds what comes after it."""
    (tmp_path / "lock").touch()
    (tmp_path / "lock").chmod(0o644)
    runs = [other(tmp_path) for _ in range(4)]
    waiting = {run.stdout: run for run in runs}
    while waiting:
        ready = select.select(list(waiting), [], [], 20)[0]
        assert len(ready) == 1
        assert ready[0].readline() == "held\n"
        assert not select.select([out for out in waiting if out is not ready[0]], [], [], 0.1)[0]
        waiting.pop(ready[0]).communicate()


def test_nobody_but_root_can_open_the_lock(tmp_path):
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        with locked(tmp_path / "run", 1):
            assert stat.S_IMODE((tmp_path / "run" / "lock").stat().st_mode) == 0o600
            assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, r"lock: is no regular file: rm "),
        (lambda path: path.symlink_to("/dev/null"), r"lock: Too many levels of symbolic links"),
        (lambda path: path.mkdir(), r"lock: Is a directory"),
    ],
)
def test_something_else_in_the_place_of_the_lock_is_told(tmp_path, make, told):
    """And nothing waits for it, nor writes through it."""
    make(tmp_path / "lock")
    with pytest.raises(HostError, match=told), locked(tmp_path, 1):
        pytest.fail("held")


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_directory_that_others_may_change_is_refused(tmp_path, mode):
    """They could put another lock, or another state, in the place of ours."""
    tmp_path.chmod(mode)
    with (
        pytest.raises(HostError, match=r"others than root may change it: chown root .*; chmod 755"),
        locked(tmp_path, 1),
    ):
        pytest.fail("held")


def test_without_a_directory_nothing_is_held(tmp_path):
    """The reason is said."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(HostError, match=r"file/run: Not a directory$"),
        locked(tmp_path / "file" / "run", 1),
    ):
        pytest.fail("held")


@pytest.mark.parametrize("function", ["os.open", "os.mkdir"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "Permission denied (changing anything needs root)"),
        (errno.EPERM, "Operation not permitted (changing anything needs root)"),
        (errno.ENOSPC, "No space left on device"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_root_is_asked_for_only_where_it_is_missing(tmp_path, monkeypatch, function, number, said):
    """A full /run, or one that was mounted read-only, refuses root as well."""

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(function, refused)
    with pytest.raises(HostError, match=f": {re.escape(said)}$"), locked(tmp_path / "run", 1):
        pytest.fail("held")
