"""The firewall slice: what may enter, leave and cross the router. Pure.

One inet table, closed by policy, established first. Interfaces go by name, so the table
stands before a WAN comes up and needs no change when PPPoE gets another address.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.observed import Observed
from dualwan.plan import SlicePlan
from dualwan.resources import Table
from dualwan.services import PING, Service
from dualwan.slices.nft import block, only_table, quoted, table

NAME = "firewall"
TABLE = "dualwan_firewall"

IPV4_TCP_HEADERS = 40  # IPv4 (20) and TCP (20) without options
IPV6_TCP_HEADERS = 60

STATE = "ct state vmap { established : accept, related : accept, invalid : drop }"
# NDP never crosses a router: hop limit 255 proves that it was sent on this link (RFC 4861).
NEIGHBOURS = ("icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, "
              "nd-redirect } ip6 hoplimit 255 accept")
LISTENERS = "icmpv6 type { mld-listener-query, mld-listener-report } ip6 saddr fe80::/10 accept"
ERRORS6 = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, " \
          "parameter-problem } accept"


def plan(config: Config, observed: Observed, up: bool) -> SlicePlan:
    """Steps that bring the firewall to its desired state, or take it away."""
    return only_table(NAME, wanted(config) if up else None, TABLE, observed)


def wanted(config: Config) -> Table:
    """The whole table."""
    return table("inet", TABLE, _input(config), _from_wan(config), _from_pppoe(config),
                 _output(config), _to_wan(config), _forward(config), _mss(config))


def _input(config: Config) -> str:
    return block(
        "chain input",
        "type filter hook input priority filter; policy drop;",
        STATE,
        'iifname "lo" accept',
        f"iifname {quoted(config.lan.interfaces)} accept",
        f'iifname "{config.wan.interface}" jump from_wan',
        f'iifname "{config.pppoe.interface}" jump from_pppoe',
    )


def _from_wan(config: Config) -> str:
    """IPv6 of the line itself, and MAP-E's packets from the border relay only."""
    softwire = config.mape.softwire
    return block(
        "chain from_wan",
        *([f"ip6 saddr {softwire.br} ip6 daddr {softwire.ce} meta l4proto 4 accept"]
          if softwire else []),
        NEIGHBOURS,
        LISTENERS,
        ERRORS6,
        "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
    )


def _from_pppoe(config: Config) -> str:
    """The services on offer; ident is refused aloud, so that mail servers need not wait."""
    here = "fib daddr . iif type local"
    return block(
        "chain from_pppoe",
        f"{here} tcp dport 113 reject with tcp reset",
        *(f"{here} ct state new {match} accept" for match in _ports(config.firewall.inbound)),
    )


def _output(config: Config) -> str:
    outside = quoted(config.wans)
    return block(
        "chain output",
        "type filter hook output priority filter; policy drop;",
        f"oifname != {outside} accept",
        "ct state established,related accept",
        f'oifname "{config.wan.interface}" jump to_wan',
        *(f"{match} accept" for match in _ports(config.firewall.outbound)),
    )


def _to_wan(config: Config) -> str:
    """What the line itself needs of the router."""
    softwire = config.mape.softwire
    return block(
        "chain to_wan",
        *([f"ip6 saddr {softwire.ce} ip6 daddr {softwire.br} meta l4proto 4 accept"]
          if softwire else []),
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
        "mld-listener-report, mld2-listener-report, mld-listener-done } accept",
        ERRORS6,
        "ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept",
    )


def _forward(config: Config) -> str:
    lans, outside = quoted(config.lan.interfaces), quoted(config.wans)
    smb = "meta l4proto { tcp, udp } th dport { 135, 137-139, 445 } drop"
    return block(
        "chain forward",
        "type filter hook forward priority filter; policy drop;",
        STATE,
        f"oifname {outside} {smb}",
        f"iifname {outside} {smb}",
        f"iifname {lans} accept",
    )


def _mss(config: Config) -> str:
    """TCP segments that fit each WAN, both ways; nft never raises the size that it finds."""
    tunnel, ppp = config.mape, config.pppoe
    clamps = [
        (tunnel.tunnel, "ipv4", tunnel.mtu - IPV4_TCP_HEADERS),
        (ppp.interface, "ipv4", ppp.mtu - IPV4_TCP_HEADERS),
        (ppp.interface, "ipv6", ppp.mtu - IPV6_TCP_HEADERS),
    ]
    return block(
        "chain mss",
        "type filter hook forward priority mangle; policy accept;",
        "tcp flags & (syn | rst) != syn accept",
        *(f'{way} "{device}" meta nfproto {family} tcp option maxseg size set {size}'
          for device, family, size in clamps for way in ("oifname", "iifname")),
    )


def _ports(services: Iterable[Service]) -> list[str]:
    """Matches for the ports of SERVICES, one a protocol."""
    ports = {port for service in services for port in service.ports}
    numbers = {protocol: sorted(port.number for port in ports if port.protocol == protocol)
               for protocol in ("tcp", "udp")}
    matches = [f"{protocol} dport {{ {', '.join(map(str, found))} }}"
               for protocol, found in numbers.items() if found]
    return matches + (["icmp type echo-request", "icmpv6 type echo-request"]
                      if PING in ports else [])
