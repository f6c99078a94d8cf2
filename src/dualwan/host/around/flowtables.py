"""Whether the kernel takes the flowtable that the configuration asks for."""

from __future__ import annotations

import os

from dualwan.config import Config
from dualwan.host import flowtables


def accepted(config: Config | None) -> bool:
    """Return False if ``config`` wants one and the kernel refuses it; only root can know."""
    if config is None or not config.firewall.offload or os.geteuid() != 0:
        return True
    return flowtables.accepted(())
