"""The firewall slice: what may enter, leave and cross the router. Pure.

One inet table, closed by policy, established first. Interfaces go by name, so the table
stands before a WAN comes up and needs no change when PPPoE gets another address. What is
many (ports, networks) stands in sets: the cost of a packet does not grow with them.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.forwards import SMB
from dualwan.config.mape import IPIP
from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan
from dualwan.nft.table import Block, NftTable, base_chain, chain, noted, quoted
from dualwan.slices import zones
from dualwan.slices.firewall import antispoof, forwarded, icmpv6, services_in
from dualwan.slices.tables import only_table

NAME = "firewall"
TABLE = "dualwan_firewall"

IPV4_TCP_HEADERS = 40  # IPv4 (20) and TCP (20) without options
IPV6_TCP_HEADERS = 60

STATE = "ct state vmap { established : accept, related : accept }"
INVALID = "ct state invalid drop"
SHUT = "drop"  # also a policy's, which a new chain gets a moment after its rules
NOT_A_HOST = "224.0.0.0/4, 255.255.255.255"  # groups, and all at once
# Of a flow that conntrack does not know (any more) it is invalid; a socket may still need it.
NEEDS_FRAG = "icmp type destination-unreachable icmp code frag-needed"
DHCP_REQUEST = "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept"  # who has no address yet


def plan(config: Config, observed: Observed, up: bool) -> SlicePlan:
    """Steps that bring the firewall to its desired state, or take it away."""
    return only_table(NAME, wanted(config) if up else None, TABLE, observed)


def wanted(config: Config) -> NftTable:
    """The whole table."""
    return NftTable("inet", TABLE, (
        *services_in.sets(config), *antispoof.chains(config),
        _input(config), *_from_wan(config), *services_in.chains(config),
        _output(config), *_to_wan(config), _forward(config), _mss(config)))


def _input(config: Config) -> Block:
    opening = [f"iifname {quoted(config.wans)} {forwarded.NOT_OPENING}"]
    ipv6 = (config.wan.interface, config.pppoe.interface)
    return base_chain(
        "input",
        "type filter hook input priority filter; policy drop;",
        STATE,
        f"{icmpv6.ERRORS} iifname {quoted(ipv6)} accept",
        f"{NEEDS_FRAG} iifname {quoted((config.mape.tunnel, config.pppoe.interface))} accept",
        INVALID,
        'iifname "lo" accept',
        *(f"{lan} accept" for lan in zones.from_lan(config)),
        *([f'iifname "{wire}" {DHCP_REQUEST}'] if (wire := zones.shared(config)) else []),
        *(opening if config.firewall.bogus == "drop" else []),
        f'iifname "{config.wan.interface}" jump from_wan',
        f'iifname "{config.pppoe.interface}" meta nfproto ipv6 jump from_line',
        f"iifname {quoted(_offering(config))} jump {services_in.OFFERS}",
        SHUT,
        comment="what comes to the router itself",
    )


def _offering(config: Config) -> tuple[str, ...]:
    """The ways in by which services are offered: PPPoE, and a fixed address by IPIP."""
    fixed = (config.mape.tunnel,) if config.mape.mode == IPIP else ()
    return (config.pppoe.interface, *fixed)


def _from_wan(config: Config) -> list[Block]:
    """IPv6 of the line itself, and MAP-E's packets from the border relay only."""
    softwire = config.mape.softwire
    relay = ([f"ip6 saddr {softwire.br} ip6 daddr {softwire.ce} meta l4proto 4 accept"]
             if softwire else [])
    return [
        chain("from_line", *icmpv6.TO_ROUTER, icmpv6.DHCP_ANSWER,
              comment="what the line itself needs of the router"),
        chain("from_wan", *relay, "jump from_line",
              comment="of the tunnel, from the border relay only; and the line itself"),
    ]


def _output(config: Config) -> Block:
    outside, targets = quoted(config.wans), ", ".join(map(str, config.wan.probe))
    near = ([f'oifname "{wire}" ip daddr {{ {", ".join(map(str, config.lan.networks))}, '
             f"{NOT_A_HOST} }} accept"] if (wire := zones.shared(config)) else [])
    probe = ([f'oifname "{config.mape.tunnel}" ip daddr {{ {targets} }} icmp type echo-request '
              "accept"] if targets else [])
    return base_chain(
        "output",
        "type filter hook output priority filter; policy drop;",
        f"oifname != {outside} accept",
        *near,
        "ct state established,related accept",
        f'oifname "{config.wan.interface}" jump to_wan',
        f'oifname "{config.pppoe.interface}" meta nfproto ipv6 jump to_line',
        *probe,
        *(f"{match} accept" for match in services_in.matches(config.firewall.outbound)),
        SHUT,
        comment="what the router itself sends",
    )


def _to_wan(config: Config) -> list[Block]:
    """What the line itself needs of the router."""
    softwire = config.mape.softwire
    relay = ([f"ip6 saddr {softwire.ce} ip6 daddr {softwire.br} meta l4proto 4 accept"]
             if softwire else [])
    return [
        chain("to_line", *icmpv6.FROM_ROUTER, icmpv6.DHCP_QUESTION,
              comment="what the router needs of the line itself"),
        chain("to_wan", *relay, "jump to_line",
              comment="of the tunnel, to the border relay only; and the line itself"),
    ]


def _forward(config: Config) -> Block:
    shut = config.firewall.smb == "drop"
    smb = f"meta l4proto {{ tcp, udp }} th dport {{ {', '.join(map(str, SMB))} }} drop"
    outside, lans = quoted(config.wans), zones.apart(config)
    return base_chain(
        "forward",
        "type filter hook forward priority filter; policy drop;",
        *forwarded.stranded(config),
        STATE,
        *([f"{icmpv6.ERRORS} iifname {outside} oifname {quoted(lans)} accept"] if lans else []),
        INVALID,
        *(f"{way} {smb}" for way in (zones.to_outside(config) if shut else ())),
        *(f"{lan} accept" for lan in zones.from_lan(config)),
        *([f"iifname {outside} {smb}"] if shut else []),
        *forwarded.rules(config),
        *(f"iifname {outside} oifname {quoted(lans)} {rule}"
          for rule in (icmpv6.THROUGH if lans else ())),
        SHUT,
        comment="what crosses the router: from the LAN, and to its servers",
    )


def _mss(config: Config) -> Block:
    """TCP segments that fit each WAN, both ways; nft never raises the size that it finds."""
    tunnel, ppp = config.mape, config.pppoe
    clamps = [
        (device, family, mtu - headers, headers) for device, family, mtu, headers in (
            (tunnel.tunnel, "ipv4", tunnel.mtu, IPV4_TCP_HEADERS),
            (ppp.interface, "ipv4", ppp.mtu, IPV4_TCP_HEADERS),
            (ppp.interface, "ipv6", ppp.mtu, IPV6_TCP_HEADERS))
    ]
    return base_chain(
        "mss",
        "type filter hook forward priority mangle; policy accept;",
        "tcp flags & (syn | rst) != syn accept",
        *(noted(f'{way} "{device}" meta nfproto {family} tcp option maxseg size set {size}',
                f"{size} = MTU {size + headers} - {headers} of headers")
          for device, family, size, headers in clamps for way in ("oifname", "iifname")),
        comment="TCP segments that fit the MTU of the WAN",
    )
