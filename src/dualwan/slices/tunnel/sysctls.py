"""The sysctls of the tunnel slice. Pure.

accept_ra is set to 2 before forwarding is switched on, or the kernel deletes the IPv6 default route
(rt6_purge_dflt_routers). It is not touched where another program receives the advertisements
(networkd, NetworkManager, dhcpcd): that program has set it to 0, and its default route stays
(measured). On the LAN it is not touched either: at 1, the kernel's default, a router ignores
advertisements.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.model.resources import Sysctl
from dualwan.model.state import RunState
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Situation

NAME = "tunnel"  # of the slice
ACCEPT_RA_ALWAYS = "2"  # also while forwarding is on (ip-sysctl.rst)
_ACCEPT_RA_IF_HOST = "1"  # the kernel's default: only while forwarding is off
_NO_DEFAULT_ROUTE = "0"  # of accept_ra_defrtr: addresses, but no default route
RP_FILTER_LOOSE = "2"  # any interface reaches the source (RFC 3704 loose mode)
RP_FILTER_OFF = "0"
_FORWARDING = ("net/ipv6/conf/all/forwarding", "net/ipv4/ip_forward")


def accept_ra(device: str) -> str:
    """Return the sysctl name of ``accept_ra`` of ``device``: router advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra"


def accept_ra_defrtr(device: str) -> str:
    """Return the sysctl name of ``accept_ra_defrtr``: the default route of advertisements."""
    return f"net/ipv6/conf/{device}/accept_ra_defrtr"


def disable_ipv6(device: str) -> str:
    """Return the sysctl name of ``disable_ipv6`` of ``device``, which is read and not set."""
    return f"net/ipv6/conf/{device}/disable_ipv6"


def rp_filter(device: str) -> str:
    """Return the sysctl name of ``rp_filter`` of ``device``: the reverse path filter."""
    return f"net/ipv4/conf/{device}/rp_filter"


def wanted_rp_filter(way: Way) -> str:
    """Return the value of rp_filter for the device of a softwire.

    Off unless it is the default way: as for a PPP session, only a default route in main is the way
    back of packets that came in by it.
    """
    return RP_FILTER_LOOSE if way.default else RP_FILTER_OFF


def names(config: Config, ways: tuple[Way, ...]) -> tuple[str, ...]:
    """Return the names of the sysctls that the slice may set, or asks for."""
    return (
        *(disable_ipv6(name) for name in (config.wan.interface, config.prefix_source)),
        *(
            accept_ra(name)
            for name in (config.wan.interface, config.prefix_source, *config.lan.devices)
        ),
        *(accept_ra_defrtr(name) for name in config.lan.devices if name != config.wan.interface),
        *(rp_filter(way.device) for way in of_kind(ways, Kind.SOFTWIRE)),
        *_FORWARDING,
    )


def early(at: Situation) -> list[Sysctl]:
    """Return the sysctls to set before the tunnel: accept_ra, then forwarding.

    accept_ra is set on the WAN, and on the interface of the prefix if that is another one outside
    and has accepted RAs so far. Inside, the kernel hears also what this router itself announces: it
    would give itself addresses of a prefix that has gone, and so keep that announced, and hosts
    there could name the prefix of MAP-E. LAN interfaces on which somebody has set it get
    accept_ra_defrtr 0, to take no default route; interfaces of a pattern (containers, VPNs) hear no
    RAs.
    """
    wan, source = at.config.wan.interface, at.config.line_device
    ours, seen = at.state.sysctls.get(NAME, {}), at.observed.sysctls
    accepting = [wan]
    if source != wan and (
        seen.get(accept_ra(source)) == _ACCEPT_RA_IF_HOST or accept_ra(source) in ours
    ):
        accepting.append(source)
    heard = [name for name in accepting if name not in at.observed.hearing]
    inside = [
        name
        for name in at.config.lan.devices
        if name != wan
        # 0.1.0 set it to 2; here that is undone.
        and seen.get(accept_ra(name)) == ACCEPT_RA_ALWAYS
        and accept_ra(name) not in ours
    ]
    return [
        *(Sysctl(accept_ra_defrtr(name), _NO_DEFAULT_ROUTE) for name in inside),
        *(Sysctl(accept_ra(name), ACCEPT_RA_ALWAYS) for name in heard),
        *(Sysctl(name, "1") for name in _FORWARDING),
    ]


def originals(state: RunState) -> dict[str, str]:
    """Return the noted originals in the order of ``early``, for restoring from the end.

    A WAN that is plugged in later is noted later, but its accept_ra too is restored after
    forwarding.
    """
    noted = state.sysctls.get(NAME, {})
    return dict(sorted(noted.items(), key=lambda item: item[0] in _FORWARDING))


def late(at: Situation) -> list[Sysctl]:
    """Return the sysctls to set once their tunnels are there."""
    return [
        Sysctl(rp_filter(way.device), wanted_rp_filter(way))
        for way in of_kind(at.ways, Kind.SOFTWIRE)
        if way.softwire
    ]
