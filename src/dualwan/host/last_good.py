"""The configuration that was applied last, for events while the present one is wrong.

It is one file below /var/lib/dualwan with the texts of dualwan.toml and rules.d, root's alone. The
texts and not the values are kept, so that another version reads them anew: what it does not know
any more is ignored, but where that may open something (config.from_text).
"""

from __future__ import annotations

import json
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
    """A configuration that was applied without a failure, and when (local time)."""

    config: Config
    date: str

    def instead_of(self, error: ConfigError) -> ConfigError:
        """Return ``error``, the fault of the present one, with what is in use instead."""
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
    return json.dumps({"path": config.path, "text": config.text, "rules": texts}) + "\n"


def save(text: str) -> None:
    """Keep ``text``, as of ``encode``, unless it is kept already; raises HostError."""
    target = answers.directory() / NAME
    try:
        if files.read_own(target) == text:
            return
    except (OSError, ValueError):
        pass  # none yet, or a broken one
    answers.write(NAME, text)


def load(path: Path) -> LastGood | None:
    """Return the one that was applied last from the file ``path``; None if there is none.

    None too if it is of no use to this version, or if that file was taken away: without one
    nothing is to be done.
    """
    target = answers.directory() / NAME
    try:
        path.lstat()
        data = json.loads(files.read_own(target))
        if data["path"] != str(path):
            return None
        rules = {str(name): str(text) for name, text in data["rules"].items()}
        config = from_text(str(path), str(data["text"]), rules, of_any_version=True)
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(target.stat().st_mtime))
    except (*BROKEN, ConfigError, HostError):
        return None
    return LastGood(config, date)
