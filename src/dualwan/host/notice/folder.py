"""hooks.d: its files, and whether only root can have put them there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dualwan.notice.choice import Entry, Refused, chosen, open_folder
from dualwan.words import say


def has_any(folder: str) -> bool:
    """Whether there is a file in ``folder``."""
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def look(folder: Path) -> tuple[list[str], list[Refused]]:
    """Return the names of the scripts of ``folder`` in order, and the files that are not run.

    If others can put a file into the folder, none is run. A missing folder has none.
    """
    scripts, refused = chosen(_entries(folder), _owners())
    reason = opening(folder) if scripts else ""
    return ([], [*refused, *_all(scripts, reason, folder)]) if reason else (scripts, refused)


def opening(folder: Path) -> str:
    """Return why others can put a file into ``folder``, "" if they cannot."""
    itself = (folder.absolute(), folder.resolve())
    for above in dict.fromkeys(one for end in itself for one in _above(end)):
        try:
            about = above.stat()
        except OSError as error:
            return f"{above}: {error.strerror}"
        if open_folder(about.st_mode, about.st_uid, _owners(), above=above not in itself):
            return say("others than root may change {above}", above=above)
    return ""


def _all(scripts: list[str], reason: str, folder: Path) -> Iterator[Refused]:
    remedy = say(
        "chown root and chmod go-w that folder, after a look at what is in {folder}", folder=folder
    )
    for name in scripts:
        yield Refused(name, "untrusted", reason, remedy)


def _entries(folder: Path) -> list[Entry]:
    found = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are needed
    except OSError:
        return []
    for name in names:
        try:
            about = (folder / name).lstat()
        except OSError:
            continue  # gone meanwhile
        found.append(Entry(name, about.st_mode, about.st_uid))
    return found


def _above(folder: Path) -> Iterator[Path]:
    yield from reversed(folder.parents)
    yield folder


def _owners() -> frozenset[int]:
    """Return the users whose files are run: root, and the caller where tests run without root."""
    return frozenset({0, os.geteuid()})
