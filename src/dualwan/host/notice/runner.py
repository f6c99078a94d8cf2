"""The runner: runs the owner's scripts for what is queued, one notice and one script at a time.

It is a process of its own. Only one runner works at a time; it also takes what is queued meanwhile.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NoReturn

from dualwan.errors import DualwanError
from dualwan.host import lock
from dualwan.host.notice import folder, queue, script
from dualwan.host.notice.queue import Failure, Waiting
from dualwan.log import logger
from dualwan.notice.choice import Refused
from dualwan.notice.environment import environment
from dualwan.notice.pending import Notice, notices

LIMITS = (script.LIMIT_SECONDS, script.GRACE_SECONDS)
# Below the router's own work, and its packets.
NICENESS = 5


def serve() -> None:
    """Run scripts until the queue is empty, in a process for nothing else; raises DualwanError."""
    signal.signal(signal.SIGTERM, _leave)
    with suppress(PermissionError):  # in the unit, which has Nice= instead
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    script.adopt()
    drain()


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def drain(limits: tuple[float, float] = LIMITS) -> None:
    """Run the scripts for all that is queued; raises DualwanError.

    ``limits``: seconds that a script may take, and those from SIGTERM to SIGKILL after them.
    """
    with ExitStack() as held:
        held.enter_context(lock.running_scripts(queue.directory()))
        while True:
            with queue.locked():
                found = queue.take()
                if found is None:
                    # While the queue is locked, or another run might queue a change and count on
                    # this runner.
                    held.close()
                    return
            tell(found, limits)


def tell(found: Waiting, limits: tuple[float, float] = LIMITS) -> None:
    """Run each script for each notice of ``found``; log and note the failures."""
    place = Path(found.folder)
    failed = {one.script: one for one in queue.failures() if one.folder == found.folder}
    for notice in notices(found.pending):
        scripts, refused = folder.look(place)  # an earlier script may have changed it
        for one in refused:
            _log_refused(place, one)
        ran = []
        for name in scripts:
            outcome = _run(place, name, notice, limits)
            if outcome is None:
                continue
            ran.append(name)
            failed.pop(name, None)
            if outcome:
                failed[name] = Failure(found.folder, name, outcome, notice.text)
        if ran:
            logger(cause=notice.reason).info(f"{notice.text}: ran {', '.join(ran)}")
        there = {*scripts}
        failed = {name: one for name, one in failed.items() if name in there}
    try:
        queue.save_failures([*failed.values()])
    except DualwanError as error:
        logger().error(str(error))


def _run(place: Path, name: str, notice: Notice, limits: tuple[float, float]) -> str | None:
    """Run one script; return the reason of a failure, "" for none, None if the script is gone."""
    path = str(place / name)
    if not os.path.lexists(path):
        return None
    outcome = script.run(path, environment(notice), *limits)
    log = logger(script=name)
    said = log.error if outcome.failure else log.info
    for line in outcome.output:
        said(f"{name}: {line}")
    if outcome.failure:
        said(f"{path} failed at {notice.text}: {outcome.failure}")
    return outcome.failure


def _log_refused(place: Path, one: Refused) -> None:
    if one.code != "mode":  # the usual way to switch a script off
        logger().error(f"{place / one.name} is not run: {one.reason}: {one.remedy}")
