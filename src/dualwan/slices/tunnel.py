"""The tunnel slice: CE address, ip6tnl device, default route, forwarding. Pure.

The order within is part of the meaning: accept_ra is 2 before forwarding is switched on,
or the kernel deletes the IPv6 default route (rt6_purge_dflt_routers); the CE address
stands before the tunnel that sends from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dualwan.config import Config
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
from dualwan.model.state import RunState
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.snat import SLICE as SNAT

NAME = "tunnel"

_ACCEPT_RA_ALWAYS = "2"  # accept_ra: router advertisements although we forward (ip-sysctl)
_ACCEPT_RA_IF_HOST = "1"
LAST_METRIC = 4096  # metric in main of the default way while it cannot carry traffic
RP_FILTER_LOOSE = "2"  # rp_filter: the source is reachable by some interface (RFC 3704 loose mode)


def accept_ra(device: str) -> str:
    """Return the name of the sysctl that lets ``device`` hear router advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra"


def rp_filter(device: str) -> str:
    """Return the name of the sysctl of the reverse path filter of ``device``."""
    return f"net/ipv4/conf/{device}/rp_filter"


def sysctls(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    """Return the name of every sysctl that the slice may set."""
    return (
        *(accept_ra(name) for name in (config.wan.interface, *config.lan.interfaces)),
        *(rp_filter(way.device) for way in of_kind(ways, Kind.SOFTWIRE)),
        "net/ipv6/conf/all/forwarding",
        "net/ipv4/ip_forward",
    )


def _early_sysctls(at: Situation) -> list[Sysctl]:
    """accept_ra for the WAN, and for each LAN interface that hears RAs today; then forwarding."""
    ours = at.state.sysctls.get(NAME, {})
    hearing = [
        name
        for name in at.config.lan.interfaces
        if at.observed.sysctls.get(accept_ra(name)) == _ACCEPT_RA_IF_HOST or accept_ra(name) in ours
    ]
    names = dict.fromkeys((at.config.wan.interface, *hearing))  # a shared one once
    return [
        *(Sysctl(accept_ra(name), _ACCEPT_RA_ALWAYS) for name in names),
        Sysctl("net/ipv6/conf/all/forwarding", "1"),
        Sysctl("net/ipv4/ip_forward", "1"),
    ]


def _owned(remains: Remains) -> list[Resource]:
    """Return what is there of the things that this slice makes, in the order of making."""
    state, observed = remains.state, remains.observed
    ways = of_kind(remains.ways, Kind.SOFTWIRE)
    on_wan = {item.key for item in state.addresses}
    on_wan |= {Address(remains.wan, str(way.softwire.ce)).key for way in ways if way.softwire}
    names = {*(way.device for way in ways), *state.tunnels}
    tunnels = [tunnel for tunnel in observed.tunnels if tunnel.name in names]
    return [
        *(item for item in observed.addresses if item.key in on_wan),
        *tunnels,
        *(
            item
            for item in observed.addresses
            if item.device in {tunnel.name for tunnel in tunnels} and ":" not in item.address
        ),
        *(route for route in observed.routes if is_tunnel_route(route, remains.ways)),
    ]


def is_tunnel_route(route: Route, ways: Iterable[Way]) -> bool:
    """Whether ``route`` is this slice's; the others are those of PPP sessions."""
    known = list(ways)
    return any(route.table == way.table for way in of_kind(known, Kind.SOFTWIRE)) or (
        route.table == MAIN and all(route.device != way.device for way in of_kind(known, Kind.PPP))
    )


def carries(state: RunState, observed: Observed) -> bool:
    """Whether the default way can carry traffic: packets find a way, and answers come back."""
    return observed.ipv6_default and not state.health.broken


def _wanted_resources(at: Situation) -> list[Resource]:
    return [item for way in of_kind(at.ways, Kind.SOFTWIRE) for item in _of_way(at, way)]


def _of_way(at: Situation, way: Way) -> list[Resource]:
    """Return what a way by softwire needs: both ends of the tunnel, its address, its routes."""
    if way.softwire is None:
        return []
    wan, ce = at.config.wan.interface, str(way.softwire.ce)
    replaced = any(other.stands_in for other in at.ways) and not carries(at.state, at.observed)
    return [
        Address(wan, ce, deprecated=True),
        Tunnel(way.device, ce, str(way.softwire.br), wan, way.mtu),
        Address(way.device, way.address),
        *([Route(MAIN, way.device, LAST_METRIC if replaced else 0)] if way.default else []),
        *([Route(way.table, way.device)] if way.pinned else []),
    ]


def _problems(at: Situation) -> tuple[str, ...]:
    wan, observed = at.config.wan.interface, at.observed
    problems = []
    if wan not in observed.links:
        problems.append(f"the interface {wan} (wan.interface) does not exist")
    elif not observed.links[wan].up:
        problems.append(f"the interface {wan} (wan.interface) is down; ifup {wan} brings it up")
    for way in of_kind(at.ways, Kind.SOFTWIRE):
        link = observed.links.get(way.device)
        if link and link.kind != "ip6tnl":
            problems.append(
                f"{way.device} ({way.name}.tunnel) is there already, and is no IPv6 tunnel"
            )
    return tuple(problems)


def _stale_addresses(at: Situation) -> set[str]:
    """Return shared addresses whose flows cannot go on, after a change of the prefix.

    A new CE may have the same address with other ports: the flows on the old ones would be
    refused for as long as their packets keep them alive.
    """
    stale: set[str] = set()
    for way in of_kind(at.ways, Kind.SOFTWIRE):
        if way.softwire is None:
            continue
        had = {at.state.softwires.get(way.name, ""), at.observed.address_of(way.device)} - {""}
        moved = any(
            item.device == at.config.wan.interface and item.address != str(way.softwire.ce)
            for item in at.state.addresses
        )
        stale |= had if moved else had - {way.address}
    return stale


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the tunnel to its desired state."""
    originals, seen = at.state.sysctls.get(NAME, {}), at.observed.sysctls
    early = _early_sysctls(at)
    late = [
        Sysctl(rp_filter(way.device), RP_FILTER_LOOSE)
        for way in of_kind(at.ways, Kind.SOFTWIRE)
        if way.softwire
    ]
    listening = sysctl_steps(early, seen)
    steps = (
        *restore_steps(originals, [item.name for item in (*early, *late)], seen),
        *listening,
        *_solicitation(at, listening),
    )
    problems = _problems(at)
    if at.line.missing or problems:  # what an earlier run made stays; the line is listened to
        return SlicePlan(NAME, steps, problems or (at.line.missing,))
    return SlicePlan(
        NAME,
        (
            *steps,
            *diff(
                _wanted_resources(at),
                _owned(Remains(at.state, at.observed, at.config.wan.interface, at.ways)),
            ),
            *(
                step
                for item in late
                for step in sysctl_steps([item], seen) or (Step(Action.ADD, item),)
            ),
            *flow_steps(_stale_addresses(at)),
        ),
    )


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that take the tunnel away, and restore what it had set."""
    return SlicePlan(
        NAME,
        (
            *diff([], _owned(remains)),
            *restore_steps(remains.state.sysctls.get(NAME, {}), (), remains.observed.sysctls),
        ),
    )


def _solicitation(at: Situation, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Ask for a router advertisement where the kernel has just begun to listen.

    With forwarding on and accept_ra 1 the kernel neither asks nor listens, and the next
    unasked advertisement may be half an hour away (RFC 4861 section 6.2.1).
    """
    wan = at.config.wan.interface
    listening = Sysctl(accept_ra(wan), _ACCEPT_RA_ALWAYS)
    began = any(step.changes and step.resource == listening for step in steps)
    if began and at.observed.is_up(wan) and not at.observed.ipv6_default:
        return (Step(Action.ADD, Solicitation(wan)),)
    return ()


def _note_up(state: RunState, at: Situation) -> RunState:
    """Note addresses and prefix; they stay after ifdown, and say at ifup what is stale."""
    known = {way.name: way.address for way in of_kind(at.ways, Kind.SOFTWIRE) if way.address}
    return replace(
        state, softwires={**state.softwires, **known}, prefix=at.line.prefix or state.prefix
    )


SLICE = Slice(
    NAME,
    bring_up,
    take_down,
    needs=SNAT.name,
    sysctls=sysctls,
    routes=True,
    ipv6_default=True,
    note_up=_note_up,
)
