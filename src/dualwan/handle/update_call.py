"""IPIP's update call, which tells the provider the address of our end of the tunnel.

A call counts for one contract only. After a change of the fixed address, the relay or the file of
the same way, the provider has not been told yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dualwan.config import Config
from dualwan.config.forwards import MAPE
from dualwan.config.mape import Ipip
from dualwan.digest import sha256
from dualwan.errors import DualwanError, HostError
from dualwan.frozen import replace
from dualwan.handle.run import Run, fail
from dualwan.model.event import Event
from dualwan.model.state import RunState
from dualwan.model.way import Way
from dualwan.planning import make_plan

if TYPE_CHECKING:
    from dualwan.host.api import Host

_LETTERS = 12  # of a digest


def notify_once(run: Run) -> None:
    """Make IPIP's update call, once for each CE address of a way and each contract."""
    if run.config is None or run.done is None:
        return
    if run.stands_by():
        return
    for name, fixed, ce in _with_update(run.config, run.done.plan.line.ways):
        state = run.host.load_state()
        if run.is_noted() and not state.wanted:  # it was taken down since
            return
        try:
            if not _is_notified(state, name, fixed, ce):
                _call(run, run.config, name, fixed, ce)
            elif name not in state.notified_of:  # noted by an earlier version
                _note(run, name, fixed, ce)
        except DualwanError as error:
            fail(run.event, error)  # the next event tries again


def is_owed(config: Config, ways: Iterable[Way], state: RunState) -> bool:
    """Whether a provider has not been told our end of a tunnel."""
    return any(not _is_notified(state, *call) for call in _with_update(config, ways))


def _with_update(config: Config, ways: Iterable[Way]) -> list[tuple[str, Ipip, str]]:
    """Return the name of each way with an update call, its section, and its CE address."""
    found = []
    for way in ways:
        fixed = config.softwires.get(way.name)
        if isinstance(fixed, Ipip) and fixed.update and way.softwire:
            found.append((way.name, fixed, str(way.softwire.ce)))
    return found


def _is_notified(state: RunState, name: str, fixed: Ipip, ce: str) -> bool:
    said = state.notified_ce if name == MAPE else state.notified.get(name, "")
    mine = _digest(fixed)
    return said == ce and state.notified_of.get(name, mine) == mine  # 0.1.0 noted no contract


def _digest(fixed: Ipip) -> str:
    words = (fixed.update, str(fixed.br), str(fixed.ipv4))
    return sha256("\0".join(words).encode()).hexdigest()[:_LETTERS]


def _with_notified(state: RunState, name: str, fixed: Ipip, ce: str) -> RunState:
    state = replace(state, notified_of={**state.notified_of, name: _digest(fixed)})
    if name == MAPE:
        return replace(state, notified_ce=ce)
    return replace(state, notified={**state.notified, name: ce})


def _call(run: Run, config: Config, name: str, fixed: Ipip, ce: str) -> str:
    """Make the update call and note it; return the provider's reply. Raises DualwanError."""
    answer = run.host.call_update_url(fixed.update, config.line_device, ce)
    run.tell(f"told the provider that our end is {ce}; it said: {answer}")
    _note(run, name, fixed, ce)
    return answer


def _note(run: Run, name: str, fixed: Ipip, ce: str) -> None:
    """Note that the provider was told, unless the router was taken down since.

    What it is told by others after that is not known, and the next ifup tells it again.
    """
    with run.noting_failure():
        run.update_state(
            lambda state: _with_notified(state, name, fixed, ce) if state.wanted else state
        )


def notify_provider(config: Config, host: Host) -> str:
    """Make IPIP's update calls, even if they were made before; return the provider's replies.

    Raises DualwanError, which is logged too.
    """
    run = Run(config, host, Event.APPLY, None)
    try:
        line = make_plan(config, host, Event.APPLY).line
        calls = _with_update(config, line.ways)
        if not calls:
            raise HostError(line.missing or "[mape] is not a fixed address by IPIP")
        return "\n".join(_call(run, config, *call) for call in calls)
    except DualwanError as error:
        fail(run.event, error)
        raise
