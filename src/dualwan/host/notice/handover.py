"""Start the runner of the scripts: never as a child to wait for, and without inherited files.

Under systemd, dualwan-hooks.path sees pending.json and starts dualwan-hooks.service. So the scripts
run outside the confinement and the lifetime of the unit that handled the event: ifup, pppd and the
watcher need not wait, and nothing is started here. Without systemd the runner is forked off.
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
    """Have another process run the scripts for what is queued, soon; raises HostError."""
    if by_systemd() or lock.is_held(queue.directory() / lock.RUNNER):
        return
    try:
        start()
    except OSError as error:  # too little memory, or too many processes
        raise HostError(f"no process for them: {error.strerror}") from None


def by_systemd() -> bool:
    """Whether dualwan-hooks.path starts the runner."""
    ours = os.fspath(queue.directory().parent) == paths.RUN_DIR
    return ours and os.path.isdir(SYSTEMD) and os.path.lexists(UNIT)  # noqa: PTH112 - no pathlib


def start() -> None:
    """Start a runner in a session of its own, detached from this process, inheriting nothing.

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
        signal.signal(number, signal.SIG_DFL)  # nohup, or a shell's &, may have ignored one
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
