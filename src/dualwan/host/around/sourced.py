"""The files that a line of another program's file names by a pattern."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path, PurePath

MAX_FILES = 500  # ifupdown and keepalived have no limit
PATH_MAX = 4096  # limits.h; also for a pattern, whose translation by Python takes quadratic time
_ASTERISKS = re.compile(r"\*\*+")


def matching(pattern: str, path: Path, root: Path) -> list[Path]:
    """Return the files and folders of ``pattern`` in the file ``path``, MAX_FILES at most, sorted.

    None for a pattern that Python cannot parse. ``root`` is another root folder for tests.
    """
    folder = root if pattern.startswith("/") else path.parent
    # To glob(3) and wordexp(3) two asterisks are one.
    below = PurePath(_ASTERISKS.sub("*", pattern.lstrip("/")))
    if not below.parts or len(pattern) > PATH_MAX:  # "/" or ".", or too long for a path
        return []
    try:
        return sorted(islice(folder.glob(str(below)), MAX_FILES))
    except (OSError, ValueError, RecursionError):
        return []
