"""Whether the kernel takes the flowtable that the configuration asks for."""

from __future__ import annotations

import os

from dualwan.config import Config


def accepted(config: Config | None) -> bool:
    """Return False if ``config`` wants one and the kernel refuses it; only root can know."""
    if config is None or not config.firewall.offload or os.geteuid() != 0:
        return True
    from dualwan.host import flowtables  # noqa: PLC0415 - only where the owner wants one

    return flowtables.accepted(())
