"""Which files of hooks.d are run, and why the others are not. Pure."""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterable
from typing import NamedTuple

from dualwan.words import say

NAME = re.compile(r"[a-zA-Z0-9_-]+")  # of run-parts(8)
WRITERS = stat.S_IWGRP | stat.S_IWOTH
RUNNABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
ROOT = frozenset({0})


class Entry(NamedTuple):
    """A file of the folder, by lstat(2): name, st_mode, st_uid."""

    name: str
    mode: int
    owner: int


class Refused(NamedTuple):
    """A file that is not run. code: of the reason; reason, remedy: for a person."""

    name: str
    code: str
    reason: str
    remedy: str


def chosen(
    entries: Iterable[Entry], owners: Collection[int] = ROOT
) -> tuple[list[str], list[Refused]]:
    """Return the names of the scripts to be run, in order, and the files that are refused.

    ``owners``: users whose files may be run. Files that are obviously no scripts are in neither:
    hidden ones, and those that are not executable and have no name of a script.
    """
    scripts, refused = [], []
    for entry in sorted(entries):
        if entry.name.startswith(".") or not (_is_named(entry) or _is_runnable(entry)):
            continue
        found = refusal(entry, owners)
        if found:
            refused.append(found)
        else:
            scripts.append(entry.name)
    return scripts, refused


def refusal(entry: Entry, owners: Collection[int] = ROOT) -> Refused | None:
    """Return why the file is not run, None if it is."""
    name = entry.name
    if not stat.S_ISREG(entry.mode):
        return Refused(
            name,
            "kind",
            say("is no regular file"),
            say("put a copy of the file there, no link"),
        )
    if entry.owner not in owners or entry.mode & WRITERS:
        return Refused(
            name,
            "untrusted",
            say("others than root may change it"),
            say("read it, then chown root {name}; chmod go-w {name}", name=name),
        )
    if not _is_named(entry):
        return Refused(
            name,
            "name",
            say("its name has another letter than a-z, A-Z, 0-9, _ and - (run-parts(8))"),
            say("rename it; no dot, no .sh"),
        )
    if not _is_runnable(entry):
        return Refused(
            name,
            "mode",
            say("is not executable"),
            say("chmod u+x {name} if it is to be run", name=name),
        )
    return None


def _is_named(entry: Entry) -> bool:
    return bool(NAME.fullmatch(entry.name))


def _is_runnable(entry: Entry) -> bool:
    return bool(entry.mode & RUNNABLE) and not stat.S_ISDIR(entry.mode)


def open_folder(mode: int, owner: int, owners: Collection[int] = ROOT, *, above: bool) -> bool:
    """Whether others can put a file into a folder, or replace one there.

    ``above``: it is a folder above hooks.d, and may be sticky like /tmp, where others cannot
    replace what root owns.
    """
    writable = bool(mode & WRITERS) and not (above and mode & stat.S_ISVTX)
    return writable or owner not in owners
