"""The firewall slice: what may enter, leave and cross the router. Pure.

One inet table, closed by policy, established first. Interfaces go by name, so the table
stands before a WAN comes up and needs no change when PPPoE gets another address. What is
many (ports, networks) stands in sets: the cost of a packet does not grow with them.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.forwards import SMB
from dualwan.model.observed import TableId
from dualwan.model.plan import SlicePlan
from dualwan.model.way import Kind, Way, default_last, devices, of_kind
from dualwan.nft.table import Block, NftTable, base_chain, chain, noted, quoted
from dualwan.slices import zones
from dualwan.slices.firewall import antispoof, forwarded, icmpv6, services_in
from dualwan.slices.slice import Remains, Situation, Slice
from dualwan.slices.tables import only_table

NAME = "firewall"
TABLE = TableId("inet", "dualwan_firewall", dynamic=True)

IPV4_TCP_HEADERS = 40  # IPv4 (20) and TCP (20) without options
IPV6_TCP_HEADERS = 60

STATE = "ct state vmap { established : accept, related : accept }"
INVALID = "ct state invalid drop"
SHUT = "drop"  # also a policy's, which a new chain gets a moment after its rules
NOT_A_HOST = "224.0.0.0/4, 255.255.255.255"  # groups, and all at once
# Of a flow that conntrack does not know (any more) it is invalid; a socket may still need it.
NEEDS_FRAG = "icmp type destination-unreachable icmp code frag-needed"
DHCP_REQUEST = "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept"  # who has no address yet


def bring_up(at: Situation) -> SlicePlan:
    """Return the steps that bring the firewall to its desired state."""
    return only_table(NAME, wanted(at.config, at.ways), TABLE.name, at.observed)


def take_down(remains: Remains) -> SlicePlan:
    """Return the steps that take the firewall away."""
    return only_table(NAME, None, TABLE.name, remains.observed)


def wanted(config: Config, ways: tuple[Way, ...]) -> NftTable:
    """The whole table."""
    return NftTable(
        TABLE.family,
        TABLE.name,
        (
            *services_in.sets(config),
            *antispoof.chains(config, ways),
            _input(config, ways),
            *_from_wan(ways),
            *services_in.chains(config),
            _output(config, ways),
            *_to_wan(ways),
            _forward(config, ways),
            _mss(ways),
        ),
    )


def _input(config: Config, ways: tuple[Way, ...]) -> Block:
    opening = f"iifname {quoted(zones.outside(config, ways))} {forwarded.NOT_OPENING}"
    offering = default_last(way for way in ways if way.offers_services)
    return base_chain(
        "input",
        "type filter hook input priority filter; policy drop;",
        STATE,
        f"{icmpv6.ERRORS} iifname {quoted(zones.outside_ipv6(config, ways))} accept",
        f"{NEEDS_FRAG} iifname {quoted(devices(ways))} accept",
        INVALID,
        'iifname "lo" accept',
        *(f"{lan} accept" for lan in zones.from_lan(config)),
        *([f'iifname "{wire}" {DHCP_REQUEST}'] if (wire := zones.one_nic(config)) else []),
        *([opening] if config.firewall.bogus == "drop" else []),
        f'iifname "{config.wan.interface}" jump from_wan',
        *(
            f'iifname "{way.device}" meta nfproto ipv6 jump from_line'
            for way in of_kind(ways, Kind.PPP)
        ),
        f"iifname {quoted(devices(offering))} jump {services_in.OFFERS}",
        SHUT,
        comment="what comes to the router itself",
    )


def _from_wan(ways: tuple[Way, ...]) -> list[Block]:
    """Let in IPv6 of the line itself, and tunnelled packets from the border relay only."""
    relays = [
        f"ip6 saddr {wire.br} ip6 daddr {wire.ce} meta l4proto 4 accept"
        for way in ways
        if (wire := way.softwire)
    ]
    return [
        chain(
            "from_line",
            *icmpv6.TO_ROUTER,
            icmpv6.DHCP_ANSWER,
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
    targets = ", ".join(map(str, config.wan.probe))
    near = (
        [
            f'oifname "{wire}" ip daddr {{ {", ".join(map(str, config.lan.networks))}, '
            f"{NOT_A_HOST} }} accept"
        ]
        if (wire := zones.one_nic(config))
        else []
    )
    probes = [
        f'oifname "{way.device}" ip daddr {{ {targets} }} icmp type echo-request accept'
        for way in ways
        if way.default and targets
    ]
    return base_chain(
        "output",
        "type filter hook output priority filter; policy drop;",
        f"oifname != {quoted(zones.outside(config, ways))} accept",
        *near,
        "ct state established,related accept",
        f'oifname "{config.wan.interface}" jump to_wan',
        *(
            f'oifname "{way.device}" meta nfproto ipv6 jump to_line'
            for way in of_kind(ways, Kind.PPP)
        ),
        *probes,
        *(f"{match} accept" for match in services_in.matches(config.firewall.outbound)),
        SHUT,
        comment="what the router itself sends",
    )


def _to_wan(ways: tuple[Way, ...]) -> list[Block]:
    """Let out what the line itself needs of the router."""
    relays = [
        f"ip6 saddr {wire.ce} ip6 daddr {wire.br} meta l4proto 4 accept"
        for way in ways
        if (wire := way.softwire)
    ]
    return [
        chain(
            "to_line",
            *icmpv6.FROM_ROUTER,
            icmpv6.DHCP_QUESTION,
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
    shut = config.firewall.smb == "drop"
    smb = f"meta l4proto {{ tcp, udp }} th dport {{ {', '.join(map(str, SMB))} }} drop"
    outside, lans = quoted(zones.outside(config, ways)), zones.lan_only(config)
    return base_chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        *forwarded.stranded(ways),
        STATE,
        *([f"{icmpv6.ERRORS} iifname {outside} oifname {quoted(lans)} accept"] if lans else []),
        INVALID,
        *(f"{out} {smb}" for out in (zones.to_outside(config, ways) if shut else ())),
        *(f"{lan} accept" for lan in zones.from_lan(config)),
        *([f"iifname {outside} {smb}"] if shut else []),
        *forwarded.rules(config, ways),
        *(
            f"iifname {outside} oifname {quoted(lans)} {rule}"
            for rule in (icmpv6.THROUGH if lans else ())
        ),
        SHUT,
        comment="what crosses the router: from the LAN, and to its servers",
    )


def _mss(ways: tuple[Way, ...]) -> Block:
    """Clamp TCP segments to what fits each way, both ways; nft never raises the size it finds."""
    clamps = [
        (way.device, family, way.mtu, headers)
        for way in ways
        for family, headers in (("ipv4", IPV4_TCP_HEADERS), ("ipv6", IPV6_TCP_HEADERS))
        if family == "ipv4" or way.kind is Kind.PPP
    ]
    return base_chain(
        "mss",
        "type filter hook forward priority mangle; policy accept;",
        "tcp flags & (syn | rst) != syn accept",
        *(
            noted(
                f'{match} "{device}" meta nfproto {family} tcp option maxseg size '
                f"set {mtu - headers}",
                f"{mtu - headers} = MTU {mtu} - {headers} of headers",
            )
            for device, family, mtu, headers in clamps
            for match in ("oifname", "iifname")
        ),
        comment="TCP segments that fit the MTU of the WAN",
    )


SLICE = Slice(NAME, bring_up, take_down, closes=True, serves_ppp=True, table=TABLE)
