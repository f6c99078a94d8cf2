"""The command `role`, which keepalived calls where two routers share a line."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.commands import common
from dualwan.errors import ConfigError, StaleError, UsageError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace

    from dualwan.host.api import Host

_STARTED = 22  # of a process in /proc/PID/stat, in ticks since boot; proc(5) counts from 1
_PIDS = 1 << 22  # more than a process id can be (PID_MAX_LIMIT)


def role(arguments: Namespace) -> int:
    """Become the active router, or stand by; or say which of both this one is.

    Once more if another configuration is in use meanwhile: nobody gives the role a second time. It
    is noted even if there is no configuration to go by.
    """
    number = asked()
    try:
        return _role(arguments, number)
    except StaleError:
        return _role(arguments, number)


def _role(arguments: Namespace, number: int) -> int:
    host = common.kernel_host()
    try:
        config, wrong = common.config_in_use(arguments)
    except ConfigError:
        if arguments.role:
            _noted_for_later(arguments, host, number)
        raise
    if not config.router.redundant:
        if arguments.role and _noted_for_later(arguments, host, number):
            return 0
        raise UsageError(
            say("{path}: this router has no other one ([router] redundant)", path=config.path)
        )
    if arguments.role is None:
        now = "active" if host.load_state().role.active else "standby"
        output.show(json.dumps({"role": now}) if arguments.json else now)
        return 0
    from dualwan.handle.role import take

    for finding in wrong:
        common.complain(finding.text)
    take(config, host, active=arguments.role == "active", asked=number)
    return 0


def _noted_for_later(arguments: Namespace, host: Host, number: int) -> bool:
    """Note the role for when the router needs it; return whether it may in a moment, by a trial."""
    from dualwan.handle.role import note_for_later

    return note_for_later(host, active=arguments.role == "active", asked=number)


def asked() -> int:
    """Return the start time of this process with its id: greater if it was started later."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - a file of proc
        after_name = file.read().rpartition(")")[2].split()
    ticks = int(after_name[_STARTED - 3])
    return ticks * _PIDS + os.getpid()
