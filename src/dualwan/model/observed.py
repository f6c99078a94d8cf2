"""What is read of the machine, and what was seen of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dualwan.model.resources import Address, Route, RouteRule, Tunnel
from dualwan.nft.table import NftTable


class TableId(NamedTuple):
    """A nft table by name. dynamic: packets fill sets of it."""

    family: str
    name: str
    dynamic: bool = False


class Reads(NamedTuple):
    """What is to be read of the machine; what is not named is not looked at.

    devices: whose links, addresses and tunnel data; sysctls: names below /proc/sys.
    ipv6_default: the device whose IPv6 default route is asked for, "" for none.
    """

    devices: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    tables: tuple[TableId, ...] = ()
    routes: bool = False
    rules: bool = False
    ipv6_default: str = ""


@dataclass(frozen=True)
class Link:
    """A network device: its index, administrative state and kind ("" for hardware)."""

    index: int
    up: bool
    kind: str = ""


@dataclass(frozen=True)
class Observed:
    """The machine as far as it was read. tables: None where nft did not answer.

    routes and rules: those with our protocol number. legacy: tables of xtables proper, such
    as "iptables-legacy filter".
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[NftTable, ...] | None = ()
    ipv6_default: bool = False
    legacy: tuple[str, ...] = ()

    def address_of(self, device: str) -> str:
        """Return the first IPv4 address of ``device``, "" for none."""
        for address in self.addresses:
            if address.device == device and ":" not in address.address:
                return address.address
        return ""

    def is_up(self, device: str) -> bool:
        """Whether ``device`` is there and administratively up."""
        return device in self.links and self.links[device].up
