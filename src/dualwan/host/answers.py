"""/var/lib/dualwan, which survives a reboot: the answers of the line's servers, and leases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan import files, paths
from dualwan.errors import HostError

if TYPE_CHECKING:
    from dualwan.line.provisioning.cache import AnswerCache

NAME = "provisioning.json"


def directory() -> Path:
    """Return the folder: the environment variable DUALWAN_STATE, or /var/lib/dualwan."""
    return Path(os.environ.get("DUALWAN_STATE") or paths.STATE_DIR)


def load() -> AnswerCache:
    """Return the saved answers; an empty cache if the file is missing or broken."""
    from dualwan.line.provisioning import cache  # noqa: PLC0415 - only provisioning needs it

    try:
        return cache.decode(files.read_own(directory() / NAME, cache.MAX_CACHE))
    except (OSError, ValueError):
        return cache.AnswerCache()


def save(answers: AnswerCache) -> None:
    """Save ``answers``; raises HostError."""
    from dualwan.line.provisioning import cache  # noqa: PLC0415 - only provisioning needs it

    write(NAME, cache.encode(answers))


def write(name: str, text: str) -> None:
    """Write ``text`` to the file ``name`` of the folder: a temporary file, then rename(2).

    Only root may read it, because it can hold a token. Raises HostError; the old file is intact
    then.
    """
    target = directory() / name
    try:
        files.make_folder(target.parent, 0o755)
        files.write(target, text, 0o600, sync=True)
    except OSError as error:
        raise HostError(f"{target}: {error.strerror}") from None
