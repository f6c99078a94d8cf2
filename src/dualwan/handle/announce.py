"""The report of a run to the owner's scripts in hooks.d, which another process runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.errors import DualwanError
from dualwan.model.observed import Reads
from dualwan.model.way import devices
from dualwan.notice.router import Router, seen
from dualwan.result import Result

if TYPE_CHECKING:
    from dualwan.host.api import Host


def announce(host: Host, done: Result, folder: str, slices: Sequence[str], reason: str) -> str:
    """Queue the changes of ``done`` for the scripts in ``folder``; return why that failed, or "".

    ``slices``: with a step applied. Without any, what the scripts know is compared with what was
    observed: a run that was killed may have changed that and told nothing. If that differs, this
    looks once more: another run may have had the lock since, and told them.
    """
    plan = done.plan
    wan = plan.config.wan.interface if plan.config else ""

    def look(known: Router) -> Router:
        taken_down = _is_taken_down(plan.config, host)
        was = seen(known, plan.line, plan.observed, wan, taken_down=taken_down)
        if not slices and was == known:
            return known
        names = tuple(name for name in (wan, *devices(plan.line.ways)) if name)
        now = host.observe(Reads(devices=names, routes=True))
        return seen(known, plan.line, now, wan, taken_down=taken_down)

    try:
        host.tell_scripts(folder, look, slices, reason)
    except DualwanError as error:
        return f"the scripts in {folder} are not told: {error}"
    return ""


def _is_taken_down(config: Config | None, host: Host) -> bool:
    """Whether a way that disappears now was taken down by intent."""
    state = host.load_state()
    of_two = config is not None and config.router.redundant
    return (
        not state.wanted
        or bool(state.transition_left(host.since_boot()))
        or (of_two and state.role.stepped_back)
    )
