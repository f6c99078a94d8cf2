"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from dualwan.config.mape import MapE as Mape
from dualwan.host.around import scripts
from dualwan.model.surroundings import Surroundings

SHADOWING = ("/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local")


def look(root: Path = Path("/"), tunnel: str = Mape.tunnel) -> Surroundings:
    """Return the surroundings of a router whose tunnel is ``tunnel``.

    ``root`` is another root folder for tests.
    """
    return Surroundings(
        shadowing=tuple(path for path in SHADOWING if os.access(root / path.lstrip("/"), os.X_OK)),
        traces=scripts.traces(tunnel, root),
    )
