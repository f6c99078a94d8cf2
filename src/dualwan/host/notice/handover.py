"""How the runner is started: never as a child that the caller waits for, nor with what it holds.

Where systemd runs, dualwan-hooks.path sees pending.json and starts dualwan-hooks.service. So the
scripts have neither the confinement of the unit whose event it was, nor its life: ifup, pppd and
the watcher need not wait, and nothing is started from here. Elsewhere the runner is forked off.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import dualwan
from dualwan import paths
from dualwan.errors import HostError
from dualwan.host import lock
from dualwan.host.notice import queue

SYSTEMD = "/run/systemd/system"  # sd_booted(3)
UNIT = "/etc/systemd/system/paths.target.wants/dualwan-hooks.path"  # while it is enabled
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_KEPT = "DUALWAN_RUN"
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from dualwan.cli import main; sys.exit(main(['hooks']))"
)


def hand_over() -> None:
    """Let what waits be told to the scripts, soon and by another process; raises HostError."""
    if by_systemd() or lock.is_held(queue.directory() / lock.RUNNER):
        return
    try:
        start()
    except OSError as error:  # no memory, or too many processes; it waits for the next change
        raise HostError(f"no process for them: {error.strerror}") from None


def by_systemd() -> bool:
    """Whether dualwan-hooks.path does it."""
    ours = os.fspath(queue.directory().parent) == paths.RUN_DIR
    return ours and os.path.isdir(SYSTEMD) and os.path.lexists(UNIT)  # noqa: PTH112 - no pathlib


def start() -> None:
    """Start a runner, detached from this process: a session of its own, nothing inherited.

    Raises OSError.
    """
    child = os.fork()
    if child == 0:
        _detach()
    os.waitpid(child, 0)


def _detach() -> NoReturn:
    try:
        os.setsid()
        if os.fork() == 0:
            _become_runner()
    finally:
        os._exit(0)


def _become_runner() -> NoReturn:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # also one that nohup or a shell's & has ignored
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(nothing, handle)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    kept = {_KEPT: os.environ[_KEPT]} if _KEPT in os.environ else {}
    root = os.fspath(Path(dualwan.__file__ or "").parent.parent)
    os.execve(  # noqa: S606 - this interpreter and this package
        sys.executable,
        [sys.executable, "-I", "-B", "-c", _START, root, "dualwan-hook", "hooks"],
        {**_ENVIRONMENT, **kept},
    )
