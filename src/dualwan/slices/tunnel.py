"""The tunnel slice: CE address, ip6tnl device, default route, forwarding. Pure.

The order of the steps matters. accept_ra is set to 2 before forwarding is switched on, or the
kernel deletes the IPv6 default route (rt6_purge_dflt_routers). It is left alone where another
program hears the advertisements (networkd, NetworkManager, dhcpcd): that has set it to 0, and its
default route stays (measured). On the LAN it is left alone too: at 1, the kernel's default, a
router does not listen. The CE address is added before the tunnel that sends from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

_ACCEPT_RA_ALWAYS = "2"  # also while forwarding is on (ip-sysctl.rst)
_ACCEPT_RA_IF_HOST = "1"  # the kernel's default: only while forwarding is off
_NO_DEFAULT_ROUTE = "0"  # of accept_ra_defrtr: addresses, but no default route
LAST_METRIC = 4096  # in main, of a default way that cannot carry traffic
RP_FILTER_LOOSE = "2"  # any interface reaches the source (RFC 3704 loose mode)


def accept_ra(device: str) -> str:
    """Return the sysctl name of ``accept_ra`` of ``device``: router advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra"


def accept_ra_defrtr(device: str) -> str:
    """Return the sysctl name of ``accept_ra_defrtr``: the default route of advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra_defrtr"


def rp_filter(device: str) -> str:
    """Return the sysctl name of ``rp_filter`` of ``device``: the reverse path filter."""
    return f"net/ipv4/conf/{device}/rp_filter"


def sysctls(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    """Return the names of the sysctls that the slice may set."""
    return (
        *(
            accept_ra(name)
            for name in (config.wan.interface, config.prefix_source, *config.lan.devices)
        ),
        *(accept_ra_defrtr(name) for name in config.lan.devices if name != config.wan.interface),
        *(rp_filter(way.device) for way in of_kind(ways, Kind.SOFTWIRE)),
        "net/ipv6/conf/all/forwarding",
        "net/ipv4/ip_forward",
    )


def _early_sysctls(at: Situation) -> list[Sysctl]:
    """Return the sysctls to set before the tunnel: accept_ra, then forwarding.

    accept_ra is for the WAN, and for another interface that the prefix is taken from if that
    accepted RAs until now. A LAN interface that accepts RAs gets no default route by them; what a
    pattern covers (containers, VPNs) has none to hear.
    """
    wan, source = at.config.wan.interface, at.config.prefix_source
    ours, seen = at.state.sysctls.get(NAME, {}), at.observed.sysctls
    accepting = [wan]
    if source != wan and (
        seen.get(accept_ra(source)) == _ACCEPT_RA_IF_HOST or accept_ra(source) in ours
    ):
        accepting.append(source)
    names = [name for name in accepting if name not in at.observed.hearing]
    inside = [
        name
        for name in at.config.lan.devices
        if name != wan
        and (
            name in names
            # 0.1.0 set it to 2; that is undone.
            or (seen.get(accept_ra(name)) == _ACCEPT_RA_ALWAYS and accept_ra(name) not in ours)
        )
    ]
    return [
        *(Sysctl(accept_ra_defrtr(name), _NO_DEFAULT_ROUTE) for name in inside),
        *(Sysctl(accept_ra(name), _ACCEPT_RA_ALWAYS) for name in names),
        Sysctl("net/ipv6/conf/all/forwarding", "1"),
        Sysctl("net/ipv4/ip_forward", "1"),
    ]


def _owned(remains: Remains) -> list[Resource]:
    """Return the resources of this slice that exist, in the order in which it makes them."""
    state, observed = remains.state, remains.observed
    ways = of_kind(remains.ways, Kind.SOFTWIRE)
    on_wan = {item.key for item in (*state.addresses, *state.found)}
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


def _found(remains: Remains) -> dict[tuple[str, ...], Address]:
    """Return the addresses of others that we use or have changed, as they were, by key.

    Ours are noted or, where the run state is lost, known by being deprecated.
    """
    ours = {item.key for item in remains.state.addresses}
    found = {
        item.key: item
        for item in remains.observed.addresses
        if item.device == remains.wan and not item.deprecated and item.key not in ours
    }
    return found | {item.key: item for item in remains.state.found}


def _sparing(steps: Iterable[Step], found: dict[tuple[str, ...], Address]) -> Iterator[Step]:
    """Yield ``steps``, with addresses of others restored in place of removed."""
    for step in steps:
        before = found.get(step.resource.key)
        if step.action is not Action.REMOVE or before is None:
            yield step
        elif before != step.resource:
            yield Step(Action.CHANGE, before, step.resource)


def is_tunnel_route(route: Route, ways: Iterable[Way]) -> bool:
    """Whether ``route``, one with our protocol number, is this slice's and no PPP session's."""
    known = list(ways)
    return any(route.table == way.table for way in of_kind(known, Kind.SOFTWIRE)) or (
        route.table == MAIN and all(route.device != way.device for way in of_kind(known, Kind.PPP))
    )


def carries(state: RunState, observed: Observed) -> bool:
    """Whether the default way can carry traffic.

    It can if the WAN has an IPv6 default route and the probes do not call the way broken.
    """
    return observed.ipv6_default and not state.health.broken


def _wanted_resources(at: Situation) -> list[Resource]:
    return [item for way in of_kind(at.ways, Kind.SOFTWIRE) for item in _of_way(at, way)]


def _of_way(at: Situation, way: Way) -> list[Resource]:
    """Return the resources of a softwire: CE address, tunnel, inner address, routes."""
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


def _put_first(at: Situation, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield ``steps``; a default route of ours that another program's precedes is added anew.

    Of two with metric 0 the kernel takes the later one (fib_table_insert). The other stays:
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


def _problems(at: Situation) -> tuple[str, ...]:
    """Return what prevents the tunnel: the WAN is missing or down, or its name is taken."""
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
    """Return the IPv4 addresses whose flows cannot go on after a change of the prefix.

    A new CE may have the same IPv4 address with another port set. Flows on ports of the old
    set would be dropped for as long as their packets keep the conntrack entry alive.
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
    """Return the steps that bring the tunnel to its desired state.

    While the softwire is unknown or something prevents the tunnel, they stop after the sysctls
    and the solicitation, and leave an existing tunnel as it is.
    """
    originals, seen = at.state.sysctls.get(NAME, {}), at.observed.sysctls
    early = _early_sysctls(at)
    late = [
        Sysctl(rp_filter(way.device), RP_FILTER_LOOSE)
        for way in of_kind(at.ways, Kind.SOFTWIRE)
        if way.softwire
    ]
    early_steps = sysctl_steps(early, seen)
    steps = (
        *restore_steps(
            originals, [*(item.name for item in (*early, *late)), *_others(at.observed)], seen
        ),
        *early_steps,
        *_solicitation(at, early_steps),
    )
    problems = _problems(at)
    if at.line.missing or problems:
        return SlicePlan(NAME, steps, problems or (at.line.missing,))
    remains = Remains(at.state, at.observed, at.config.wan.interface, at.ways)
    return SlicePlan(
        NAME,
        (
            *steps,
            *_put_first(
                at,
                _sparing(diff(_wanted_resources(at), _owned(remains)), _found(remains)),
            ),
            *(
                step
                for item in late
                for step in sysctl_steps([item], seen) or (Step(Action.ADD, item),)
            ),
            *flow_steps(_stale_addresses(at)),
        ),
    )


