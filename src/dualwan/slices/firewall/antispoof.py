"""Spoofed sources, from outside and from inside, and impossible TCP flags from outside. Pure.

Such packets from outside are dropped at priority raw, before conntrack: they neither create an
entry nor match one. Those from inside are dropped after conntrack, because for most packets it is
enough that the first one of their flow was checked.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from dualwan.config import Config
from dualwan.config.routed import BOGONS4
from dualwan.config.zones import Zone
from dualwan.model.way import Softwire, Way
from dualwan.nft.table import Block, base_chain, chain, elements, quoted
from dualwan.slices import ipsec, zones
from dualwan.slices.firewall import routed

_BOGONS6 = ("::1", "::ffff:0:0/96", "fc00::/7", "fec0::/10", "ff00::/8")

_BYTE = 8  # bits
_FROM_WAN, _FROM_WAYS, _BOGON = "outside_wan", "outside_ways", "bogon"
_FROM_VPNS, _NOT_OUTSIDE = "outside_vpns", "not_outside"
_FROM_ZONE = "zone_sources_"  # and the name of the zone

_CONNTRACKD = 3780  # the port of the files in docs/two-routers.md

_ALL_FLAGS = "fin | syn | rst | psh | ack | urg"


# Sources of a host without an address yet, and link-local ones. Two comparisons cost less than a
# set.
_NOT_ON_ANY_LINK4 = "ip saddr != 0.0.0.0 ip saddr != 169.254.0.0/16"
_ON_ANY_LINK6 = ("::", "fe80::/10")
# Of these sources the kernel forwards 169.254.0.0/16 alone.
LINK_LOCAL_STAYS = "ip saddr 169.254.0.0/16 drop"
_SUBNET = 64  # bits of the prefix of an IPv6 link


def _from_lan(config: Config, ways: tuple[Way, ...]) -> Block:
    """Return the base chain that drops packets of the LAN whose source is not routed to the LAN.

    So a LAN host cannot pose as a stranger, whose answers go elsewhere, nor as the border relay.
    Checked are the first packet of a flow, because the others have the same source, and answers:
    conntrack knows the tunnel's own packets as a flow, and packets that a LAN host sends in the
    relay's name would be answers in it. A route by another LAN device is accepted (a host with
    two). The LAN may use the WAN's own /64 too, by a neighbour discovery proxy that makes a route
    when a host is asked for.
    """
    lans, nic = zones.lan_only(config), zones.one_nic(config)
    shared = on_wan_link(ways)
    return base_chain(
        "prerouting_lan",
        "type filter hook prerouting priority mangle; policy accept;",
        *routed.from_inside(config, ways),
        *zones.by_zone(config.zones, f"goto {_FROM_ZONE}"),  # each packet: zones are not trusted
        "ct direction original ct status confirmed accept",  # most packets; cheaper than a name
        f"iifname != {quoted(config.lan.interfaces)} accept",
        *([f'iifname "{nic}" meta nfproto ipv6 accept'] if nic else []),
        *ipsec.accept(config, ipsec.DECRYPTED),
        f"{_NOT_ON_ANY_LINK4} fib saddr oifname != {quoted(config.lan.interfaces)} drop",
        # On a shared NIC the IPv6 default route leads outside; the IPv4 one does not.
        *(
            [
                f"ip6 saddr != {elements((*_ON_ANY_LINK6, *shared))} "
                f"fib saddr oifname != {quoted(lans)} drop"
            ]
            if lans
            else []
        ),
        *([f"ip6 saddr {elements(shared)} fib saddr type local drop"] if shared and lans else []),
        comment="from the LAN: no source that is not routed there",
    )


def _from_zone(config: Config, ways: tuple[Way, ...], zone: Zone) -> Block:
    """Return the chain that drops packets of a zone whose source is not routed there.

    Every packet is checked, so that no zone can send into a flow of the LAN or of another zone. The
    zone may use the WAN's own /64 too, as the LAN may, except addresses of it that are routed
    elsewhere.
    """
    own, shared, wan = zone.interfaces, on_wan_link(ways), config.wan.interface
    proxied = f"ip6 saddr {elements(shared)} fib saddr"
    return chain(
        f"{_FROM_ZONE}{zone.name}",
        *ipsec.accept(config, ipsec.DECRYPTED),
        f"{_NOT_ON_ANY_LINK4} fib saddr oifname != {quoted(own)} drop",
        f"ip6 saddr != {elements((*_ON_ANY_LINK6, *shared))} "
        f"fib saddr oifname != {quoted(own)} drop",
        *([f"{proxied} oifname != {quoted((*own, wan))} drop"] if shared else []),
        *([f"{proxied} type local drop"] if shared else []),
        comment=f"from the zone {zone.name}: no source that is not routed there",
    )


def on_wan_link(ways: tuple[Way, ...]) -> list[str]:
    """Return the IPv6 networks of the WAN's link, which hosts inside may use as well."""
    subnets = (_subnet(softwire) for way in ways if (softwire := way.softwire))
    return [str(one) for one in dict.fromkeys(subnets)]


