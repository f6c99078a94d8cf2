"""The runner: tells the owner's scripts of what waits, one notice and one script after another.

It is a process of its own. One runner works at a time; what is noted meanwhile it takes next.
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
# Less important than the router's own work, and than its packets.
NICENESS = 5


def serve() -> None:
    """Be the runner until nothing waits; raises DualwanError. The whole process is given to it."""
    signal.signal(signal.SIGTERM, _leave)
    with suppress(PermissionError):  # its unit refuses that, and has said so itself: Nice=
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    script.adopt()
    drain()


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def drain(limits: tuple[float, float] = LIMITS) -> None:
    """Run the scripts for all that waits; raises DualwanError.

    ``limits``: seconds that a script may take, and those from SIGTERM to SIGKILL after them.
    """
    with ExitStack() as held:
        held.enter_context(lock.running_scripts(queue.directory()))
        while True:
            with queue.locked():
                found = queue.take()
                if found is None:
                    # Before another run can note anything: it would count on this runner.
                    held.close()
                    return
            tell(found, limits)


def tell(found: Waiting, limits: tuple[float, float] = LIMITS) -> None:
    """Run each script for each notice of ``found``, and note and log which have failed."""
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
    """Run one script; return why it has failed, "" if it has not, None if it is not there."""
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
