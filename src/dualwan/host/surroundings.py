"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.host.around import addresses
from dualwan.model.surroundings import Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/")) -> Surroundings:
    """Return the surroundings; ``root`` is another root folder for tests."""
    return files(root)


def files(root: Path = Path("/")) -> Surroundings:
    """Return what files say, which needs neither root nor the kernel (`dualwan-hook check`)."""
    return Surroundings(
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        addresses=addresses.look(),
    )
