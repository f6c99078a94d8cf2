"""The commands that the units run: watch, probe, notify, hooks."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, NoReturn

from dualwan import output
from dualwan.commands import common
from dualwan.errors import UsageError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace


def watch(arguments: Namespace) -> NoReturn:
    """Mend what other programs change, until this process is ended."""
    from contextlib import closing

    from dualwan import watcher
    from dualwan.config import path_in_use
    from dualwan.host import run_files
    from dualwan.host.lock import watching
    from dualwan.host.watch import Watch

    with watching(run_files.directory()), closing(Watch()) as ears:
        notify_ready(os.environ.pop("NOTIFY_SOCKET", ""))
        watcher.watch(path_in_use(arguments.config), common.kernel_host, ears)


def notify_ready(address: str) -> None:
    """Tell systemd that the service is up (sd_notify(3)); ``address``: NOTIFY_SOCKET."""
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(b"READY=1")


def probe(arguments: Namespace) -> int:
    """Ask the targets of [wan] probe through MAP-E, and follow the answers."""
    from dualwan.handle.probe import probe

    config, wrong = common.config_in_use(arguments)
    for finding in wrong:
        common.complain(finding.text)
    if not config.wan.probe:
        raise UsageError(say("{path} names no hosts ([wan] probe)", path=config.path))
    host = common.kernel_host()
    health = probe(config, host)
    state = {"broken": health.broken, "row": health.streak}
    words = say("MAP-E does not answer") if health.broken else say("MAP-E is in use")
    if not host.load_state().wanted:
        words = say("the router is not up")
    output.show(json.dumps(state) if arguments.json else words)
    return 0


def notify(arguments: Namespace) -> int:
    """Make the update call of [mape] update now, also if it was made before.

    Not on a standby: a provider that goes by the sender would send all to this machine.
    """
    from dualwan.config.mape import Ipip
    from dualwan.handle.update_call import notify_provider
    from dualwan.line.role import stands_by

    config, _ = common.config_in_use(arguments)
    fixed = (one for one in config.softwires.values() if isinstance(one, Ipip))
    if not any(one.update for one in fixed):
        raise UsageError(
            say('{path} has no update call ([mape] mode = "ipip" and update)', path=config.path)
        )
    host = common.kernel_host()
    if stands_by(config, host.load_state()):
        words = say("this router stands by: the active one makes the update call")
        output.show(json.dumps({"reply": ""}) if arguments.json else words)
        return 0
    reply = notify_provider(config, host)
    output.show(json.dumps({"reply": reply}) if arguments.json else reply)
    return 0


def hooks(arguments: Namespace) -> int:
    """Run the owner's scripts for what they have not been told of yet."""
    from dualwan.host.notice.runner import serve

    del arguments
    serve()
    return 0
