"""When the line's servers are to be asked again, or a provider told, without an event that says so.

An answer that is missing is due at once. One that is there is due when it has run out: no event
tells, for a router may be up for months, and its provider give it another rule or AFTR meanwhile.
One that was given for a prefix that the line no longer has is due at once as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.config.mape import DsLite, MapE
from dualwan.handle import update_call
from dualwan.line.role import stands_by

if TYPE_CHECKING:
    from dualwan.host.api import Host
    from dualwan.result import Plan


def seconds(config: Config, plan: Plan, host: Host) -> float | None:
    """Return the seconds until something is due, 0 if it is, None for never.

    Never on a standby, nor while the line has no IPv6 router.
    """
    if stands_by(config, plan.state) or not plan.observed.ipv6_default:
        return None
    if update_call.is_owed(config, plan.line.ways, plan.state):
        return 0.0
    mape = config.mape
    if isinstance(mape, DsLite):
        return None if ":" in mape.aftr else _of_aftr(mape, config, plan, host)
    if not isinstance(mape, MapE) or not mape.provisioning:
        return None
    return _of_rule(host.prefixes(config.prefix_source), plan)


def _of_rule(prefixes: tuple[str, ...], plan: Plan) -> float | None:
    """Return the seconds until the rule is to be asked for again."""
    if not prefixes:
        return None  # of no line
    if plan.line.softwire is None:
        return 0.0
    left = (one.left if one.prefix in prefixes else 0 for one in plan.line.answers)
    return next(map(float, left), None)


def _of_aftr(mape: DsLite, config: Config, plan: Plan, host: Host) -> float | None:
    """Return the seconds until the AFTR is to be looked up again."""
    from dualwan.line.provisioning.aftr import left  # noqa: PLC0415 - only DS-Lite needs it

    prefixes = host.prefixes(config.prefix_source)
    if not prefixes:
        return None  # of no line
    return float(left(mape, prefixes, host)) if plan.line.softwire else 0.0
