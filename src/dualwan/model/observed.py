"""The kernel's state as far as slices need it: the reads, and the observation. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dualwan.frozen import NamedTuple, dataclass, field
from dualwan.model.resources import Address, Route, RouteRule, Tunnel
from dualwan.nft.table import NftTable


class TableId(NamedTuple):
    """The identity of an nft table. dynamic: packets add elements to its sets."""

    family: str
    name: str
    dynamic: bool = False


class Reads(NamedTuple):
    """The objects to read from the kernel; no others are read.

    devices: for link, addresses and tunnel parameters. sysctls: names below /proc/sys.
    routes, rules: whether to read those with our protocol number.
    ipv6_default: the device whose IPv6 default route to look for, "" for none.
    flowtable: devices that a flowtable would have; () if none is wanted.
    """

    devices: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    tables: tuple[TableId, ...] = ()
    routes: bool = False
    rules: bool = False
    ipv6_default: str = ""
    flowtable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A network device: its index, administrative state and kind ("" for hardware)."""

    index: int
    up: bool
    kind: str = ""


@dataclass(frozen=True)
class Observed:
    """The kernel's state, as far as it was read.

    routes, rules: those with our protocol number. sysctls: without those that do not exist.
    hearing: the program that hears router advertisements, by device, where the kernel does not.
    tables: None if nft could not be queried. ipv6_default: whether there is such a route.
    legacy: tables of iptables-legacy, such as "iptables-legacy filter".
    default_device: of the first default route in main, whoever made it, "" for none.
    flowtables: whether the kernel takes a flowtable; True too where that was not asked.
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    hearing: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[NftTable, ...] | None = ()
    ipv6_default: bool = False
    legacy: tuple[str, ...] = ()
    default_device: str = ""
    flowtables: bool = True

    def address_of(self, device: str) -> str:
        """Return the first IPv4 address of ``device``, "" for none."""
        for address in self.addresses:
            if address.device == device and ":" not in address.address:
                return address.address
        return ""

    def is_up(self, device: str) -> bool:
        """Whether ``device`` exists and is administratively up."""
        return device in self.links and self.links[device].up
