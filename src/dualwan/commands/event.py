"""The command `event`, which does what the hooks do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dualwan.commands import common
from dualwan.errors import ConfigError, DualwanError, UnconfirmedError

if TYPE_CHECKING:
    from argparse import Namespace


def event(arguments: Namespace) -> int:
    """Do as the hook of this event does; the interface comes from the environment."""
    from dualwan import hook
    from dualwan.host import closing

    if arguments.event == "boot":
        return _boot(arguments)
    if arguments.event == "dial":
        return _dial(arguments)
    word, environ = arguments.event, dict(os.environ)
    if arguments.config:
        environ["DUALWAN_CONFIG"] = arguments.config
    if word.startswith("ppp-"):
        folder = "ip-up.d" if word == "ppp-up" else "ip-down.d"
        return hook.hook(*hook.from_ppp(folder, environ), environ)
    environ.setdefault("PHASE", "post-up" if word == "ifup" else "pre-down")
    event_id, interface = hook.from_ifupdown("", environ)
    code = hook.hook(event_id, interface, environ)
    if code and closing.close(event_id, interface, environ.get("DUALWAN_CONFIG", "")):
        return 0
    return code


def _boot(arguments: Namespace) -> int:
    """Close the router before the network starts, unless ifup will do so before the WAN comes up.

    After an error, load the table that needs no configuration (hooks/close), and raise the error.
    Nothing after a reboot within the first trial: nothing of ours was there before it.
    """
    from dualwan.config import path_in_use
    from dualwan.host import closing

    try:
        _close(arguments)
    except UnconfirmedError:  # it is logged, and ExecStopPost= of the unit would close too
        return 0
    except Exception:
        closing.close("boot", "", str(path_in_use(arguments.config)))
        raise
    return 0


def _dial(arguments: Namespace) -> int:
    """Start each PPP session that a confined unit has asked for; a failure does not stop the rest.

    One start of the unit dials all: systemd gives up on a unit that starts too often
    (StartLimitBurst=).
    """
    from dualwan.handle.sessions import dial_for_unit
    from dualwan.host import pppd

    failure: DualwanError | None = None
    while peer := pppd.take_wanted():
        config, _ = common.config_in_use(arguments)
        try:
            dial_for_unit(config, common.kernel_host(), peer)
        except DualwanError as error:  # it is logged
            failure = failure or error
    if failure:
        raise failure
    return 0


def _close(arguments: Namespace) -> None:
    from dualwan.handle import handle_event
    from dualwan.handle.run import fail
    from dualwan.host.around import interfaces
    from dualwan.model.event import Event

    try:
        config, wrong = common.config_in_use(arguments)
    except DualwanError as error:
        fail(Event.BOOT, error)
        raise
    for finding in wrong:
        fail(Event.BOOT, ConfigError(finding.text))
    if not (interfaces.is_run() and interfaces.stanza(config.wan.interface)):
        handle_event(config, common.kernel_host(), Event.BOOT)
