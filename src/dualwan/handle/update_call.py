"""IPIP's update call: the provider is told our end of the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.config.mape import Ipip
from dualwan.errors import DualwanError, HostError
from dualwan.frozen import replace
from dualwan.handle.run import Run, fail
from dualwan.line.role import stands_by
from dualwan.model.event import Event
from dualwan.planning import make_plan

if TYPE_CHECKING:
    from dualwan.host.api import Host


def notify_once(run: Run) -> None:
    """Make IPIP's update call, once for each address of our end of the tunnel."""
    config = run.config
    mape = config.mape if config else None
    softwire = run.done.plan.line.softwire if run.done else None
    if config is None or not isinstance(mape, Ipip) or not mape.update or softwire is None:
        return
    ce = str(softwire.ce)
    state = run.host.load_state()
    if state.notified_ce == ce or stands_by(config, state):
        return
    try:
        _call(run, config, mape, ce)
    except DualwanError as error:
        fail(run.event, error)  # the next event tries again


def _call(run: Run, config: Config, mape: Ipip, ce: str) -> str:
    """Make the update call and note it; return the provider's reply. Raises DualwanError."""
    answer = run.host.call_update_url(mape.update, config.prefix_source, ce)
    run.say(f"told the provider that our end is {ce}; it said: {answer}")
    with run.noting_failure():
        run.update_state(lambda state: replace(state, notified_ce=ce))
    return answer


def notify_provider(config: Config, host: Host) -> str:
    """Make IPIP's update call, also if it was made before; return the provider's reply.

    Raises DualwanError, which is logged too.
    """
    run = Run(config, host, Event.APPLY, None)
    try:
        line = make_plan(config, host, Event.APPLY).line
        if not isinstance(config.mape, Ipip) or line.softwire is None:
            raise HostError(line.missing or "[mape] is not a fixed address by IPIP")
        return _call(run, config, config.mape, str(line.softwire.ce))
    except DualwanError as error:
        fail(run.event, error)
        raise
