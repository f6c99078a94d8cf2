"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.config import Config
from dualwan.host.around import addresses
from dualwan.model.surroundings import Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/"), config: Config | None = None) -> Surroundings:
    """Return the surroundings of a router with ``config``.

    ``root`` is another root folder for tests.
    """
    return files(root, config)


def files(root: Path = Path("/"), config: Config | None = None) -> Surroundings:
    """Return what files say, which needs neither root nor netlink (`dualwan-hook check`)."""
    del config
    return Surroundings(
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        addresses=addresses.look(),
    )
