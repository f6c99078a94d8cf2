"""The run state: values that one run leaves for the next, and their updates. Pure.

A value that a crash would lose, such as the original of a sysctl, is noted before the step; the
outcome of a step is noted after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dualwan.frozen import NamedTuple, dataclass, field, replace
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import (
    Address,
    Advertisement,
    CarriedFlows,
    Flows,
    InboundFlows,
    Resource,
    Solicitation,
    Sysctl,
    Tunnel,
)
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable

TRANSITION_SECONDS = 120.0  # of an ifup or ifdown, from our first hook to our last


class Health(NamedTuple):
    """The failover state, from the probes of the default way.

    streak: probes in a row that contradict ``broken``. since: when ``broken`` last changed, in
    seconds since boot. followed: the kernel was brought to what follows from ``broken``.
    """

    broken: bool = False
    streak: int = 0
    since: float = 0.0
    followed: bool = True


class Role(NamedTuple):
    """The role of this machine where two routers share a line.

    active: whether it is the router that works. asked: a number that grows with the time of the
    request; an earlier request that arrives later is ignored. followed: the change of role is
    complete, also outside the kernel's state (dialling, hanging up, conntrackd).
    """

    active: bool = False
    asked: int = 0
    followed: bool = True

    @property
    def stepped_back(self) -> bool:
        """Whether keepalived has told it to stand by, rather than nothing since boot."""
        return bool(self.asked) and not self.active


class Look(NamedTuple):
    """The last search for findings: generation of the ruleset then, 0 for none; s since boot."""

    generation: int = 0
    at: float = 0.0


@dataclass(frozen=True)
class RunState:
    """The run state, in /run until the next boot.

    wanted: the router's goal: True after ifup or apply, False after ifdown or down.
    sysctls: original values by slice and name, in the order of setting.
    addresses: host addresses added to devices that are not ours (the CE address on the WAN).
    found: host addresses of others that a step has changed, as they were before.
    tunnels: names of the tunnel devices created.
    softwires, sessions: by name of the way, the last IPv4 address, whose flows may live on.
    ces: by name of the softwire, the CE address that they went by.
    interfaces: by name of the way, that of its PPP session in the loaded tables.
    numbers: by name of a further way, that of its marks.
    routed: what was routed to ways besides their addresses (slices.pbr.routed.notes), whose flows
    may live; None before it was ever looked at.
    prefix: the IPv6 prefix of the last softwire. routers: addresses of those that announce it, as
    far as they are known. asked: other prefixes that routers were asked about, each with a router.
    successor: the one that they announce in its place, "" for none.
    aftr: the last IPv6 address of DS-Lite's AFTR; aftr_name: its name, "" if not noted.
    notified_ce: the last CE address sent to the provider's update URL (IPIP); notified: the same
    of further ways, by name. notified_of: by name of the way, a digest of whom it was sent for.
    health: the failover state. probed: when the default way was last asked, in seconds since boot.
    tables: names of the loaded nft tables. losses: counts of the tables unloaded since boot.
    dialled: the PPP peers that this program has started.
    owed_flows: addresses and networks whose conntrack entries could not be deleted yet.
    owes_inbound_flows: those of flows from outside could not be. owes_carried_flows: the sets do
    not know the flows of the other router yet. owed_solicitations: devices on which a router
    solicitation could not be sent yet.
    awaited: an ifup has waited in vain for the line's prefix.
    in_transition: an ifup or ifdown has begun and not ended; it alone dials and hangs up.
    transition_at: when it began, in seconds since boot: one that fails does not say that it ends.
    generation: of the nft ruleset, when every table of ours was last seen as wanted; 0 for never.
    version: of the program that brought up every slice, "" for none.
    findings: digests of the findings that the log has named. looked: when an ifup last looked for
    them, and found nothing of ours changed.
    role: of this machine, where there are two.
    applied: text of the configuration that ifup, or a person, applied last, "" for none.
    """

    wanted: bool = False
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    found: tuple[Address, ...] = ()
    tunnels: tuple[str, ...] = ()
    softwires: Mapping[str, str] = field(default_factory=dict)
    ces: Mapping[str, str] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    routed: tuple[str, ...] | None = None
    prefix: str = ""
    routers: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    successor: str = ""
    aftr: str = ""
    aftr_name: str = ""
    notified_ce: str = ""
    notified: Mapping[str, str] = field(default_factory=dict)
    notified_of: Mapping[str, str] = field(default_factory=dict)
    health: Health = field(default_factory=Health)
    probed: float = 0.0
    tables: tuple[str, ...] = ()
    losses: Losses = field(default_factory=Losses)
    dialled: tuple[str, ...] = ()
    owed_flows: tuple[str, ...] = ()
    owes_inbound_flows: bool = False
    owes_carried_flows: bool = False
    owed_solicitations: tuple[str, ...] = ()
    awaited: bool = False
    in_transition: bool = False
    transition_at: float = 0.0
    generation: int = 0
    version: str = ""
    findings: tuple[str, ...] = ()
    looked: Look = field(default_factory=Look)
    role: Role = field(default_factory=Role)
    applied: str = ""

    def transition_left(self, now: float) -> float:
        """Return the seconds until an ifup or ifdown must have ended; 0 if none is under way."""
        left = self.transition_at + TRANSITION_SECONDS - now
        return max(0.0, left) if self.in_transition else 0.0

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices with resources of ours, independent of the present configuration."""
        return (*self.tunnels, *(one.device for one in (*self.addresses, *self.found)))


