"""What one run leaves for the next, and what a step adds to it. Pure.

Noted before a step where a crash in between would lose it (the value that stood before
ours), and after the step where it says what was done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import Address, Sysctl, Tunnel
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable


@dataclass(frozen=True)
class Health:
    """What the probes of the default way said.

    row: probes in a row that contradict ``broken``. since: when ``broken`` last changed, in
    seconds since boot. followed: the kernel was brought to what follows from ``broken``.
    """

    broken: bool = False
    row: int = 0
    since: float = 0.0
    followed: bool = True


@dataclass(frozen=True)
class RunState:
    """What only this program knows, kept in /run until the next boot.

    wanted: the last word was ifup or apply, not ifdown or down.
    sysctls: for each slice, the values that stood before ours, in the order of setting.
    addresses: host addresses added to devices of others (the CE address on the WAN).
    tunnels: names of the tunnel devices made.
    softwires, sessions: for each way by its name, the IPv4 address last used, whose flows may
    live on.
    prefix: the IPv6 prefix that the softwire was last derived from.
    aftr: the address at which DS-Lite's other end was last found.
    notified_ce: our end of the tunnel as the provider was last told (IPIP).
    health: what the probes of the default way said.
    tables: names of the nft tables that are loaded. losses: counts of tables that are gone.
    dialled: the PPP peers that this program has started.
    """

    wanted: bool = False
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    tunnels: tuple[str, ...] = ()
    softwires: Mapping[str, str] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    aftr: str = ""
    notified_ce: str = ""
    health: Health = Health()
    tables: tuple[str, ...] = ()
    losses: Losses = field(default_factory=Losses)
    dialled: tuple[str, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that hold something of ours, whatever the configuration says by now."""
        return (*self.tunnels, *(address.device for address in self.addresses))


def note_intent(state: RunState, plan: SlicePlan, own: Collection[str]) -> RunState:
    """Return ``state`` as it must stand before the steps of ``plan``.

    ``own`` are the devices that this program makes: their addresses go with them.
    """
    for step in plan.changes:
        item = step.resource
        match step.action, item:
            case Action.CHANGE, Sysctl() if isinstance(step.was, Sysctl):
                known = dict(state.sysctls.get(plan.name, {}))
                known.setdefault(item.name, step.was.value)
                state = replace(state, sysctls={**state.sysctls, plan.name: known})
            case Action.ADD, Address() if item.device not in own:
                others = (there for there in state.addresses if there.key != item.key)
                state = replace(state, addresses=(*others, item))
            case Action.ADD, Tunnel():
                state = replace(state, tunnels=tuple(dict.fromkeys((*state.tunnels, item.name))))
    return state


def note_step(state: RunState, name: str, step: Step) -> RunState:
    """Return ``state`` once ``step`` of the slice ``name`` is done."""
    gone = step.action is Action.REMOVE
    match step.resource:
        case Sysctl() as item if step.action is Action.RESTORE:
            left = {
                key: value for key, value in state.sysctls.get(name, {}).items() if key != item.name
            }
            return replace(state, sysctls={**state.sysctls, name: left})
        case Address() as item if gone:
            kept = tuple(there for there in state.addresses if there.key != item.key)
            return replace(state, addresses=kept)
        case Tunnel() as item if gone:
            return replace(
                state, tunnels=tuple(there for there in state.tunnels if there != item.name)
            )
        case NftTable() as item:
            rest = tuple(there for there in state.tables if there != item.name)
            return replace(state, tables=rest if gone else (*rest, item.name))
    return state


def forget_sysctls(state: RunState, name: str) -> RunState:
    """Return ``state`` without the values of the slice ``name``, which are restored."""
    return replace(
        state, sysctls={owner: values for owner, values in state.sysctls.items() if owner != name}
    )
