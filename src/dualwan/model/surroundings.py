"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class DefaultRoute(NamedTuple):
    """A default route: its device, its gateway ("" for none) and its metric."""

    device: str
    gateway: str
    metric: int


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    managers: the program that manages a device, by device.
    wan_stanza: FILE:LINE of the WAN's stanza of interfaces(5), "" for none.
    ipv6_defaults: the IPv6 default routes of the main table.
    networkd_foreign: settings by which systemd-networkd removes what it does not know.
    """

    shadowing: tuple[str, ...] = ()
    managers: Mapping[str, str] = field(default_factory=dict)
    wan_stanza: str = ""
    ipv6_defaults: tuple[DefaultRoute, ...] = ()
    networkd_foreign: tuple[str, ...] = ()
