"""keepalived and conntrackd: whether they run, and the roles that keepalived gives."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dualwan import files
from dualwan.host import conntrackd, processes
from dualwan.host.around.sourced import MAX_FILES, matching
from dualwan.model.surroundings import KEEPALIVED, Pair

PROGRAM = "keepalived"
_INCLUDE = re.compile(r"include\s+\"?([^\"\s]+)")
_NOTIFY = re.compile(r"notify(\w*)\s+(.*)")
_ROLE = re.compile(r"dualwan-hook\s+role\s+(active|standby)\b")
# In the owner's script, to which keepalived passes the role as an argument or a variable.
_ANY_ROLE = re.compile(r"dualwan-hook\s+role\b")
_BOTH = ("active", "standby")
# By the end of its word, the role that a line has to give: notify itself is run for each state.
_OF_LINE = {"": _BOTH, "_master": ("active",), "_backup": ("standby",)}


def in_files(root: Path = Path("/")) -> Pair:
    """Return the roles in keepalived's file; both if it cannot be read."""
    path = root / KEEPALIVED.lstrip("/")
    if not path.exists():
        return Pair(told=None)
    try:
        lines = list(_lines(path, root))
    except OSError:  # it may be readable by root only, as it may have a password
        return Pair(told=_BOTH)
    found: set[str] = set()
    for line in lines:
        if notify := _NOTIFY.match(line):
            found |= {*_roles(notify[2], root)} & {*_OF_LINE.get(notify[1], ())}
    return Pair(told=tuple(role for role in _BOTH if role in found))


def running(
    pair: Pair, proc: Path = processes.PROC, root: Path = Path("/"), owner: int = 0
) -> Pair:
    """Return ``pair`` with which of the programs run."""
    names = set(processes.names(proc, owner))
    is_set_up = (root / conntrackd.CONFIG.lstrip("/")).exists()
    return pair._replace(
        keepalived=PROGRAM in names,
        conntrackd=conntrackd.PROGRAM in names or not is_set_up,
    )


def _lines(first: Path, root: Path) -> Iterator[str]:
    """Yield the lines of a file of keepalived and of the files it includes, without comments.

    Each file is read once, and MAX_FILES at most; raises OSError.
    """
    waiting, seen = [first], set[str]()
    while waiting and len(seen) < MAX_FILES:
        path = waiting.pop()
        if (real := os.path.realpath(path)) in seen:
            continue
        seen.add(real)
        for raw in files.read_foreign(path).splitlines():
            line = re.split("[#!]", raw, maxsplit=1)[0].strip()
            if include := _INCLUDE.match(line):
                waiting += matching(include[1], path, root)
            elif line:
                yield line


def _roles(command: str, root: Path) -> tuple[str, ...]:
    """Return the roles that ``command`` of a notify line gives, directly or in a script."""
    if found := _ROLE.findall(command):
        return tuple(found)
    words = command.replace('"', " ").split()
    try:
        text = files.read_foreign(root / words[0].lstrip("/")) if words else ""
    except (OSError, ValueError):  # no file, or no name of one
        return ()
    return _BOTH if _ANY_ROLE.search(text) else ()