def note_intent(state: RunState, plan: SlicePlan, own: Collection[str]) -> RunState:
    """Return ``state`` with what must be on disk before the steps of ``plan``.

    ``own``: devices that this program creates; their addresses and sysctls vanish with them.
    """
    for step in plan.changes:
        item = step.resource
        match step.action, item:
            case Action.CHANGE, Sysctl() if isinstance(step.was, Sysctl) and not any(
                f"/{device}/" in item.name for device in own
            ):
                originals = dict(state.sysctls.get(plan.name, {}))
                originals.setdefault(item.name, step.was.value)
                state = replace(state, sysctls={**state.sysctls, plan.name: originals})
            case Action.ADD, Address() if item.device not in own:
                state = replace(
                    state,
                    addresses=(*_without(state.addresses, item), item),
                    found=_without(state.found, item),
                )
            case Action.CHANGE, Address() if (
                isinstance(step.was, Address)
                and item.device not in own
                and item.key not in {one.key for one in (*state.addresses, *state.found)}
            ):
                state = replace(state, found=(*state.found, step.was))
            case Action.ADD, Tunnel():
                state = replace(state, tunnels=tuple(dict.fromkeys((*state.tunnels, item.name))))
    return state


def note_due(state: RunState, plan: SlicePlan) -> RunState:
    """Return ``state`` with the auxiliary steps of ``plan`` that a later run could not derive.

    They are owed until they are done, in case the run ends before. Saving that is worthwhile, but
    no step waits for it. A later run can derive the flows of an earlier PPP session from the
    address noted until all is done, but not those of a softwire, whose noted addresses or rule
    change before.
    """
    moves = any(isinstance(step.resource, Address) for step in plan.changes)
    noted = () if moves else state.sessions.values()
    for step in plan.changes:
        item = step.resource
        if step.auxiliary and not (isinstance(item, Flows) and item.address in noted):
            state = note_owed(state, step)
    return state


def note_step(state: RunState, name: str, step: Step) -> RunState:
    """Return ``state`` after ``step`` of the slice ``name``."""
    removed = step.action is Action.REMOVE
    match step.resource:
        case Sysctl() as item if step.action is Action.RESTORE:
            left = {
                key: value for key, value in state.sysctls.get(name, {}).items() if key != item.name
            }
            return replace(state, sysctls={**state.sysctls, name: left})
        case Address() as item if removed or item in state.found:
            return replace(
                state,
                addresses=_without(state.addresses, item),
                found=_without(state.found, item),
            )
        case Tunnel() as item if removed:
            return replace(
                state, tunnels=tuple(other for other in state.tunnels if other != item.name)
            )
        case NftTable() as item:
            return note_table(state, item.name, loaded=not removed)
        case Flows() | InboundFlows() | Solicitation() | CarriedFlows() as item:
            return _owing(state, item, owed=False)
    return state


def note_table(state: RunState, name: str, *, loaded: bool) -> RunState:
    """Return ``state`` with the nft table ``name`` noted as loaded or not."""
    if loaded is (name in state.tables):
        return state
    return replace(state, tables=_with(state.tables, name, there=loaded))


def _without(addresses: Collection[Address], item: Address) -> tuple[Address, ...]:
    return tuple(one for one in addresses if one.key != item.key)


def note_owed(state: RunState, step: Step) -> RunState:
    """Return ``state`` with an auxiliary ``step`` as owed: the next run tries it again."""
    return _owing(state, step.resource, owed=True)


def _owing(state: RunState, item: Resource, *, owed: bool) -> RunState:
    match item:
        case Flows() if not item.udp:  # those of UDP are of the moment of a failover
            return replace(state, owed_flows=_with(state.owed_flows, item.address, there=owed))
        case InboundFlows():
            return replace(state, owes_inbound_flows=owed)
        case CarriedFlows():
            return replace(state, owes_carried_flows=owed)
        case Advertisement():  # advertised again when the change of role is completed
            return replace(state, role=state.role._replace(followed=False))
        case Solicitation():
            devices = _with(state.owed_solicitations, item.device, there=owed)
            return replace(state, owed_solicitations=devices)
    return state


def _with(names: tuple[str, ...], name: str, *, there: bool) -> tuple[str, ...]:
    """Return ``names`` with ``name`` at the end, or without it."""
    rest = tuple(other for other in names if other != name)
    return (*rest, name) if there else rest


def keep_sysctls(
    state: RunState, name: str, kept: Collection[str], seen: Collection[str]
) -> RunState:
    """Return ``state`` with only those originals that the slice ``name`` may have to restore.

    kept: the sysctls that it goes on setting. seen: those that exist: a removed device takes its
    sysctls along, and a later device of the same name has others.
    """
    originals = state.sysctls.get(name, {})
    left = {key: value for key, value in originals.items() if key in kept and key in seen}
    return replace(state, sysctls={**state.sysctls, name: left}) if left != originals else state


def forget_sysctls(state: RunState, name: str) -> RunState:
    """Return ``state`` without the originals of the slice ``name``, which are restored."""
    return replace(
        state, sysctls={owner: values for owner, values in state.sysctls.items() if owner != name}
    )
