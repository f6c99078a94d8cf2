"""Files of /run/dualwan, as JSON; gone at boot, as the kernel's state is."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dualwan import files, paths
from dualwan.errors import HostError
from dualwan.words import say

STATE = "state.json"
SCRIPTS_KNOW = "hooks/known.json"  # the router as the owner's scripts know it
# Errors of a missing or malformed file.
BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    ArithmeticError,  # Python's JSON has an Infinity, of which int() fails
)
MODES = {STATE: 0o644}  # `status` of a user reads the state
MODE = 0o600  # of the others: nft shows its tables to root only
DEFERRED = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FOLDER_MODE, INNER_MODE = 0o755, 0o700  # of the run directory, and of a folder in it


def directory() -> Path:
    """Return the run directory: the environment variable DUALWAN_RUN, or /run/dualwan."""
    return Path(os.environ.get("DUALWAN_RUN") or paths.RUN_DIR)


def read(name: str) -> Any:
    """Return the content of a file of root's in a folder of root's; raises OSError, ValueError."""
    files.check_folder(directory())
    return json.loads(files.read_own(directory() / name))


def make(inner: str = "") -> Path:
    """Return the run directory, or a folder in it, made if it is missing.

    Raises OSError, UntrustedError among them if others than root may change it.
    """
    made = directory()
    files.make_folder(made, FOLDER_MODE)
    if inner:
        made /= inner
        files.make_folder(made, INNER_MODE)
    return made


def write(name: str, data: Any) -> None:
    """Overwrite a file; raises HostError, and the old file is intact then."""
    with uninterrupted(), failing_as(name) as target:
        make(os.path.dirname(name))  # noqa: PTH120 - "" where there is none
        files.write(target, json.dumps(data) + "\n", MODES.get(name, MODE))


def remove(name: str) -> None:
    """Remove a file that may be there; raises HostError."""
    with failing_as(name) as target:
        target.unlink(missing_ok=True)


@contextmanager
def failing_as(name: str) -> Iterator[Path]:
    """Yield the path of a file; turn an OSError of the body into a HostError about it."""
    target = directory() / name
    try:
        yield target
    except OSError as error:
        raise HostError(say("{target}: {reason}", target=target, reason=error.strerror)) from None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer signals until the body has ended: a hook's deadline, Ctrl-C, SIGTERM, a hangup.

    Otherwise a run that a signal ends would lose the state of all steps since the last save.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, DEFERRED)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
