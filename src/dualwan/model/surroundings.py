"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import NamedTuple


class OwnAddress(NamedTuple):
    """An address of the router with its network, on a device."""

    device: str
    interface: IPv4Interface | IPv6Interface


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    addresses: the router's, but for those of loopback and of a link.
    """

    shadowing: tuple[str, ...] = ()
    addresses: tuple[OwnAddress, ...] = ()
