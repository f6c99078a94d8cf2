"""Ways to the IPv4 internet. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from dualwan.frozen import dataclass, field
from dualwan.mape.portset import PortSet
from dualwan.words import say


class Kind(Enum):
    """The transport of a way: a tunnel over the line's IPv6, or a PPP session.

    A device of a VPN is as a session: what it has of an address is seen when it is there.
    """

    SOFTWIRE = "softwire"
    PPP = "ppp"


@dataclass(frozen=True)
class Softwire:
    """A tunnel (RFC 2473) that carries IPv4 over the line.

    br, ce: the provider's end and ours. ipv4: the CE's address; port_set: its ports, None
    for all. translated: False if the other end translates (DS-Lite), so that packets enter
    the tunnel with their LAN address. origin: the rule or the configuration, for messages.
    """

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet | None
    origin: str = field(default=say("the configuration"), compare=False)
    translated: bool = True


@dataclass(frozen=True)
class Way:
    """A way to the IPv4 internet.

    name: in the configuration. device: the interface. mtu: in bytes.
    number: of its marks, 1 to 7, or 11 (slices.marks). table: number of its routing table.
    priority: of its ip rule by source; the one by mark has the next number, and those that
    look in main before them the number before.
    softwire: for Kind.SOFTWIRE, None while unknown.
    default: carries all traffic without another rule. stands_in: carries it during failover.
    pinned: established connections stay on this way, though new ones may take another.
    chosen: LAN hosts and networks whose internet traffic takes this way. no_fallback: they
    have no other way while this one is down.
    offers_services: the router's own services are open on its address, which is not shared.
    open_hosts: LAN hosts with address-dependent filtering for UDP (RFC 4787 section 5).
    peer: the file in /etc/ppp/peers, for Kind.PPP. vpn: another program makes the device, and not
    pppd; it carries what begins inside.
    networks: addresses besides its own that are routed to it. one_to_one: pairs of one of them and
    the address of the host that it is translated to.
    """

    name: str
    device: str
    kind: Kind
    mtu: int
    number: int
    table: int
    priority: int
    softwire: Softwire | None = None
    default: bool = False
    stands_in: bool = False
    pinned: bool = True
    chosen: tuple[IPv4Network, ...] = ()
    no_fallback: bool = False
    offers_services: bool = False
    open_hosts: tuple[IPv4Address, ...] = ()
    peer: str = ""
    vpn: bool = False
    networks: tuple[IPv4Network, ...] = ()
    one_to_one: tuple[tuple[IPv4Address, IPv4Address], ...] = ()

    @property
    def address(self) -> str:
        """The softwire's IPv4 address, else ""; the address of a PPP session is observed."""
        return str(self.softwire.ipv4) if self.softwire else ""


def default_last(ways: Iterable[Way]) -> list[Way]:
    """Return the ways in their order, with the default way last."""
    return sorted(ways, key=lambda way: way.default)


def of_kind(ways: Iterable[Way], kind: Kind) -> list[Way]:
    """Return the ways of ``kind``."""
    return [way for way in ways if way.kind is kind]


def devices(ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the interfaces of ``ways``."""
    return tuple(way.device for way in ways)