def _subnet(softwire: Softwire) -> IPv6Network:
    """Return the prefix of the WAN's link."""
    return IPv6Network((softwire.ce, _SUBNET), strict=False)


def _as_this_router(ways: tuple[Way, ...]) -> list[str]:
    """Return rules that drop packets from any device with the CE address as their source.

    Only this router sends tunnel packets, and conntrack would take such packets for its own.
    """
    return [
        f'ip6 saddr {softwire.ce} iifname != "lo" drop'
        for way in ways
        if (softwire := way.softwire)
    ]


def by_cable_only(config: Config) -> list[str]:
    """Return the rule that drops packets to conntrackd unless they come by its own cable.

    conntrackd believes whoever can send to it, and puts what it receives into conntrack at a
    takeover, where it is accepted. Its address is that of a cable between the two routers, but
    hosts of the LAN reach every address of the router.
    """
    if not config.router.redundant:
        return []
    return [
        f"meta l4proto {{ tcp, udp }} th dport {_CONNTRACKD} fib daddr type local "
        "fib daddr . iif type != local drop"
    ]


def _bogons4() -> list[str]:
    """Return rules that lead bogon sources of IPv4 to their chain, by their first byte.

    One lookup of the first byte passes most sources; only those that share it with a bogon network
    need a search in the set of intervals.
    """
    networks = [IPv4Network(one) for one in BOGONS4]
    wide = [str(one) for one in networks if one.prefixlen < _BYTE]
    firsts = {
        f"{one.network_address.packed[0]}.0.0.0": one.prefixlen == _BYTE
        for one in networks
        if one.prefixlen >= _BYTE
    }
    whole = f"goto {_BOGON}"
    by_byte = (
        f"{first} : {whole if all_of_it else 'goto maybe_bogon'}"
        for first, all_of_it in firsts.items()
    )
    return [
        *(f"ip saddr {one} {whole}" for one in wide),
        f"ip saddr & 255.0.0.0 vmap {elements(by_byte)}",
    ]


def _by_device(config: Config, ways: tuple[Way, ...]) -> dict[str, str]:
    """Return the chain for packets of each outside interface."""
    by_way = {way.device: _FROM_VPNS if way.vpn else _FROM_WAYS for way in ways}
    return {config.wan.interface: _FROM_WAN, **by_way}


