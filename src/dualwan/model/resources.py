"""Resources: kernel objects that this program owns, as comparable values.

A slice returns the desired resources, the host the observed ones, and the planner compares
them. Each has a ``key``, its identity, and a ``text`` for the user.
"""

from __future__ import annotations

from dualwan.frozen import dataclass
from dualwan.nft.carried import Sets
from dualwan.nft.table import NftTable

RTPROT_DUALWAN = 217  # our number in rtnetlink's rtm_protocol and fib_rules' FRA_PROTOCOL


@dataclass(frozen=True)
class Sysctl:
    """A value below /proc/sys; name: with slashes, as interface names may have dots."""

    name: str
    value: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the name."""
        return ("sysctl", self.name)

    @property
    def text(self) -> str:
        """As sysctl(8) prints it."""
        return f"sysctl {self.name} = {self.value}"


@dataclass(frozen=True)
class Address:
    """A host address (/32 or /128) on a device.

    IPv6 addresses are added without duplicate address detection, which would delay them by
    a second. The CE address is deprecated (preferred lifetime 0, RFC 4862 section 5.5.4), so
    that the kernel does not select it as the source of the router's own traffic.
    """

    device: str
    address: str
    deprecated: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: device and address."""
        return ("address", self.device, self.address)

    @property
    def text(self) -> str:
        """As `ip address` shows it."""
        length = 128 if ":" in self.address else 32
        lifetime = " deprecated" if self.deprecated else ""
        return f"address {self.address}/{length} dev {self.device}{lifetime}"


@dataclass(frozen=True)
class Tunnel:
    """An ip6tnl device for IPv4 in IPv6 (RFC 2473), without encapsulation limit.

    local, remote: its ends. link: the device below it. mtu: in bytes.
    """

    name: str
    local: str
    remote: str
    link: str
    mtu: int
    up: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the name."""
        return ("tunnel", self.name)

    @property
    def ends(self) -> tuple[str, ...]:
        """What the kernel has once only: both ends and the device below (ip6_tnl_locate)."""
        return self.local, self.remote, self.link

    @property
    def text(self) -> str:
        """As `ip link` shows it."""
        return (
            f"tunnel {self.name} local {self.local} remote {self.remote}"
            f" dev {self.link} mtu {self.mtu}" + ("" if self.up else " (down)")
        )


@dataclass(frozen=True)
class Route:
    """An IPv4 route in a routing table, with our protocol number.

    device: "" for an unreachable route. metric: the lowest precedes, and 0 all others.
    destination: a network, "" for a default route.
    """

    table: int
    device: str
    metric: int = 0
    destination: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: all fields."""
        return ("route", str(self.table), self.device, str(self.metric), self.destination)

    @property
    def text(self) -> str:
        """As `ip route` shows it."""
        to = self.destination or "default"
        way = f"route {to} dev {self.device}" if self.device else f"route unreachable {to}"
        return f"{way} table {_name(self.table)}" + (
            f" metric {self.metric}" if self.metric else ""
        )


MAIN = 254  # number of the routing table main
NO_TABLE = 0  # of a rule without a table: packets that match are unreachable (FR_ACT_UNREACHABLE)


def _name(table: int) -> str:
    """Return the name or number of a routing table."""
    return "main" if table == MAIN else str(table)


@dataclass(frozen=True)
class RouteRule:
    """An ip rule by source address or by mark, with our protocol number.

    table: the routing table to look up, or NO_TABLE. source: IPv4 address or network, "" for a rule
    by mark.
    suppress: skip the table if its best route has a prefix of this length or a shorter one;
    None to take each route (suppress_prefixlength in ip-rule(8)).
    """

    priority: int
    table: int
    source: str = ""
    mark: int = 0
    mask: int = 0
    suppress: int | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: all fields."""
        return (
            "rule",
            str(self.priority),
            str(self.table),
            self.source,
            str(self.mark),
            str(self.mask),
            str(self.suppress),
        )

    @property
    def text(self) -> str:
        """As `ip rule` shows it."""
        by = f"from {self.source}" if self.source else f"fwmark {self.mark:#x}/{self.mask:#x}"
        if self.table == NO_TABLE:
            return f"rule {self.priority}: {by} unreachable"
        suppressed = "" if self.suppress is None else f" suppress_prefixlength {self.suppress}"
        return f"rule {self.priority}: {by} lookup {_name(self.table)}{suppressed}"


@dataclass(frozen=True)
class Flows:
    """The conntrack entries of an address or a network that this way no longer has.

    udp: only those of UDP that are translated to the address, which the way still has.
    """

    address: str
    udp: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the address, and whether all entries are meant."""
        return ("flows", self.address, *(["udp"] if self.udp else []))

    @property
    def text(self) -> str:
        """The resource for the user."""
        return f"conntrack entries of {'UDP by ' if self.udp else ''}{self.address}"


@dataclass(frozen=True)
class InboundFlows:
    """The conntrack entries that began outside, behind ``devices``.

    Without its entry a packet is filtered as one of a new flow. Kept are entries that rules let in,
    because a packet in the middle of a connection would not pass as a new one. offered: the TCP
    ports of this router. inside: those of hosts inside, by their own address. servers: the
    addresses of hosts to which rules of ours translate.
    zones: interfaces or patterns of zones, behind which began the other entries to delete: to hosts
    inside, or to this router.
    """

    devices: tuple[str, ...]
    offered: tuple[int, ...] = ()
    zones: tuple[str, ...] = ()
    inside: tuple[int, ...] = ()
    servers: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: there is one such resource."""
        return ("inbound-flows",)

    @property
    def text(self) -> str:
        """The resource for the user."""
        return "conntrack entries of flows from outside"


@dataclass(frozen=True)
class Solicitation:
    """A router solicitation to send on a device (RFC 4861 section 4.1)."""

    device: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the device."""
        return ("solicitation", self.device)

    @property
    def text(self) -> str:
        """The resource for the user."""
        return f"router solicitation on {self.device}"


@dataclass(frozen=True)
class Advertisement:
    """An unsolicited neighbour advertisement of an address on a device (RFC 4861 section 7.2.6).

    A neighbour that has the address with another link address in its cache replaces that one. To
    remove it means to have the present owner of the address advertise it.
    """

    device: str
    address: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: device and address."""
        return ("advertisement", self.device, self.address)

    @property
    def text(self) -> str:
        """The resource for the user."""
        return f"neighbour advertisement of {self.address} on {self.device}"


@dataclass(frozen=True)
class CarriedFlows:
    """The flows in conntrack that the other of two routers began, as elements of our sets.

    address: the one their sources are translated to. ports: the ranges that flows share.
    """

    address: str
    ports: tuple[tuple[int, int], ...]
    sets: Sets

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the address."""
        return ("carried-flows", self.address)

    @property
    def text(self) -> str:
        """The resource for the user."""
        return f"ports of {self.address} that conntrack has flows with"


Resource = (
    Sysctl
    | Address
    | Tunnel
    | Route
    | RouteRule
    | NftTable
    | Flows
    | InboundFlows
    | Solicitation
    | Advertisement
    | CarriedFlows
)
