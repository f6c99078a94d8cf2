"""The command `event`, which does what the hooks do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dualwan.commands import common

if TYPE_CHECKING:
    from argparse import Namespace

    from dualwan.config import Config


def event(arguments: Namespace) -> int:
    """Do as the hook does, with the interface from the environment."""
    from dualwan import hook

    if arguments.event == "boot":
        return _boot(common.config(arguments))
    word, environ = arguments.event, dict(os.environ)
    if arguments.config:
        environ["DUALWAN_CONFIG"] = arguments.config
    if word.startswith("ppp-"):
        folder = "ip-up.d" if word == "ppp-up" else "ip-down.d"
        return hook.hook(*hook.from_ppp(folder, environ), environ)
    environ.setdefault("PHASE", "post-up" if word == "ifup" else "pre-down")
    return hook.hook(*hook.from_ifupdown("", environ), environ)


def _boot(config: Config) -> int:
    """Close the router before the network starts, unless ifup does that before the WAN comes up."""
    from dualwan.handle import handle_event
    from dualwan.host.around import interfaces
    from dualwan.model.event import Event

    if not interfaces.stanza(config.wan.interface):
        handle_event(config, common.kernel_host(), Event.BOOT)
    return 0
