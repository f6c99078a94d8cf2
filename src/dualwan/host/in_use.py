"""The configuration that events use: the file's, unless a trial replaces it."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan import config
from dualwan.config import Config, from_text
from dualwan.errors import ConfigError, UnconfirmedError
from dualwan.host import store, trials
from dualwan.words import say


def read(path: Path) -> str:
    """Return the text that events use for the file ``path``; raises ConfigError.

    Raises UnconfirmedError if the file was tried and not confirmed, and none was applied before.
    """
    text = _other_text(path)
    return config.read(path) if text is None else text


def load(path: Path) -> Config:
    """Return the configuration that events use; raises ConfigError as ``read`` does."""
    text = _other_text(path)
    return config.load(path) if text is None else config.from_text(str(path), text)


def was_wan(interface: str, config: Config) -> bool:
    """Whether ``interface`` is the WAN of what was applied last, and ``config`` names another."""
    applied = store.load_state().applied
    if applied in ("", config.text) or interface == config.wan.interface:
        return False
    try:
        return from_text(config.path, applied).wan.interface == interface
    except ConfigError:
        return False


def _other_text(path: Path) -> str | None:
    """Return the text that a trial puts in place of the file ``path``, None for none."""
    trial = trials.load()
    if trial is None or trial.path != os.path.abspath(path):  # noqa: PTH100 - as it is named
        return None
    boot = trials.boot_id()
    if trial.is_pending(boot):
        return trial.tried
    found = config.read(path)
    text = trial.text_in_use(found, boot)
    if not text and found:
        raise UnconfirmedError(
            say(
                "{path}: was tried and not confirmed, and none was applied before: "
                "dualwan-hook applies it, dualwan-hook try tries it again",
                path=path,
            )
        )
    return text
