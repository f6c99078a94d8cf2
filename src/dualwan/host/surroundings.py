"""The machine around the router: files and objects of other programs. Reading changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.host.around import bridges, chains, files, scripts, unnamed
from dualwan.model.surroundings import Surroundings


def look(root: Path = Path("/"), config: Config | None = None) -> Surroundings:
    """Return the surroundings; ``root`` is another root folder for tests.

    ``config`` names the WAN and the PPP peer; None to read nothing of them.
    """
    return replace(
        files.look(root, config),
        unnamed=unnamed.counts(),
        chains=chains.look(),
        bridges=bridges.filtered(config.wan.interface) if config else (),
        traces=scripts.traces(config.mape.tunnel if config else MapE.tunnel, root),
    )
