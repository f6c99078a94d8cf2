"""One run of one script: in its own session, limited in time and output, nothing left running."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from dualwan.errors import legible
from dualwan.words import say

LIMIT_SECONDS = 30.0
GRACE_SECONDS = 5.0  # from SIGTERM to SIGKILL
OUTPUT_BYTES, OUTPUT_LINES, LINE_LETTERS = 4096, 40, 400  # of a run, in the log
UMASK = 0o077
_CHUNK = 1 << 16
_SET_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37  # prctl(2)
_CHILDREN = Path("/proc/thread-self/children")


class Outcome(NamedTuple):
    """The end of a run. failure: "" or why; output: lines for the log."""

    failure: str
    output: tuple[str, ...]


def adopt() -> None:
    """Become the parent of each process that a script leaves behind (PR_SET_CHILD_SUBREAPER)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _adopts() -> bool:
    """Whether processes that a script leaves behind become children of this process."""
    answer = ctypes.c_int()
    ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def run(
    path: str,
    environment: Mapping[str, str],
    limit: float = LIMIT_SECONDS,
    grace: float = GRACE_SECONDS,
) -> Outcome:
    """Run the script ``path`` in a session of its own; return how it ended.

    It is ended after ``limit`` seconds. Processes that it has started are always ended: its process
    group, and those outside the group if this process adopts them.
    """
    reading, writing = os.pipe()
    try:
        process = _started(path, environment, writing)
    except OSError as error:
        os.close(reading)
        return Outcome(say("cannot be run: {reason}", reason=error.strerror), ())
    finally:
        os.close(writing)
    said = _Output(reading)
    try:
        in_time = _await_end([process.pid], limit, said)
        _signal(process.pid, signal.SIGTERM)
        _await_end((*_others(process.pid), process.pid), grace, said)
    finally:  # also if a signal interrupts the wait
        _kill_all(process.pid)
        code = process.wait()
        said.close()
    if not in_time:
        return Outcome(
            say("has not ended within {limit:g} s, and was ended", limit=limit), said.lines
        )
    return Outcome(_failure(code), said.lines)


def _started(path: str, environment: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a file of root's, without arguments
        [path],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env=dict(environment),
        umask=UMASK,
        start_new_session=True,
        preexec_fn=_die_with_runner,  # noqa: PLW1509 - this process has one thread
    )


def _die_with_runner() -> None:
    """Have the kernel kill the script if the runner dies: only the runner limits its time."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def _failure(code: int) -> str:
    if code < 0:
        return say("was ended by signal {number}", number=-code)
    return say("exit code {code}", code=code) if code else ""


class _Output:
    """The output of a run, read so that the script never blocks; only the beginning is kept."""

    def __init__(self, handle: int) -> None:
        os.set_blocking(handle, False)
        self.handle = handle
        self._kept, self._bytes, self.open = b"", 0, True

    def read(self) -> None:
        """Read what is there, a bounded amount of it."""
        try:
            found = os.read(self.handle, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            found = b""
        self.open = bool(found)
        self._bytes += len(found)
        self._kept += found[: OUTPUT_BYTES - len(self._kept)]

    def close(self) -> None:
        """Read the rest that fits, and close."""
        if self.open and len(self._kept) < OUTPUT_BYTES:
            self.read()
        os.close(self.handle)

    @property
    def lines(self) -> tuple[str, ...]:
        """The beginning as lines of printable letters, and how much is left out."""
        text = self._kept.decode("utf-8", "replace")
        found = [legible(line.expandtabs()) for line in text.splitlines() if line.strip()]
        shown = [line[:LINE_LETTERS] for line in found[:OUTPUT_LINES]]
        if shown != found or self._bytes > len(self._kept):
            shown.append(f"... ({self._bytes} bytes in all; the rest is left out)")
        return tuple(shown)


def _await_end(pids: Iterable[int], seconds: float, said: _Output) -> bool:
    """Wait until the processes have ended, ``seconds`` at most; return whether they have.

    They are not reaped, so that no other process can get their numbers. Output is read meanwhile.
    """
    watched = select.poll()
    ends: set[int] = set()
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                ends.add(os.pidfd_open(pid))
        for end in ends:
            watched.register(end, select.POLLIN)
        if said.open:
            watched.register(said.handle, select.POLLIN)
        until, running = monotonic() + seconds, set(ends)
        while running:
            left = until - monotonic()
            if left <= 0:
                return False
            for handle, _ in watched.poll(left * 1000):
                if handle == said.handle:
                    said.read()
                if handle in running or not said.open:
                    with suppress(KeyError):
                        watched.unregister(handle)
                    running.discard(handle)
        return True
    finally:
        for end in ends:
            os.close(end)


def _kill_all(leader: int) -> None:
    """Kill and reap every child until there is none but the ``leader``, which is not reaped."""
    _signal(leader, signal.SIGKILL)
    os.waitid(os.P_PID, leader, os.WEXITED | os.WNOWAIT)
    while others := _others(leader):  # children of a process that ends become ours
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _signal(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    for pid in _others(leader):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _others(leader: int) -> list[int]:
    """Return our children but ``leader``; none without adoption, or if /proc does not list them."""
    if not _adopts():
        return []
    try:
        return [pid for pid in map(int, _CHILDREN.read_text().split()) if pid != leader]
    except (OSError, ValueError):
        return []
