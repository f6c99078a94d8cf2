"""The tunnel slice: CE address, ip6tnl device, default route, forwarding. Pure.

The order within is part of the meaning: accept_ra is 2 before forwarding is switched on,
or the kernel deletes the IPv6 default route (rt6_purge_dflt_routers); the CE address
stands before the tunnel that sends from it.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.line import Line
from dualwan.line.softwire import Softwire
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan, Step, diff, flow_steps, restore_steps, sysctl_steps
from dualwan.model.resources import MAIN, Address, Resource, Route, Solicitation, Sysctl, Tunnel

NAME = "tunnel"

RA_ALWAYS = "2"  # accept_ra: router advertisements although we forward (ip-sysctl)
RA_IF_HOST = "1"
SECOND, LAST = 2048, 4096  # metrics in main: PPPoE on failover, and MAP-E when it cannot
LOOSE = "2"  # rp_filter: the source is reachable by some interface (RFC 3704 loose mode)


def accept_ra(device: str) -> str:
    """Name of the sysctl that lets DEVICE hear router advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra"


def rp_filter(device: str) -> str:
    """Name of the sysctl of DEVICE's reverse path filter."""
    return f"net/ipv4/conf/{device}/rp_filter"


def sysctl_names(config: Config) -> tuple[str, ...]:
    """Every sysctl the slice may look at."""
    return (*(accept_ra(name) for name in (config.wan.interface, *config.lan.interfaces)),
            rp_filter(config.mape.tunnel), "net/ipv6/conf/all/forwarding",
            "net/ipv4/ip_forward")


def _early_sysctls(config: Config, observed: Observed) -> list[Sysctl]:
    """accept_ra for the WAN, and for each LAN interface that hears RAs today; then forwarding."""
    ours = observed.memory.sysctls.get(NAME, {})
    hearing = [name for name in config.lan.interfaces
               if observed.sysctls.get(accept_ra(name)) == RA_IF_HOST or accept_ra(name) in ours]
    names = dict.fromkeys((config.wan.interface, *hearing))  # a shared one once
    return [*(Sysctl(accept_ra(name), RA_ALWAYS) for name in names),
            Sysctl("net/ipv6/conf/all/forwarding", "1"), Sysctl("net/ipv4/ip_forward", "1")]


def _owned(config: Config, line: Line, observed: Observed) -> list[Resource]:
    """What is there of the things that this slice makes, in the order of making."""
    on_wan = {item.key for item in observed.memory.addresses}
    if softwire := line.softwire:
        on_wan.add(Address(config.wan.interface, str(softwire.ce)).key)
    names = {config.mape.tunnel, *observed.memory.tunnels}
    tunnels = [tunnel for tunnel in observed.tunnels if tunnel.name in names]
    return [
        *(item for item in observed.addresses if item.key in on_wan),
        *tunnels,
        *(item for item in observed.addresses
          if item.device in {tunnel.name for tunnel in tunnels} and ":" not in item.address),
        *(route for route in observed.routes if is_ours(route, config)),
    ]


def is_ours(route: Route, config: Config) -> bool:
    """Whether ROUTE is this slice's; the others are PPPoE's."""
    return route.table == config.mape_table or (
        route.table == MAIN and route.device != config.pppoe.interface)


def carries(observed: Observed) -> bool:
    """Whether MAP-E can carry traffic: its packets find a way, and answers come back."""
    return observed.ipv6_default and not observed.memory.health.broken


def _wanted(config: Config, observed: Observed, softwire: Softwire) -> list[Resource]:
    mape = config.mape
    last = config.wan.failover and not carries(observed)
    ce, br = str(softwire.ce), str(softwire.br)
    return [
        Address(config.wan.interface, ce, deprecated=True),
        Tunnel(mape.tunnel, ce, br, config.wan.interface, mape.mtu),
        Address(mape.tunnel, str(softwire.ipv4)),
        Route(MAIN, mape.tunnel, LAST if last else 0),
        *([Route(config.mape_table, mape.tunnel)] if config.keeps_mape else []),
    ]


def _problems(config: Config, observed: Observed) -> tuple[str, ...]:
    wan, tunnel = config.wan.interface, config.mape.tunnel
    problems = []
    if wan not in observed.links:
        problems.append(f"the interface {wan} (wan.interface) does not exist")
    elif not observed.links[wan].up:
        problems.append(f"the interface {wan} (wan.interface) is down; ifup {wan} brings it up")
    link = observed.links.get(tunnel)
    if link and link.kind != "ip6tnl":
        problems.append(f"{tunnel} (mape.tunnel) is there already, and is no IPv6 tunnel")
    return tuple(problems)


def stale_addresses(config: Config, line: Line, observed: Observed) -> set[str]:
    """Shared addresses whose flows cannot go on, after a change of the prefix.

    A new CE may have the same address with other ports: the flows on the old ones would be
    refused for as long as their packets keep them alive.
    """
    softwire = line.softwire
    if softwire is None:
        return set()
    had = {observed.memory.mape, observed.address_of(config.mape.tunnel)} - {""}
    moved = any(item.device == config.wan.interface and item.address != str(softwire.ce)
                for item in observed.memory.addresses)
    return had if moved else had - {str(softwire.ipv4)}


def plan(config: Config, line: Line, observed: Observed, up: bool) -> SlicePlan:
    """Steps that bring the tunnel to its desired state, or take it away."""
    originals = observed.memory.sysctls.get(NAME, {})
    owned = _owned(config, line, observed)
    if not up:
        return SlicePlan(NAME, (*diff([], owned),
                                *restore_steps(originals, (), observed.sysctls)))
    early = _early_sysctls(config, observed)
    late = Sysctl(rp_filter(config.mape.tunnel), LOOSE)
    listening = sysctl_steps(early, observed.sysctls)
    steps = (
        *restore_steps(originals, [item.name for item in (*early, late)], observed.sysctls),
        *listening,
        *_solicitation(config, observed, listening),
    )
    softwire, problems = line.softwire, _problems(config, observed)
    if softwire is None or problems:  # what an earlier run made stays; the line is listened to
        return SlicePlan(NAME, steps, problems or (line.missing,))
    return SlicePlan(NAME, (
        *steps,
        *diff(_wanted(config, observed, softwire), owned),
        *(sysctl_steps([late], observed.sysctls) or (Step("+", late),)),
        *flow_steps(stale_addresses(config, line, observed)),
    ))


def _solicitation(config: Config, observed: Observed, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Ask for a router advertisement where the kernel has just begun to listen.

    With forwarding on and accept_ra 1 the kernel neither asks nor listens, and the next
    unasked advertisement may be half an hour away (RFC 4861 section 6.2.1).
    """
    listening = Sysctl(accept_ra(config.wan.interface), RA_ALWAYS)
    began = any(step.changes and step.resource == listening for step in steps)
    if began and observed.is_up(config.wan.interface) and not observed.ipv6_default:
        return (Step("+", Solicitation(config.wan.interface)),)
    return ()
