"""The stanzas of interfaces(5), which ifupdown and its relatives read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from dualwan import files
from dualwan.host.around.sourced import MAX_FILES, PATH_MAX, matching
from dualwan.interfaces_file import INTERFACES, InterfacesLine, parse

NAMING = ("iface", "mapping")  # the words that give an interface to ifup
IN_FOLDER = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-]")  # in a source-directory: no backup copies


def is_run(root: Path = Path("/")) -> bool:
    """Whether there is an ifup to read them: the file stays when the package is removed."""
    return any((root / folder / "ifup").exists() for folder in ("usr/sbin", "sbin"))


def stanza(device: str, root: Path = Path("/")) -> str:
    """Return FILE:LINE of the first stanza for ``device``, "" for none.

    ``root`` is another root folder for tests.
    """
    for line in lines(root):
        word, *names = line.words
        # A mapping may list several names; an iface stanza has one, and then the family.
        patterns = names if word == "mapping" else names[:1]
        if word in NAMING and any(_is_named(device, one) for one in patterns):
            return line.place
    return ""


def _is_named(device: str, pattern: str) -> bool:
    return len(pattern) <= PATH_MAX and fnmatchcase(device, pattern.lstrip("/"))


def lines(root: Path = Path("/")) -> Iterator[InterfacesLine]:
    """Yield each line of ifupdown's file, and of the files that it sources, in their order.

    Each file is read once, under whatever names, and MAX_FILES at most.
    """
    seen: set[str] = set()
    waiting = [_lines(root / INTERFACES.lstrip("/"), root, seen)]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        path, line = found
        yield line
        word, *patterns = line.words
        if word in ("source", "source-directory") and len(seen) < MAX_FILES:
            others = [
                other
                for pattern in patterns
                for other in _sourced(pattern, path, root, folders=word != "source")
            ]
            waiting += [_lines(other, root, seen) for other in reversed(others)]


def _lines(path: Path, root: Path, seen: set[str]) -> Iterator[tuple[Path, InterfacesLine]]:
    """Yield the lines of a file that is not ``seen``, each with its path."""
    real = os.path.realpath(path)
    if real in seen or len(seen) >= MAX_FILES:
        return
    seen.add(real)
    try:
        text = files.read_foreign(path)
    except OSError:
        return
    for line in parse(f"/{path.relative_to(root)}", text):
        yield path, line


def _sourced(pattern: str, path: Path, root: Path, *, folders: bool) -> list[Path]:
    """Return the files of a ``pattern`` of source or, with ``folders``, source-directory."""
    found = matching(pattern, path, root)
    try:
        if not folders:
            return [one for one in found if one.is_file()]
        return [
            one
            for each in found
            if each.is_dir()
            for one in sorted(each.iterdir())
            if IN_FOLDER.fullmatch(one.name) and one.is_file()
        ]
    except (OSError, ValueError):
        return []
