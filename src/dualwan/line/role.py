"""The role of this machine where two routers share a line. Pure."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.state import RunState


def stands_by(config: Config | None, state: RunState) -> bool:
    """Whether the other router is the active one, as far as this one was told; so after a boot."""
    return config is not None and config.router.redundant and not state.role.active