def _others(observed: Observed) -> list[str]:
    """Return the names of sysctls that another program has set since."""
    return [accept_ra(device) for device in observed.hearing]


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that remove the tunnel, and restore the sysctls."""
    return SlicePlan(
        NAME,
        (
            *_sparing(diff([], _owned(remains)), _found(remains)),
            *restore_steps(
                remains.state.sysctls.get(NAME, {}),
                _others(remains.observed),
                remains.observed.sysctls,
            ),
        ),
    )


def _solicitation(at: Situation, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return a step that sends a router solicitation if ``steps`` set accept_ra on the WAN.

    With forwarding on and accept_ra 1 the kernel neither solicits nor accepts advertisements,
    and the next unsolicited one may be half an hour away (RFC 4861 section 6.2.1).
    """
    wan = at.config.wan.interface
    accepting = Sysctl(accept_ra(wan), _ACCEPT_RA_ALWAYS)
    began = any(step.changes and step.resource == accepting for step in steps)
    if began and at.observed.is_up(wan) and not at.observed.ipv6_default:
        return (Step(Action.ADD, Solicitation(wan)),)
    return ()


def _note_up(state: RunState, at: Situation) -> RunState:
    """Note addresses and prefix. They stay after ifdown, so that ifup knows the stale flows."""
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
