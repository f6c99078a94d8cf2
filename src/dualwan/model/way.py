"""A way to the IPv4 internet, as one value. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from dualwan.mape.portset import PortSet


class Kind(Enum):
    """How a way leads out: by a tunnel over the line's IPv6, or by a PPP session."""

    SOFTWIRE = "softwire"
    PPP = "ppp"


@dataclass(frozen=True)
class Softwire:
    """A tunnel (RFC 2473) that carries IPv4 over the line.

    br and ce: its two ends. ipv4: the address that the CE may use; port_set: its ports, None
    where all are ours. translated: False where the other end translates (DS-Lite) and every
    source may enter the tunnel. origin: what it follows from, for people.
    """

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet | None
    origin: str = field(default="the configuration", compare=False)
    translated: bool = True


@dataclass(frozen=True)
class Way:
    """A way to the IPv4 internet.

    name: as the configuration calls it. device: the interface. mtu: in bytes.
    number: 1 to 7, of its marks (slices.marks); table: its routing table.
    priority: of its first routing rule; the next number is its second one's.
    softwire: of a softwire, None while it is not known.
    default: carries what nothing else is said of. stands_in: carries it while the default
    way cannot.
    pinned: connections that began here stay here, though new ones may take another way.
    chosen: LAN hosts and networks whose traffic takes it; strictly: it or none.
    offers_services: its address is the router's alone, so the router's services are there.
    open_hosts: LAN hosts whose UDP anybody may answer that they have sent something to.
    peer: what pppd calls a PPP session.
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
    strictly: bool = False
    offers_services: bool = False
    open_hosts: tuple[IPv4Address, ...] = ()
    peer: str = ""

    @property
    def address(self) -> str:
        """The IPv4 address that is known beforehand; "" for a PPP session's, which is observed."""
        return str(self.softwire.ipv4) if self.softwire else ""


def default_last(ways: Iterable[Way]) -> list[Way]:
    """Return the ways in their order, but for the default one, which comes last."""
    return sorted(ways, key=lambda way: way.default)


def of_kind(ways: Iterable[Way], kind: Kind) -> list[Way]:
    """Return the ways of one kind."""
    return [way for way in ways if way.kind is kind]


def devices(ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the interfaces of ways."""
    return tuple(way.device for way in ways)
