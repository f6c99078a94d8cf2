"""New connections from outside to the LAN: forwards, pinholes, hosts with an open NAT. Pure.

A forward is matched by its server, not by `ct status dnat` alone: that would also accept
what another program on the machine publishes, such as a container.
"""

from __future__ import annotations

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.model.way import Way, default_last
from dualwan.nft.table import Block, chain, elements, quoted
from dualwan.slices import dnat, zones
from dualwan.slices.firewall import routed

_HOST_PART_MASK = "::ffff:ffff:ffff:ffff"  # the lower 64 bits
_STRANDED = "stranded"
DROP_NOT_OPENING = "ct state new tcp flags & (fin | syn | rst | ack) != syn drop"


def rules(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return the rules of the forward chain that accept these connections."""
    found = [
        *_translated(config, ways),
        *_open_hosts(ways),
        *routed.jumps(config, ways),
        *_pinholes(config, ways),
    ]
    if not found or config.firewall.bogus != "drop":
        return found
    return [f"iifname {quoted(zones.outside(config, ways))} {DROP_NOT_OPENING}", *found]


def _translated(config: Config, ways: tuple[Way, ...]) -> list[str]:
    return [
        f'iifname "{way.device}" {dnat.servers(mine)} accept'
        for way in default_last(ways)
        if (mine := forwards.with_via(way.name, config.forwards))
    ]


def _open_hosts(ways: tuple[Way, ...]) -> list[str]:
    return [
        f'iifname "{way.device}" meta l4proto udp ct status dnat '
        f"ip daddr {elements(map(str, way.open_hosts))} accept"
        for way in ways
        if way.open_hosts
    ]


def _pinholes(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """Return the rules that accept IPv6 connections from outside to the LAN or a zone."""
    match = (
        f"iifname {quoted(zones.outside_ipv6(config, ways))} oifname {quoted(zones.inside(config))}"
    )
    return pinholes(config, match, "accept")


def pinholes(config: Config, where: str, verdict: str) -> list[str]:
    """Return one rule each for whole addresses and host parts, with and without sources.

    ``where``: the match of the interfaces. The port is the first field of the key, because nft
    looks up a set with intervals field by field.
    """
    mine = forwards.with_via(forwards.PINHOLE, config.forwards)
    lines = []
    for by_host_part in (False, True):
        server = f"ip6 daddr & {_HOST_PART_MASK}" if by_host_part else "ip6 daddr"
        key = f"th dport . meta l4proto . {server}"
        some = [one for one in mine if one.by_host_part == by_host_part]
        free = [_server(one) for one in some if not one.sources]
        limited = [f"{_server(one)} . {network}" for one in some for network in one.sources]
        lines += [
            f"{where} {match} {{ {', '.join(found)} }} {verdict}"
            for match, found in ((key, free), (f"{key} . ip6 saddr", limited))
            if found
        ]
    return lines


def _server(one: Forward) -> str:
    return f"{one.to_port} . {one.protocol} . {one.to}"


def stranded(ways: tuple[Way, ...]) -> list[str]:
    """Return rules for flows of the default way that are now routed to one that stands in.

    They precede the rule for established flows. Such a flow was translated to the default way's
    address, which the other way cannot carry (slices.pbr and slices.snat drop the packets).
    """
    return [
        f'oifname "{other.device}" ct reply ip daddr {softwire.ipv4} goto {_STRANDED}'
        for other in ways
        if other.stands_in
        for way in ways
        if way.default and (softwire := way.softwire) and softwire.translated
    ]


def chains(ways: tuple[Way, ...]) -> list[Block]:
    """Return the chain that rejects such flows, so the LAN host reconnects by the other way."""
    if not stranded(ways):
        return []
    return [
        chain(
            _STRANDED,
            "meta l4proto tcp reject with tcp reset",
            "reject",
            comment="began by another way, which cannot carry it now: begin anew",
        )
    ]
