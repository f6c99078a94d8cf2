"""A child process that handles an event, and the line in the log if it dies.

libnftables aborts at a bug of its own, and ends its process without memory or netlink; the kernel
kills a process when memory runs out. Python cannot catch any of these. The parent has loaded next
to nothing: forking it takes less than 1 ms, and the child ends without unloading hundreds of
modules. So a ppp-up with nothing to do takes 126 ms of processor time, not 145.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType

GARBAGE = 5000  # allocations between two runs of the garbage collector; Python's default is 700
WELL, FAILED = 0, 100  # exit codes of the child that libnftables does not use
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def in_child(what: str, handle: Callable[[], bool]) -> bool:
    """Return the result of ``handle`` in a child process; False if the child died, which is logged.

    ``what``: the event, for the log. A signal that would end this process ends the child.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # until handlers are set
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, the child leaves no result
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _handle_and_exit(handle)

    def forward(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for one in FORWARDED:
        signal.signal(one, forward)
    _await(child, before)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (WELL, FAILED):
        log_plainly(f"{what}: {death(code)}; what it has not done is left to the next event")
    return code == WELL


def _await(child: int, mask: Iterable[int]) -> None:
    """Unblock all signals but those of ``mask``, and wait until ``child`` has ended.

    waitpid(2) alone would miss a signal that arrives right before it: Python runs a handler only
    between two bytecode instructions.
    """
    news, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    ended = os.pidfd_open(child)
    former = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        waiting = select.poll()
        waiting.register(news, select.POLLIN)
        waiting.register(ended, select.POLLIN)
        while ended not in dict(waiting.poll()):
            os.read(news, 512)
    finally:
        signal.set_wakeup_fd(former)
        for one in (news, told, ended):
            os.close(one)


def _handle_and_exit(handle: Callable[[], bool]) -> None:
    """End this process with the result of ``handle``, whatever it raises.

    The child ends before garbage matters: Python's default frequency of collection takes a
    twentieth of its time. No collection at all would take 300 KB more.
    """
    gc.set_threshold(GARBAGE)
    code = FAILED
    try:
        code = WELL if handle() else FAILED
    except BaseException as error:  # noqa: BLE001 - the child must not run on as the parent
        log_plainly(
            f"unexpected {type(error).__name__}: {error}; please report it".replace("\n", " ")
        )
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # a closed stream is None
                stream.flush()
        os._exit(code)


def death(code: int) -> str:
    """Return in words how a process ended whose exit ``code`` is none that this program uses."""
    if code < 0:
        with suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
        return f"ended by signal {-code}"
    return f"ended by a library with exit code {code}"


def log_plainly(sentence: str) -> None:
    """Log ``sentence`` as an error, and print it, without libraries that may have failed."""
    import syslog  # noqa: PLC0415 - hardly ever needed

    syslog.openlog("dualwan-hook", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_ERR, sentence.encode("utf-8", "backslashreplace").decode())
    complain(sentence)


def complain(sentence: str) -> None:
    """Print ``sentence`` to stderr, which may be closed, or a pipe that nobody reads any more.

    What is left of it goes nowhere then: Python ends with 120 if it cannot be flushed.
    """
    try:
        print(f"dualwan-hook: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - ifup shows it
    except (OSError, ValueError):
        with suppress(OSError, ValueError, AttributeError):  # a closed stream has no number
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stderr.fileno())
            os.close(nowhere)
