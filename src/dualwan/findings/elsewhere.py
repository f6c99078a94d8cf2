"""A route or rule of another program that takes the internet away from the ways.

A VPN client that is to carry everything puts a rule before those of the main table (wg-quick(8)),
or two routes that are longer than a default route (openvpn(8), redirect-gateway def1).
"""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.config.ways import Vpn
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def internet(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each device by which packets for the internet leave in place of ours.

    A way of type "vpn" is among them: it carries what a policy gives it, and never stands in.
    None while MAP-E has no address: the machine may have another default route until then. An
    IPv6 default route of the main table is second_default's of the module managers.
    """
    mape, wan = config.mape.tunnel, config.wan.interface
    if all(one.device != mape for one in around.addresses):
        return
    vpns = {name for name, way in config.ways.items() if isinstance(way, Vpn)}
    of_ways = {"", *(one for name, one in config.way_devices.items() if name not in vpns)}
    known = {"", wan, around.other_names.get(wan, wan), config.line_device}
    known |= {route.device for route in around.ipv6_defaults}
    for device in around.internet_by:
        if device not in of_ways:
            yield _finding("IPv4", device, mape)
    for device in around.ipv6_internet_by:
        if device not in known:
            yield _finding("IPv6", device, wan)


def _finding(family: str, device: str, ours: str) -> Finding:
    return Finding(
        "internet-elsewhere",
        say(
            "packets for the {family} internet leave by {device}, and not by {ours}: a route or "
            "rule of another program comes first",
            family=family,
            device=device,
            ours=ours,
        ),
        say(
            "`ip rule` and `ip route` show it (IPv6: with -6); a WireGuard client needs Table = "
            'off, and can be a way then, by type = "vpn"'
        ),
    )
