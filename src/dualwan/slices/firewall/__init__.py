"""The firewall slice: one inet table that filters packets to, from and through the router. Pure.

The policy of each chain is drop, and established connections are accepted first. Rules name
interfaces, so the table can be loaded before a WAN comes up and needs no change when PPPoE
gets another address. Ports and networks are elements of sets, so their number does not change
the cost of a packet.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.forwards import PINHOLE, SMB
from dualwan.frozen import replace
from dualwan.model.observed import TableId
from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import InboundFlows
from dualwan.model.way import Kind, Way, default_last, devices, of_kind
from dualwan.nft.table import Block, NftTable, base_chain, chain, commented, quoted
from dualwan.slices import ipsec, zones
from dualwan.slices.firewall import (
    antispoof,
    forwarded,
    icmpv6,
    lan_flows,
    mss,
    routed,
    services_in,
    unnamed,
    zoned,
)
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.tables import only_table

NAME = "firewall"
TABLE = TableId("inet", "dualwan_firewall", dynamic=True)

_ACCEPT_KNOWN = "ct state established,related accept"  # cheaper than a lookup in a map
_DROP_INVALID = "ct state invalid drop"
_CLOSED = "drop"  # also as a rule: a new chain's policy takes effect just after its rules
_MULTICAST_AND_BROADCAST = "224.0.0.0/4, 255.255.255.255"
# conntrack calls it invalid once the flow has no entry; a socket of the router may need it.
_FRAG_NEEDED = "icmp type destination-unreachable icmp code frag-needed"
# A request of a LAN host that has no address yet.
_ACCEPT_DHCP_REQUEST = "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept"


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the firewall to its desired state.

    If it was missing while the line was up or a zone existed, also delete the conntrack entries of
    flows that began outside or in a zone: as established ones they would be accepted for as long as
    they live.
    """
    plan = only_table(NAME, wanted_table(at.config, at.ways), TABLE.name, at.observed)
    outside = zones.outside(at.config, at.ways)
    was_open = any(step.action is Action.ADD for step in plan.steps) and (
        bool(at.config.zones) or any(at.observed.is_up(name) for name in outside)
    )
    if was_open or at.state.owes_inbound_flows:
        shared = zones.one_nic(at.config)  # LAN hosts are behind it too
        devices = tuple(name for name in outside if name != shared)
        guests = tuple(name for zone in at.config.zones for name in zone.interfaces)
        inbound = InboundFlows(
            devices, _offered(at.config), guests, _inside(at.config), _servers(at)
        )
        return replace(plan, steps=(*plan.steps, Step(Action.REMOVE, inbound)))
    return plan


def _offered(config: Config) -> tuple[int, ...]:
    """Return the TCP ports of the router that are open to the outside."""
    services = (port for one in config.firewall.inbound for port in one.service.ports)
    return tuple(sorted({one.number for one in services if one.protocol == "tcp"}))


def _inside(config: Config) -> tuple[int, ...]:
    """Return the TCP ports of hosts that are open to the outside without translation."""
    pinholes = (one for one in config.forwards if one.via == PINHOLE)
    ports = {one.port for one in pinholes if one.protocol == "tcp"}
    return tuple(sorted(ports | routed.offered(config)))


def _servers(at: Situation) -> tuple[str, ...]:
    """Return the hosts to which our rules translate what comes from outside."""
    forwards = [one.to for one in at.config.forwards if one.via != PINHOLE]
    hosts = [host for way in at.ways for host in way.open_hosts]
    hosts += [inner for way in at.ways for _, inner in way.one_to_one]
    return tuple(sorted({str(one) for one in (*forwards, *hosts)}))


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that take the firewall away."""
    return only_table(NAME, None, TABLE.name, remains.observed)


def wanted_table(config: Config, ways: tuple[Way, ...]) -> NftTable:
    """Return the whole table."""
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            *services_in.sets(config),
            *icmpv6.sets(),
            *lan_flows.sets(config),
            *unnamed.sets(),
            *antispoof.chains(config, ways),
            _input(config, ways),
            *_from_wan(ways),
            *zoned.chains(config, ways),
            *icmpv6.chains(),
            *lan_flows.chains(config),
            *services_in.chains(config),
            _output(config, ways),
            *_to_wan(ways),
            *mss.chains(ways),
            *forwarded.chains(ways),
            *routed.chains(config, ways),
            _forward(config, ways),
        ),
    )


def _input(config: Config, ways: tuple[Way, ...]) -> Block:
    opening = f"iifname {quoted(zones.outside(config, ways))} {forwarded.DROP_NOT_OPENING}"
    with_services = default_last(way for way in ways if way.offers_services)
    shared = zones.one_nic(config)
    return base_chain(
        "input",
        "type filter hook input priority filter; policy drop;",
        _ACCEPT_KNOWN,
        icmpv6.errors(f"iifname {quoted(zones.outside_ipv6(config, ways))}"),
        f"{_FRAG_NEEDED} iifname {quoted(devices(ways))} accept",
        _DROP_INVALID,
        'iifname "lo" accept',
        *ipsec.accept(config, ipsec.DECRYPTED),
        *antispoof.by_cable_only(config),
        *lan_flows.rules(config),
        *zoned.to_router(config),
        *([f'iifname "{shared}" {_ACCEPT_DHCP_REQUEST}'] if shared else []),
        *([opening] if config.firewall.bogus == "drop" else []),
        f'iifname "{config.wan.interface}" jump from_wan',
        *(
            f'iifname "{way.device}" meta nfproto ipv6 jump from_line'
            for way in of_kind(ways, Kind.PPP)
            if not way.vpn
        ),
        *services_in.jumps(config, with_services),
        *unnamed.to_router(config, ways),
        _CLOSED,
        comment="what comes to the router itself",
    )


def _from_wan(ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains that accept IPv6 of the line itself, and IPIP from the border relay."""
    relays = [
        f"ip6 saddr {softwire.br} ip6 daddr {softwire.ce} meta l4proto 4 accept"
        for way in ways
        if (softwire := way.softwire)
    ]
    return [
        chain(
            "from_line",
            *icmpv6.TO_ROUTER,
            icmpv6.ACCEPT_DHCP_ANSWER,
            comment="what the line itself needs of the router",
        ),
        chain(
            "from_wan",
            *relays,
            "jump from_line",
            comment="of the tunnel, from the border relay only; and the line itself",
        ),
    ]


