"""Scripts of hooks.d that are not run, and scripts whose last run failed."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.model.surroundings import OwnScript
from dualwan.words import say


def refused(place: Path) -> tuple[OwnScript, ...]:
    """Return the files in the folder ``place`` that are not run."""
    if not has_any(place):
        return ()
    from dualwan.host.notice import folder  # noqa: PLC0415 - only where there are scripts

    _, found = folder.look(place)
    return tuple(
        OwnScript(str(place / one.name), one.code, one.reason, one.remedy) for one in found
    )


def unseen(place: Path) -> tuple[str, ...]:
    """Return a sentence if ``place`` has scripts, but only root may read their last outcome.

    Notices and outcomes are in files that only root may read.
    """
    if not has_any(place):
        return ()
    from dualwan.host.notice import folder, queue  # noqa: PLC0415 - only where there are scripts

    if not queue.are_failures_hidden() or not any(folder.look(place)):
        return ()
    return (
        say("{place}: whether a script failed at its last run is shown to root only", place=place),
    )


def failed(place: Path) -> tuple[OwnScript, ...]:
    """Return the scripts in ``place`` whose last run has failed."""
    if not has_any(place):
        return ()
    from dualwan.host.notice import queue  # noqa: PLC0415 - only where there are scripts

    return tuple(
        OwnScript(str(place / one.script), "failed", one.reason, of=one.of)
        for one in queue.failures()
        if one.folder == str(place) and (place / one.script).exists()
    )


def has_any(place: Path) -> bool:
    """Whether there is a file in the folder ``place``."""
    try:
        with os.scandir(place) as entries:
            return any(True for _ in entries)
    except OSError:
        return False
