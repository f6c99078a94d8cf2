"""The softwire (RFC 2473 tunnel) that carries IPv4 over the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from dualwan.mape.portset import PortSet


@dataclass(frozen=True)
class Softwire:
    """The tunnel's two ends, CE and BR, and the IPv4 address and ports that the CE may use.

    port_set: None where the whole address is ours. translated: False where the other end
    translates (DS-Lite) and every source may enter the tunnel.
    """

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet | None
    origin: str = field(default="the configuration", compare=False)
    translated: bool = True
