"""The locks of the run directory: one held for a run, and one for as long as a watcher lives."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from dualwan import files
from dualwan.errors import BusyError, HostError
from dualwan.host.alarm import alarm
from dualwan.words import say

RUN, WATCH, RUNNER = "lock", "watch", "runner"  # names of the files
WATCH_SECONDS = 2.0  # until a watcher has ended, or another process has tested its lock
MODE = 0o600  # flock(2) wants no more than to read
RUNNER_SECONDS = 3600.0  # for the previous runner of the owner's scripts, whose time is limited
EARLIER_SECONDS = 3.0  # for a run of 0.1.0, whose lock any user could hold


class _TooLongError(BusyError):
    """The time limit of this module, not a deadline of the caller, has ended the wait."""


@contextmanager
def locked(directory: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of ``directory``; raises BusyError if another run holds it for ``seconds``.

    Raises HostError if the directory cannot be created, or others may change it.
    """
    busy = say("another run of dualwan-hook has been at work for {seconds:.0f} s", seconds=seconds)
    with _held(directory / RUN, seconds, busy):
        yield


@contextmanager
def watching(directory: Path) -> Iterator[None]:
    """Hold the lock of the one watcher; raises BusyError if there is another watcher.

    Raises HostError if the directory cannot be created, or others may change it.
    """
    with _held(directory / WATCH, WATCH_SECONDS, say("another dualwan-hook watch runs already")):
        yield


@contextmanager
def running_scripts(directory: Path) -> Iterator[None]:
    """Hold the lock of the one runner of the owner's scripts; wait for the one before.

    Raises BusyError, HostError.
    """
    with _held(directory / RUNNER, RUNNER_SECONDS, say("other scripts of hooks.d have not ended")):
        yield


def is_watched(directory: Path) -> bool:
    """Whether a watcher holds its lock; False also without the permission to ask."""
    return is_held(directory / WATCH)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock ``path``; False also without the permission to ask."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def _held(path: Path, seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock of the file ``path``; raises BusyError, ``busy``, after ``seconds``.

    flock(2) waits, and an alarm ends the wait. The kernel releases the lock of a process that
    dies. Raises HostError if the directory cannot be created, or others may change it.
    """
    handles: list[int] = []
    try:
        _make(path.parent)
        _take(path, seconds, busy, handles)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _make(directory: Path) -> None:
    """Make the directory if it is missing; raises HostError if others may change it."""
    try:
        files.make_folder(directory, 0o755)
    except files.UntrustedError as error:
        raise HostError(files.refusal(directory, error)) from None
    except OSError as error:
        raise _refusal(directory, error) from None


def _refusal(path: Path, error: OSError) -> HostError:
    """Return the error of ``path``; root meets others, such as a full or read-only /run."""
    if isinstance(error, PermissionError):
        return HostError(
            say("{path}: {reason} (changing anything needs root)", path=path, reason=error.strerror)
        )
    return HostError(say("{path}: {reason}", path=path, reason=error.strerror))


def _take(path: Path, seconds: float, busy: str, handles: list[int]) -> None:
    """Take the lock ``path``; append the open files to ``handles``, for the caller to close.

    A lock file that other users can open, such as that of 0.1.0, is replaced. A run of that version
    or a user may hold its lock; so wait for that, but not for long. Another run may replace the
    file meanwhile, so a lock counts only if ``path`` is still the locked file.
    """
    until = monotonic() + seconds
    while True:
        handle = _opened(path)
        handles.append(handle)
        if _is_for_others(os.fstat(handle)):
            with suppress(_TooLongError), alarm(min(EARLIER_SECONDS, seconds), _TooLongError(busy)):
                _flock(handle, path)
            if _is(path, handle):
                path.unlink(missing_ok=True)
            continue
        with alarm(max(until - monotonic(), 0.001), _TooLongError(busy)):
            _flock(handle, path)
        if _is(path, handle):
            return
        os.close(handles.pop())


def _flock(handle: int, path: Path) -> None:
    """Wait for the lock; raises HostError, such as for ENOLCK."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        raise HostError(say("{path}: {reason}", path=path, reason=error.strerror)) from None


def _opened(path: Path) -> int:
    """Return a handle of the lock; raises HostError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, MODE)
    except OSError as error:
        raise _refusal(path, error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise HostError(say("{path}: is no regular file: rm {path}", path=path))
    return handle


def _is_for_others(about: os.stat_result) -> bool:
    return bool(about.st_mode & (stat.S_IRWXG | stat.S_IRWXO)) or files.others_may_write(about)


def _is(path: Path, handle: int) -> bool:
    """Whether ``path`` is the file of ``handle``, still."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False
