"""The tunnel slice: CE address, ip6tnl device, default route, forwarding. Pure.

The CE address is added before the tunnel that sends from it; for the earlier steps see sysctls.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.frozen import replace
from dualwan.model.observed import Observed
from dualwan.model.plan import (
    Action,
    SlicePlan,
    Step,
    diff,
    flow_steps,
    restore_steps,
    sysctl_steps,
)
from dualwan.model.resources import MAIN, Address, Resource, Route, Solicitation, Sysctl, Tunnel
from dualwan.model.state import RunState, keep_sysctls
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.snat import SLICE as SNAT
from dualwan.slices.tunnel import flows, sysctls
from dualwan.slices.tunnel.advertised import advertisements
from dualwan.slices.tunnel.possible import (
    left_alone,
    names_taken,
    possible,
    problems_of_all,
    without_ipv6,
)
from dualwan.slices.tunnel.sysctls import NAME, disable_ipv6

STAND_IN_METRIC = 2048  # in main, of the first way that stands in for the default one
LAST_METRIC = 4096  # in main, of a default way that cannot carry traffic


def stand_in_metric(ways: Iterable[Way], way: Way) -> int:
    """Return the metric in main of ``way``; ways that stand in rank in the order of the file."""
    return STAND_IN_METRIC + [one.name for one in ways if one.stands_in].index(way.name)


def _owned(remains: Remains) -> list[Resource]:
    """Return the resources of this slice that exist, in the order in which it makes them."""
    state, observed = remains.state, remains.observed
    ways = of_kind(remains.ways, Kind.SOFTWIRE)
    on_wan = {item.key for item in (*state.addresses, *state.found)}
    on_wan |= {Address(remains.wan, str(way.softwire.ce)).key for way in ways if way.softwire}
    names = {*(way.device for way in ways), *state.tunnels}
    tunnels = [tunnel for tunnel in observed.tunnels if tunnel.name in names]
    inner = {*(way.address for way in ways), *state.softwires.values()}
    return [
        *(item for item in observed.addresses if item.key in on_wan),
        *tunnels,
        *(
            item
            for item in observed.addresses
            if item.device in {tunnel.name for tunnel in tunnels} and item.address in inner
        ),
        *(route for route in observed.routes if is_tunnel_route(route, remains.ways)),
    ]


def _found(remains: Remains) -> dict[tuple[str, ...], Address]:
    """Return other programs' addresses that we use or have changed, in their old state, by key.

    Ours are noted or, if the run state is lost, recognized by being deprecated.
    """
    ours = {item.key for item in remains.state.addresses}
    found = {
        item.key: item
        for item in remains.observed.addresses
        if item.device == remains.wan and not item.deprecated and item.key not in ours
    }
    return found | {item.key: item for item in remains.state.found}


def _sparing(steps: Iterable[Step], found: dict[tuple[str, ...], Address]) -> Iterator[Step]:
    """Yield ``steps``, but restore other programs' addresses instead of removing them."""
    for step in steps:
        before = found.get(step.resource.key)
        if step.action is not Action.REMOVE or before is None:
            yield step
        elif before != step.resource:
            yield Step(Action.CHANGE, before, step.resource)


def is_tunnel_route(route: Route, ways: Iterable[Way]) -> bool:
    """Whether ``route``, with our protocol number, belongs to this slice, not to a PPP session."""
    if route.destination:  # to addresses that are routed to a way (slices.pbr)
        return False
    known = list(ways)
    return any(route.table == way.table for way in of_kind(known, Kind.SOFTWIRE)) or (
        route.table == MAIN and all(route.device != way.device for way in of_kind(known, Kind.PPP))
    )


def carries(state: RunState, observed: Observed) -> bool:
    """Whether the default way can carry traffic.

    It can if the WAN has an IPv6 default route, and the probes have not declared the way broken.
    """
    return observed.ipv6_default and not state.health.broken


def _wanted_resources(at: Situation) -> list[Resource]:
    return [item for way in possible(at) for item in _of_way(at, way)]


def _of_way(at: Situation, way: Way) -> list[Resource]:
    """Return the resources of a softwire: CE address, tunnel, inner address, routes.

    Where IPv6 is switched off, the kernel would refuse the CE address, and the routes would wait.
    """
    if way.softwire is None:
        return []
    refused = disable_ipv6(at.config.wan.interface), "1"
    wan, ce = at.config.wan.interface, str(way.softwire.ce)
    replaced = any(other.stands_in for other in at.ways) and not carries(at.state, at.observed)
    return [
        *([] if refused in at.observed.sysctls.items() else [Address(wan, ce, deprecated=True)]),
        Tunnel(way.device, ce, str(way.softwire.br), wan, way.mtu),
        Address(way.device, way.address),
        *([Route(MAIN, way.device, LAST_METRIC if replaced else 0)] if way.default else []),
        *([Route(way.table, way.device)] if way.pinned else []),
        *(
            [Route(MAIN, way.device, stand_in_metric(at.ways, way))]
            if way.stands_in and at.observed.ipv6_default
            else []
        ),
    ]


