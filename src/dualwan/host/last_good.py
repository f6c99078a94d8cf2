"""The configuration that was applied last, for events while the present one is wrong.

It is a file below /var/lib/dualwan with the texts of dualwan.toml and rules.d, readable by root
only. Texts are kept rather than values, so that another version parses them anew: it ignores keys
that it does not know, unless that may open something (config.from_text).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from dualwan import files, paths
from dualwan.config import Config, from_text
from dualwan.config.mape import MapE
from dualwan.errors import ConfigError, ConfigErrors, HostError
from dualwan.host import answers
from dualwan.host.run_files import BROKEN
from dualwan.words import say

NAME = paths.LAST_GOOD


class LastGood(NamedTuple):
    """A configuration that was applied without a failure, and its date (local time)."""

    config: Config
    date: str

    def instead_of(self, error: ConfigError) -> ConfigError:
        """Return ``error``, about the present file, with the name of this one, which is in use."""
        if len(error.lines) > 1:
            return ConfigErrors(
                error.lines, say("until they are mended, {what} is in use", what=self.what)
            )
        return ConfigError(
            say("{error}; until that is mended, {what} is in use", error=error, what=self.what)
        )

    @property
    def what(self) -> str:
        """The configuration in words."""
        return say("the configuration applied last, of {date},", date=self.date)


def encode(config: Config) -> str:
    """Return the texts of ``config`` as the content of the file."""
    rules = config.mape.rules if isinstance(config.mape, MapE) else None
    texts = rules.texts if rules else {}
    return json.dumps({"path": _whole(config.path), "text": config.text, "rules": texts}) + "\n"


def _whole(path: str | Path) -> str:
    """Return ``path`` from the root: a person may name the file from its folder."""
    return os.path.abspath(path)  # noqa: PTH100 - no symlink is resolved


def save(text: str) -> None:
    """Save ``text``, the result of ``encode``, unless it is saved already; raises HostError."""
    target = answers.directory() / NAME
    try:
        if files.read_own(target) == text:
            return
    except (OSError, ValueError):
        pass  # none yet, or a broken one
    answers.write(NAME, text)


def load(path: Path) -> LastGood | None:
    """Return the configuration that was applied last from the file ``path``; None if none was.

    None too if this version cannot use it, or if the file ``path`` was removed: without a
    configuration an event does nothing.
    """
    target = answers.directory() / NAME
    try:
        path.lstat()
        data = json.loads(files.read_own(target))
        if data["path"] != _whole(path):
            return None
        rules = {str(name): str(text) for name, text in data["rules"].items()}
        config = from_text(str(path), str(data["text"]), rules, of_any_version=True)
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(target.stat().st_mtime))
    except (*BROKEN, ConfigError, HostError):
        return None
    return LastGood(config, date)