def _output(config: Config, ways: tuple[Way, ...]) -> Block:
    probed = ", ".join(map(str, config.wan.probe))
    shared = zones.one_nic(config)
    to_lan = (
        [
            f'oifname "{shared}" ip daddr {{ {", ".join(map(str, config.lan.networks))}, '
            f"{_MULTICAST_AND_BROADCAST} }} accept"
        ]
        if shared
        else []
    )
    probes = [
        f'oifname "{way.device}" ip daddr {{ {probed} }} icmp type echo-request accept'
        for way in ways
        if way.default and probed
    ]
    return base_chain(
        "output",
        "type filter hook output priority filter; policy drop;",
        *routed.stays_of_router(config, ways),
        _ACCEPT_KNOWN,
        f"oifname != {quoted(zones.outside(config, ways))} accept",
        *to_lan,
        *ipsec.accept(config, ipsec.TO_ENCRYPT),
        f'oifname "{config.wan.interface}" jump to_wan',
        *(
            f'oifname "{way.device}" meta nfproto ipv6 jump to_line'
            for way in of_kind(ways, Kind.PPP)
            if not way.vpn
        ),
        *probes,
        *(f"{match} accept" for match in services_in.matches(config.firewall.outbound)),
        _CLOSED,
        comment="what the router itself sends",
    )


def _to_wan(ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains that accept IPv6 to the line itself, and IPIP to the border relay."""
    relays = [
        f"ip6 saddr {softwire.ce} ip6 daddr {softwire.br} meta l4proto 4 accept"
        for way in ways
        if (softwire := way.softwire)
    ]
    return [
        chain(
            "to_line",
            *icmpv6.FROM_ROUTER,
            icmpv6.ACCEPT_DHCP_QUESTION,
            comment="what the router needs of the line itself",
        ),
        chain(
            "to_wan",
            *relays,
            "jump to_line",
            comment="of the tunnel, to the border relay only; and the line itself",
        ),
    ]


def _forward(config: Config, ways: tuple[Way, ...]) -> Block:
    no_smb = config.firewall.smb == "drop"
    # The ports first: most packets need no other look.
    smb = f"th dport {{ {', '.join(map(str, SMB))} }} meta l4proto {{ tcp, udp }}"
    outside, inside = quoted(zones.outside(config, ways)), zones.inside_ipv6(config)
    return base_chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        mss.JUMP,
        *forwarded.stranded(ways),
        *routed.stays(config, ways),
        _ACCEPT_KNOWN,
        *([icmpv6.errors(f"iifname {outside} oifname {quoted(inside)}")] if inside else []),
        *_within(config),
        _DROP_INVALID,
        *ipsec.accept(
            config,
            ipsec.DECRYPTED,
            *(f"{lan} {ipsec.TO_ENCRYPT}" for lan in zones.from_lan(config)),
        ),
        *(f"{smb} {out} drop" for out in (zones.to_outside(config, ways) if no_smb else ())),
        antispoof.LINK_LOCAL_STAYS,
        *lan_flows.rules(config),
        *zoned.through(config),
        *([f"{smb} iifname {outside} drop"] if no_smb else []),
        *forwarded.rules(config, ways),
        *(
            f"iifname {outside} oifname {quoted(inside)} {rule}"
            for rule in (icmpv6.THROUGH if inside else ())
        ),
        *unnamed.through(config, ways),
        _CLOSED,
        comment="what crosses the router: from the LAN, and to its servers",
    )


def _within(config: Config) -> list[str]:
    """Return rules that accept invalid packets from the LAN to the LAN, and within each zone.

    A second router there, for a VPN say, sends to hosts by itself, and they send by their default
    route, which is this router: conntrack sees one direction of a connection.
    """
    pairs = [(one, other) for one in zones.from_lan(config) for other in zones.to_lan(config)]
    names = [quoted(zone.interfaces) for zone in config.zones]
    pairs += [(f"iifname {one}", f"oifname {one}") for one in names]
    return [
        commented(f"ct state invalid {source} {target} accept", "answered past this router")
        for source, target in pairs
    ]


SLICE = Slice(NAME, bring_up, take_down, closes=True, serves_ppp=True, table=TABLE)
