"""What the kernel can hold that this program owns, as values that can be compared.

A slice says which resources it wants; the host says which are there; the planner compares.
Each has `key` (what it is) and `text` (how a person reads it).
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import NftTable

RTPROT_DUALWAN = 217  # our number in rtnetlink's rtm_protocol and fib_rules' FRA_PROTOCOL


@dataclass(frozen=True)
class Sysctl:
    """A value below /proc/sys; name with slashes, for interface names may hold dots."""

    name: str
    value: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the name."""
        return ("sysctl", self.name)

    @property
    def text(self) -> str:
        """As the sysctl program writes it."""
        return f"sysctl {self.name} = {self.value}"


@dataclass(frozen=True)
class Address:
    """A host address (/32 or /128) on a device.

    IPv6 ones are added without duplicate address detection, which would hold them back
    for a second. The CE address is deprecated (preferred lifetime 0, RFC 4862 section 5.5.4),
    so that the router does not take it as the source of its own traffic.
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
        """As ip address shows it."""
        length = 128 if ":" in self.address else 32
        lifetime = " deprecated" if self.deprecated else ""
        return f"address {self.address}/{length} dev {self.device}{lifetime}"


@dataclass(frozen=True)
class Tunnel:
    """An ip6tnl device for IPv4 in IPv6 (RFC 2473), without encapsulation limit; mtu in bytes."""

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
    def text(self) -> str:
        """As ip link shows it."""
        return (
            f"tunnel {self.name} local {self.local} remote {self.remote}"
            f" dev {self.link} mtu {self.mtu}" + ("" if self.up else " (down)")
        )


@dataclass(frozen=True)
class Route:
    """A default IPv4 route through a device, in a table, with our protocol number.

    Without a device it is "unreachable". metric: 0 goes first.
    """

    table: int
    device: str
    metric: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: all of it."""
        return ("route", str(self.table), self.device, str(self.metric))

    @property
    def text(self) -> str:
        """As ip route shows it."""
        where = "main" if self.table == MAIN else str(self.table)
        way = f"route default dev {self.device}" if self.device else "route unreachable default"
        return f"{way} table {where}" + (f" metric {self.metric}" if self.metric else "")


MAIN = 254


@dataclass(frozen=True)
class RouteRule:
    """A routing rule to a table, by source address or by mark, with our protocol number."""

    priority: int
    table: int
    source: str = ""
    mark: int = 0
    mask: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: all of it."""
        return (
            "rule",
            str(self.priority),
            str(self.table),
            self.source,
            str(self.mark),
            str(self.mask),
        )

    @property
    def text(self) -> str:
        """As ip rule shows it."""
        by = f"from {self.source}" if self.source else f"fwmark {self.mark:#x}/{self.mask:#x}"
        return f"rule {self.priority}: {by} lookup {self.table}"


@dataclass(frozen=True)
class Flows:
    """Conntrack entries that name an address that this machine has no longer."""

    address: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the address."""
        return ("flows", self.address)

    @property
    def text(self) -> str:
        """What is meant, in words."""
        return f"conntrack entries of {self.address}"


@dataclass(frozen=True)
class Solicitation:
    """A router solicitation to be sent on a device (RFC 4861 section 4.1)."""

    device: str

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: the device."""
        return ("solicitation", self.device)

    @property
    def text(self) -> str:
        """What is meant, in words."""
        return f"router solicitation on {self.device}"


Resource = Sysctl | Address | Tunnel | Route | RouteRule | NftTable | Flows | Solicitation
