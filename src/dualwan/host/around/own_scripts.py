"""The scripts of hooks.d that are not run, and those whose last run has failed."""

from __future__ import annotations

from pathlib import Path

from dualwan.host.notice import folder, queue
from dualwan.model.surroundings import OwnScript


def refused(place: Path) -> tuple[OwnScript, ...]:
    """Return the files in ``place``, the folder, that are not run."""
    _, found = folder.look(place)
    return tuple(
        OwnScript(str(place / one.name), one.code, one.reason, one.remedy) for one in found
    )


def failed(place: Path) -> tuple[OwnScript, ...]:
    """Return the scripts in ``place`` whose last run has failed."""
    return tuple(
        OwnScript(str(place / one.script), "failed", one.reason, of=one.of)
        for one in queue.failures()
        if one.folder == str(place) and (place / one.script).exists()
    )
