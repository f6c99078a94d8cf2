"""The hooks in /etc, as the package installs them: links to the program's own folder."""

from __future__ import annotations

import os
from pathlib import Path

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
            found.append(f"{shown} is a dangling link" if path.is_symlink() else f"{shown} is gone")
        elif not os.access(path, os.X_OK):
            found.append(f"{shown} is not executable")
    return tuple(found)
