"""What may come in to servers of the LAN: forwards, pinholes, hosts with an open NAT. Pure.

A forward is known by its server, not by `ct status dnat` alone: that would let in what
somebody else on the machine publishes, a container say.
"""

from __future__ import annotations

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.model.way import Kind, Way, default_last, of_kind
from dualwan.nft.table import elements, quoted
from dualwan.slices import dnat, zones

HOST_PART = "::ffff:ffff:ffff:ffff"  # the lower 64 bits
NOT_OPENING = "ct state new tcp flags & (fin | syn | rst | ack) != syn drop"


def rules(config: Config, ways: tuple[Way, ...]) -> list[str]:
    """For the forward chain."""
    found = [*_translated(config, ways), *_open_hosts(ways), *_pinholes(config, ways)]
    if not found or config.firewall.bogus != "drop":
        return found
    return [f"iifname {quoted(zones.outside(config, ways))} {NOT_OPENING}", *found]


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
    """One lookup each for whole addresses and host parts, for everybody and for some.

    The port goes first: such a set is looked up field by field.
    """
    mine = forwards.with_via(forwards.PINHOLE, config.forwards)
    way = (
        f"iifname {quoted(zones.outside_ipv6(config, ways))} "
        f"oifname {quoted(zones.lan_only(config))}"
    )
    lines = []
    for half in (False, True):
        target = f"ip6 daddr & {HOST_PART}" if half else "ip6 daddr"
        key = f"th dport . meta l4proto . {target}"
        some = [one for one in mine if one.by_host_part == half]
        free = [_target(one) for one in some if not one.sources]
        limited = [f"{_target(one)} . {network}" for one in some for network in one.sources]
        lines += [
            f"{way} {match} {{ {', '.join(found)} }} accept"
            for match, found in ((key, free), (f"{key} . ip6 saddr", limited))
            if found
        ]
    return lines


def _target(one: Forward) -> str:
    return f"{one.to_port} . {one.protocol} . {one.to}"


def stranded(ways: tuple[Way, ...]) -> list[str]:
    """For the forward chain, before anything else: the default way's flows while it is gone.

    They have its address for good, which a PPP session cannot carry (slices.pbr drops them).
    Told so, the LAN host begins anew, by the way that works.
    """
    if not any(way.stands_in for way in ways):
        return []
    return [
        f'oifname "{ppp.device}" ct reply ip daddr {wire.ipv4} {verdict}'
        for ppp in of_kind(ways, Kind.PPP)
        for way in ways
        if way.default and (wire := way.softwire) and wire.translated
        for verdict in ("meta l4proto tcp reject with tcp reset", "reject")
    ]