def chains(config: Config, ways: tuple[Way, ...]) -> tuple[Block, ...]:
    """Return the base chains for sources, and the chains for packets from outside.

    Every packet passes here. One lookup of its device's name leads it to the chain for that, so
    that packets of the LAN and of the router's own programs need no other lookup.
    """
    return (
        base_chain(
            "prerouting",
            "type filter hook prerouting priority raw; policy accept;",
            *ipsec.accept(config, ipsec.DECRYPTED),
            *_as_this_router(ways),
            "iifname vmap "
            + elements(
                f'"{name}" : goto {where}' for name, where in _by_device(config, ways).items()
            ),
            comment="no source that cannot be there; from outside no impossible TCP flags",
        ),
        _from_lan(config, ways),
        *(_from_zone(config, ways, zone) for zone in config.zones),
        *_from_outside(config, ways),
        *([_from_vpns(config, ways)] if any(way.vpn for way in ways) else []),
        chain(
            "maybe_bogon",
            f"ip saddr {elements(_narrow())} goto {_BOGON}",
            comment="the first byte is that of a bogon network",
        ),
        chain(
            _BOGON,
            "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
            "drop",
            comment="private sources: routers on the way may report errors from such",
        ),
    )


def _narrow() -> list[str]:
    return [one for one in BOGONS4 if IPv4Network(one).prefixlen > _BYTE]


def _from_outside(config: Config, ways: tuple[Way, ...]) -> list[Block]:
    """Return the chains for packets that come in by the WAN, and by the ways."""
    flags, of_lan4 = _flags(config), _of_inside(config, "meta nfproto ipv4 ")
    elsewhere6, shared = _elsewhere6(config, ways), zones.one_nic(config)
    bogons6 = [f"ip6 saddr {elements(_BOGONS6)} drop"]
    return [
        chain(
            _FROM_WAN,
            *flags,
            *routed.from_outside(ways),
            *of_lan4,
            elsewhere6,
            *([] if shared else bogons6),
            comment="from the WAN, IPv6 above all",
        ),
        chain(
            _FROM_WAYS,
            *flags,
            *routed.from_outside(ways),
            *of_lan4,
            *_of_shared(config),
            # Routers on the path may have private addresses; their ICMP errors are needed (RFC
            # 1191).
            *_bogons4(),
            elsewhere6,
            *bogons6,
            comment="from the internet by IPv4; by a PPP session IPv6 too",
        ),
        chain(
            _NOT_OUTSIDE,
            *_of_inside(config),
            # As the kernel does by itself with IPv4.
            "fib saddr type local drop",
            comment="IPv6 sources that do not route outside: hosts inside, and this router",
        ),
    ]


def _from_vpns(config: Config, ways: tuple[Way, ...]) -> Block:
    """Return the chain for packets of VPNs, whose name servers have private addresses."""
    return chain(
        _FROM_VPNS,
        *_flags(config),
        *routed.from_outside(ways),
        *_of_inside(config, "meta nfproto ipv4 "),
        *_of_shared(config),
        _elsewhere6(config, ways),
        f"ip6 saddr {elements(_BOGONS6)} drop",
        comment="from the internet by a VPN, and from the VPN itself",
    )


def _flags(config: Config) -> list[str]:
    """Return the rule that drops impossible TCP flags."""
    found = f"tcp flags & ({_ALL_FLAGS}) vmap {{ 0x0 : drop, {_ALL_FLAGS} : drop }}"
    return [found] if config.firewall.bogus == "drop" else []


def _of_inside(config: Config, of: str = "") -> list[str]:
    """Return the rule that drops sources with a route to the inside; ``of``: only such packets.

    They belong to a host there.
    """
    inside = zones.inside(config)
    return [f"{of}fib saddr oifname {quoted(inside)} drop"] if inside else []


def _elsewhere6(config: Config, ways: tuple[Way, ...]) -> str:
    """Return the rule for IPv6 sources that do not route outside.

    Most do, so this is their only lookup. Link-local addresses are on every link.
    """
    outside = quoted(zones.outside(config, ways))
    return f"ip6 saddr != fe80::/10 fib saddr oifname != {outside} jump {_NOT_OUTSIDE}"


def _of_shared(config: Config) -> list[str]:
    """Return the rule that drops sources of the LAN on a shared NIC."""
    shared, networks = zones.one_nic(config), zones.lan_networks(config)
    return [f'ip saddr {networks} fib saddr oifname "{shared}" drop'] if shared else []
