"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.host.around import addresses, bridges, chains, unnamed
from dualwan.model.surroundings import Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/"), wan: str = "") -> Surroundings:
    """Return the surroundings; ``root`` is another root folder for tests, ``wan`` the WAN."""
    return Surroundings(
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        addresses=addresses.look(),
        unnamed=unnamed.counts(),
        chains=chains.look(),
        bridges=bridges.filtered(wan) if wan else (),
    )
