"""Run each look of the watcher in a child process.

Modules that a look imports, memory that it corrupts and a library that aborts end with the child.
The child imports what is on the disk by then: an upgrade of Python, or of a library, may have
replaced the files with which the waiting process was started.
"""

from __future__ import annotations

import os
import pickle
import signal
from typing import TYPE_CHECKING, NoReturn, TypeVar

from dualwan.errors import BusyError, DualwanError, ReplacedError
from dualwan.handle.run import fail
from dualwan.host.alarm import deadline
from dualwan.model.event import Event
from dualwan.supervisor import death, log_plainly

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE_SECONDS = 60  # of a look with all that it mends, as of a hook
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_REPLACED = 101  # exit code that libnftables does not use


def apart(look: Callable[[], T]) -> T | None:
    """Return the outcome of ``look``, run in a child; None if the child died, which is logged.

    Raises ReplacedError if the child cannot load a module.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _look_and_exit(look, theirs)
    os.close(theirs)
    with open(ours, "rb") as answer:  # noqa: PTH123 - a file descriptor
        data = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == _REPLACED:
        raise ReplacedError(
            "Python, or a library, was replaced since the watcher began: it ends, for another start"
        )
    if code:  # libnftables, or the kernel for want of memory
        fail(Event.MEND, DualwanError(f"a look was {death(code)}"))
    return pickle.loads(data) if data else None  # noqa: S301 - from our own child


def _look_and_exit(look: Callable[[], T], answer: int) -> NoReturn:
    """Write the outcome of ``look`` to ``answer``, and end this process in any case.

    SIGTERM and SIGINT do not end it. They are handled, not blocked: a pppd that the look dials
    would inherit a blocked mask, and could not be hung up.
    """
    code = 0
    try:
        for one in SIGNALS:
            signal.signal(one, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        with deadline(DEADLINE_SECONDS), open(answer, "wb") as file:
            file.write(pickle.dumps(look()))
    except BusyError as error:  # the deadline has passed
        fail(Event.MEND, error)
    except ImportError as error:  # the log's own modules may be gone as well
        code = _REPLACED
        log_plainly(f"{error} ({Event.MEND.label})")
    except BaseException as error:  # noqa: BLE001 - whatever it is, the watcher goes on
        reason = " ".join(str(error).split())
        complaint = f"unexpected {type(error).__name__}: {reason}; please report it"
        fail(Event.MEND, DualwanError(complaint))
    finally:
        os._exit(code)
