"""The hooks in /etc, as the package installs them: links to the program's own folder."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.words import say

NAME = "00dualwan-hook"
FOLDERS = (
    "etc/network/if-pre-up.d",
    "etc/network/if-up.d",
    "etc/network/if-down.d",
    "etc/network/if-post-down.d",
    "etc/ppp/ip-up.d",
    "etc/ppp/ip-down.d",
)


def missing(root: Path = Path("/")) -> tuple[str, ...]:
    """Return the paths of hooks that are gone or cannot be run, each with what is wrong."""
    found = []
    for folder in FOLDERS:
        path = root / folder / NAME
        shown = f"/{folder}/{NAME}"
        if not path.exists():
            found.append(
                say("{shown} is a dangling link", shown=shown)
                if path.is_symlink()
                else say("{shown} is gone", shown=shown)
            )
        elif not os.access(path, os.X_OK):
            found.append(say("{shown} is not executable", shown=shown))
    return tuple(found)
