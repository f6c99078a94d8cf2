"""The command `report`: a machine in a file, for a bug report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.commands import common
from dualwan.errors import ConfigError, HostError
from dualwan.words import say

if TYPE_CHECKING:
    from argparse import Namespace

    from dualwan.config import Config
    from dualwan.model.finding import Finding


def report(arguments: Namespace) -> int:
    """Write what a bug report needs, without the owner's addresses and secrets."""
    from dualwan import files, inspection
    from dualwan.config import path_in_use, read

    config: Config | None = None
    wrong: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    present = ""
    try:
        config, wrong = common.config_in_use(arguments, look=True)
        broken = bool(wrong)
    except ConfigError as error:
        errors, broken = error.lines, True
    if broken:
        path, asked = path_in_use(arguments.config), bool(arguments.config)
        try:
            present = read(path, asked=asked)
            errors = common.every_error(path, ConfigError(""), asked=asked).lines
        except ConfigError:  # there is no text
            present = ""
    data = inspection.report(config, wrong, present, [one for one in errors if one])
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    for part in data["differences"]:
        common.complain(say("not the same at a replay: {part}", part=part))
    if not arguments.output:
        output.show(text, end="")
        return 0
    try:
        files.write(arguments.output, text, 0o600)
    except OSError as error:
        raise HostError(
            say("{output}: {reason}", output=arguments.output, reason=error.strerror)
        ) from None
    return 0
