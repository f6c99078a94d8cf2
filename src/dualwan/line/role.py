"""The role of this machine where two routers share a line. Pure."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.state import RunState


def role_of(config: Config | None, state: RunState) -> str:
    """Return "active" or "standby", "" where there is no other router."""
    if config is None or not config.router.redundant:
        return ""
    return "active" if state.role.active else "standby"


def stands_by(config: Config | None, state: RunState) -> bool:
    """Whether the other router is the active one; so after a boot until a role is given."""
    return config is not None and config.router.redundant and not state.role.active
