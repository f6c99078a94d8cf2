"""The commands try and confirm: apply a configuration, and go back unless a person confirms it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.catalogue import shown
from dualwan.commands import common
from dualwan.errors import ConfigError, DualwanError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace


def begin(arguments: Namespace) -> int:
    """Apply the configuration, and go back after the timeout unless a person confirms it."""
    if arguments.revert:
        return _go_back(arguments)
    from dualwan.commands import apply
    from dualwan.config import path_in_use
    from dualwan.handle import trial
    from dualwan.model.event import Event

    config, host = common.config(arguments), common.kernel_host()
    path = os.path.abspath(path_in_use())  # noqa: PTH100 - no symlink is resolved
    apply.announce(config, host, Event.APPLY)
    begun = trial.begin(config, path, host, arguments.timeout)
    words = say(
        "goes back in {timeout} s to what was there before, also if this "
        "session ends; to keep it: dualwan-hook confirm",
        timeout=arguments.timeout,
    )
    output.remark(shown(words))
    code = apply.tried(arguments, config, host)
    left = max(0, round(begun.until - host.since_boot()))
    words = say("applied; {left} s are left to confirm it", left=left)
    output.remark(shown(words))
    return code


def confirm(arguments: Namespace) -> int:
    """Keep the configuration that is being tried."""
    from dualwan.handle import trial

    host = common.kernel_host()
    kept = trial.confirm(host)
    trial.settle(kept, host)
    words = say("confirmed")
    if kept.source != kept.path:
        words += say(": {path} is now what {source} was", path=kept.path, source=kept.source)
    elif _found(kept.path) != kept.tried:
        words += say(
            "; but {path} is another one by now, and the next event uses that", path=kept.path
        )
    output.show(json.dumps({"confirmed": kept.path}) if arguments.json else words)
    return 0


def _go_back(arguments: Namespace) -> int:
    from dualwan.config import path_in_use
    from dualwan.handle import trial
    from dualwan.handle.run import fail
    from dualwan.model.event import Event

    try:
        done = trial.go_back(common.kernel_host(), _found(str(path_in_use())))
    except DualwanError as error:
        fail(Event.APPLY, error)
        raise
    words = say("the router is as before") if done else say("no trial is pending")
    output.show(json.dumps({"gone-back": done}) if arguments.json else words)
    return 0


def _found(path: str) -> str:
    """Return the text of the configuration ``path``, "" if it cannot be read."""
    from pathlib import Path

    from dualwan import config

    try:
        return config.read(Path(path))
    except ConfigError:
        return ""
