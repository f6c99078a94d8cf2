"""The folder of what the line said, which outlives a boot: the cache of answers, and notes."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan import paths
from dualwan.errors import HostError
from dualwan.line.provisioning.cache import MAX_CACHE, AnswerCache, decode, encode

NAME = "provisioning.json"


def directory() -> Path:
    """Return the folder; DUALWAN_STATE moves it."""
    return Path(os.environ.get("DUALWAN_STATE") or paths.STATE_DIR)


def load() -> AnswerCache:
    """Return the answers kept; what cannot be read counts as nothing known."""
    try:
        with (directory() / NAME).open(encoding="utf-8") as file:
            return decode(file.read(MAX_CACHE))
    except (OSError, ValueError):
        return AnswerCache()


def save(answers: AnswerCache) -> None:
    """Keep ``answers`` for later; raises HostError."""
    write(NAME, encode(answers))


def write(name: str, text: str) -> None:
    """Write the file ``name`` of the folder whole or not at all, by a temporary file and rename.

    It may hold a token, so only root may read it. Raises HostError.
    """
    target = directory() / name
    fresh = target.with_name(name + ".new")
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # it is there for the boot after a power cut
            fresh.replace(target)
        except OSError:
            fresh.unlink(missing_ok=True)  # half of it takes room that is wanted
            raise
    except OSError as error:
        raise HostError(f"{target}: {error.strerror}") from None
