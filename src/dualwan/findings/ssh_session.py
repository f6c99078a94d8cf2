"""Whether a plan cuts the SSH session in which the command was typed. Pure.

The session is judged as a new connection, although conntrack may keep the present one alive: it
becomes a new one when conntrack loses its entry, and at the next login.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from dualwan.config import Config
from dualwan.config.firewall import IPV6, SESSIONS
from dualwan.config.services import Port
from dualwan.config.zones import Zone
from dualwan.model.ssh_session import SshSession
from dualwan.model.way import Kind, Way, devices, of_kind
from dualwan.result import Plan
from dualwan.slices import firewall, pbr, tunnel, zones
from dualwan.words import say

SAFE = say("dualwan-hook try goes back by itself")


def cut(plan: Plan, session: SshSession | None) -> str:
    """Return why ``plan`` cuts ``session``, as a sentence; "" if it does not."""
    reason = _reason(plan, session) if session else ""
    return (
        say("{text} would be cut: {reason}; {safe}", text=session.text, reason=reason, safe=SAFE)
        if session and reason
        else ""
    )


def _reason(plan: Plan, session: SshSession) -> str:
    if session.device == "lo":
        return ""
    changed = {item.name for item in plan.slices if item.changes}
    way = next((one for one in plan.line.ways if one.device == session.device), None)
    reasons = (
        _firewall(plan, session) if firewall.SLICE.name in changed else "",
        _tunnel(plan, way, session) if tunnel.SLICE.name in changed else "",
        _routing(plan, way) if pbr.SLICE.name in changed else "",
    )
    return next(filter(None, reasons), "")


def _firewall(plan: Plan, session: SshSession) -> str:
    """Return why the firewall drops the session's packets, "" if it does not."""
    config, device = plan.config, session.device
    if config is None or not plan.goals[firewall.SLICE.name] or _from_lan(config, session):
        return ""
    if zone := next((one for one in config.zones if one.has(device)), None):
        return _not_of_zone(zone, session)
    if device not in zones.outside(config, plan.line.ways):
        return say(
            "no section names {device}, by which it comes, and the firewall drops that",
            device=device,
        )
    return _not_offered(config, plan.line.ways, session)


def _from_lan(config: Config, session: SshSession) -> bool:
    if session.device == zones.one_nic(config):
        return any(session.peer in network for network in config.lan.networks)
    return config.lan.has(session.device)


def _not_of_zone(zone: Zone, session: SshSession) -> str:
    """Return why the zone may not use the port, "" if it may."""
    if any(Port("tcp", session.port) in service.ports for service in zone.services):
        return ""
    return say(
        "tcp/{port} is not among the services of [{section}], by which it comes",
        port=session.port,
        section=zone.section,
    )


def _not_offered(config: Config, ways: tuple[Way, ...], session: SshSession) -> str:
    """Return why the port is not open to the peer from outside, "" if it is."""
    device, ipv6 = session.device, isinstance(session.peer, IPv6Address)
    by_line = device == config.wan.interface and ipv6
    way = next((one for one in ways if one.device == device and one.offers_services), None)
    if not (by_line or way):
        return say(
            "by IPv{version} of {device} no service is offered",
            version=session.peer.version,
            device=device,
        )
    via, wanted = IPV6 if by_line else SESSIONS, Port("tcp", session.port)
    offers = [
        one
        for one in config.firewall.inbound
        if wanted in one.service.ports and (one.is_open_on(way.name) if way else IPV6 in one.via)
    ]
    if not offers:
        return say(
            'tcp/{port} is not offered by {device} ([firewall] inbound, via "{via}")',
            port=session.port,
            device=device,
            via=via,
        )
    if all(one.sources and not any(session.peer in net for net in one.sources) for one in offers):
        return say(
            "tcp/{port} is offered to other networks only ([firewall] inbound, from)",
            port=session.port,
        )
    return ""


def _tunnel(plan: Plan, way: Way | None, session: SshSession) -> str:
    """Return why the tunnel slice takes away the session's address or route, "" if it does not."""
    up = plan.goals[tunnel.SLICE.name]
    if _is_tunnels(plan, session.own) and not (up and str(session.own) in _kept(plan)):
        return say("its address {own} goes", own=session.own)
    if up and session.by_default and way is None and isinstance(session.peer, IPv4Address):
        default = next((one.device for one in plan.line.ways if one.default), "")
        return say(
            "its answers take {device} by a default route, and would take {default}",
            device=session.device,
            default=default,
        )
    return ""


def _is_tunnels(plan: Plan, address: IPv4Address | IPv6Address) -> bool:
    """Whether ``address`` is one of ours: on a tunnel, or a CE address on the WAN."""
    tunnels = {*plan.state.tunnels, *devices(of_kind(plan.line.ways, Kind.SOFTWIRE))}
    ours = {one.address for one in plan.observed.addresses if one.device in tunnels}
    return str(address) in ours | {one.address for one in plan.state.addresses}


def _kept(plan: Plan) -> set[str]:
    ends = [one.softwire for one in plan.line.ways if one.softwire]
    return {str(address) for one in ends for address in (one.ipv4, one.ce)}


def _routing(plan: Plan, way: Way | None) -> str:
    """Return why the answers no longer leave by the PPP session, "" if they do."""
    if way is None or way.kind is not Kind.PPP or plan.goals[pbr.SLICE.name]:
        return ""
    if plan.config is not None and plan.config.pppoe.dial:
        return say("PPPoE ({device}) is hung up", device=way.device)
    return say("nothing routes its answers by {device} any more", device=way.device)
