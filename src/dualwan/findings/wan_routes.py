"""Routes by which packets for hosts of the LAN leave by the WAN.

A router advertisement may say of any prefix, however long, that its addresses are on the WAN's link
(RFC 4861 section 4.6.2), and the kernel believes each device there.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Interface, IPv6Network

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import OwnAddress, Surroundings
from dualwan.words import say


def of_lan(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each route by the WAN into an IPv6 network of another interface.

    None for a network of the WAN's own addresses, which the LAN may use as well, by a proxy of
    neighbour discovery.
    """
    wan = config.wan.interface
    own = [one.interface.ip for one in around.addresses if one.device == wan]
    for route in around.wan_networks:
        there = _where(route, [one for one in around.addresses if one.device != wan])
        if there is None or any(address in route.network for address in own):
            continue
        yield Finding(
            "lan-route-by-wan",
            say(
                "packets for {network}, which is of {lan} on {device}, are routed to {wan}",
                network=route.network,
                lan=there.interface.network,
                device=there.device,
                wan=wan,
            ),
            say(
                "look on the WAN's Ethernet for a device that sends router advertisements; "
                "`ip -6 route del {network} dev {wan}`",
                network=route.network,
                wan=wan,
            ),
        )


def _where(route: IPv6Interface, others: list[OwnAddress]) -> OwnAddress | None:
    """Return the address in whose network ``route`` leads, None for none."""
    for one in others:
        network = one.interface.network
        if isinstance(network, IPv6Network) and route.network.subnet_of(network):
            return one
    return None
