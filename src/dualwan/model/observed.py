"""What was seen of the machine, and what this program remembers of its own doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dualwan.line.failover import Health
from dualwan.model.resources import Address, Route, Rule, Tunnel
from dualwan.model.usage import Losses
from dualwan.nft.table import NftTable


@dataclass(frozen=True)
class Link:
    """A network device: its index, administrative state and kind ("" for hardware)."""

    index: int
    up: bool
    kind: str = ""


@dataclass(frozen=True)
class Memory:
    """What only this program knows, kept in /run until the next boot.

    wanted: the last word was ifup or apply, not ifdown or down.
    sysctls: per slice, the values that stood before ours.
    addresses: addresses added to devices that are not ours (the CE address on the WAN).
    tunnels: names of the tunnel devices made.
    pppoe, mape: the IPv4 addresses last used, whose flows may still be about.
    prefix: the IPv6 prefix that MAP-E was last derived from.
    aftr: the address that DS-Lite's other end was last found at.
    told: our end of the tunnel that the provider was last told of (IPIP).
    health: what the probes of MAP-E said.
    tables: per nft table, what was loaded and how nft listed it right afterwards.
    losses: what was counted in tables that are gone.
    """

    wanted: bool = False
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    tunnels: tuple[str, ...] = ()
    pppoe: str = ""
    mape: str = ""
    prefix: str = ""
    aftr: str = ""
    told: str = ""
    health: Health = field(default_factory=Health)
    tables: Mapping[str, tuple[NftTable, str]] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices that hold something of ours, whatever the configuration says by now."""
        return (*self.tunnels, *(address.device for address in self.addresses))


@dataclass(frozen=True)
class Observed:
    """The machine as far as it concerns us. `tables` is None where nft did not answer.

    legacy: tables of xtables proper, such as "iptables-legacy filter".
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[NftTable, ...] | None = ()
    ipv6_default: bool = False
    legacy: tuple[str, ...] = ()
    memory: Memory = Memory()

    def address_of(self, device: str) -> str:
        """The first IPv4 address of DEVICE, "" for none."""
        for address in self.addresses:
            if address.device == device and ":" not in address.address:
                return address.address
        return ""

    def is_up(self, device: str) -> bool:
        """Whether DEVICE is there and administratively up."""
        return device in self.links and self.links[device].up