def _put_first(at: Situation, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield ``steps``; add our default route again if another program's precedes it.

    Of two with metric 0 the kernel takes the later one (fib_table_insert). The other route stays:
    pppd or a DHCP client removes its own.
    """
    first = at.observed.default_device
    own = {way.device for way in of_kind(at.ways, Kind.SOFTWIRE)}
    for step in steps:
        item = step.resource
        if (
            not step.changes
            and isinstance(item, Route)
            and (item.table, item.metric) == (MAIN, 0)
            and first not in {"", *own}
        ):
            yield Step(Action.REMOVE, item)
            yield Step(Action.ADD, item)
        else:
            yield step


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the tunnel to its desired state.

    If the softwire is unknown or something prevents the tunnel, they end after the sysctls and the
    solicitation, and leave an existing tunnel as it is.
    """
    seen, early, late = at.observed.sysctls, sysctls.early(at), sysctls.late(at)
    early_steps = sysctl_steps(early, seen)
    steps = (
        *restore_steps(sysctls.originals(at.state), _not_restored(at), seen),
        *early_steps,
        *_solicitation(at, early_steps),
    )
    missing = without_ipv6(at.config, seen) or (
        *([at.line.missing] if at.line.missing else []),
        *at.line.lacking,
    )
    problems, taken = problems_of_all(at), names_taken(at)
    if problems or not possible(at):
        return SlicePlan(NAME, steps, (*problems, *taken) or missing)
    made = _made(at)
    return SlicePlan(
        NAME,
        (
            *steps,
            *made,
            *(
                step
                for item in late
                for step in sysctl_steps([item], seen) or (Step(Action.ADD, item),)
            ),
            *(advertisements(at, made) if at.config.router.redundant else ()),
            *flow_steps(flows.stale(at)),
            *flows.forsaken(at, made),
        ),
        (*taken, *missing),
    )


def _made(at: Situation) -> tuple[Step, ...]:
    """Return the steps for addresses, tunnels and routes."""
    remains = Remains(at.state, at.observed, at.config.wan.interface, at.ways)
    owned = _owned(remains)
    owned = [item for item in owned if item not in left_alone(at, owned)]
    return tuple(_put_first(at, _sparing(diff(_wanted_resources(at), owned), _found(remains))))


def _not_restored(at: Situation) -> list[str]:
    """Return the sysctls not to restore: set by this slice now, or by another program since."""
    ours = (*sysctls.early(at), *sysctls.late(at))
    return [*(item.name for item in ours), *_others(at.observed)]


def _others(observed: Observed) -> list[str]:
    """Return the names of sysctls that another program has set since."""
    return [sysctls.accept_ra(device) for device in observed.hearing]


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that remove the tunnel, and restore the sysctls."""
    return SlicePlan(
        NAME,
        (
            *_sparing(diff([], _owned(remains)), _found(remains)),
            *restore_steps(
                sysctls.originals(remains.state),
                _others(remains.observed),
                remains.observed.sysctls,
            ),
        ),
    )


def _solicitation(at: Situation, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return a step that sends a router solicitation if ``steps`` set accept_ra on the WAN.

    Also if an earlier one could not be sent, because the link had no address yet.

    With forwarding on and accept_ra 1 the kernel neither solicits nor accepts advertisements, and
    the next unsolicited one may be half an hour away (RFC 4861 section 6.2.1).
    """
    wan = at.config.wan.interface
    accepting = Sysctl(sysctls.accept_ra(wan), sysctls.ACCEPT_RA_ALWAYS)
    began = any(step.changes and step.resource == accepting for step in steps)
    due = began or wan in at.state.owed_solicitations
    if due and at.observed.is_up(wan) and not at.observed.ipv6_default:
        return (Step(Action.ADD, Solicitation(wan)),)
    return ()


def _note_up(state: RunState, at: Situation) -> RunState:
    """Note prefix and softwires. They stay after ifdown, so that ifup knows the stale flows.

    Of the objects made by this slice, note only those wanted now: the others are gone by now. While
    something prevents the tunnel, the flows of the previous softwire are not deleted, and it stays
    noted: before ifup the WAN is down, though the next softwire may be known already.
    """
    state = keep_sysctls(state, NAME, _not_restored(at), at.observed.sysctls)
    state = replace(state, prefix=at.line.prefix or state.prefix)
    if at.line.prefix:
        state = replace(state, successor="")
    if at.observed.ipv6_default:  # a router was heard without our solicitation
        state = replace(state, owed_solicitations=())
    if problems_of_all(at) or not possible(at):
        return state
    kept = left_alone(at, (*state.addresses, *state.found))
    wanted = {item.key for item in (*_wanted_resources(at), *kept)}
    made = possible(at)
    return replace(
        flows.noted(state, at.ways, made),
        addresses=tuple(item for item in state.addresses if item.key in wanted),
        found=tuple(item for item in state.found if item.key in wanted),
        tunnels=tuple(
            way.device
            for way in of_kind(at.ways, Kind.SOFTWIRE)
            if way in made or way.device in state.tunnels
        ),
    )


def _note_down(state: RunState) -> RunState:
    """Forget the objects of this slice, which are gone now."""
    return replace(state, addresses=(), found=(), tunnels=())


SLICE = Slice(
    NAME,
    bring_up,
    take_down,
    needs=SNAT.name,
    sysctls=sysctls.names,
    routes=True,
    ipv6_default=True,
    note_up=_note_up,
    note_down=_note_down,
)
