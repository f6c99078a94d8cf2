"""The tables [zone.NAME]: hosts behind this router that are not trusted as the LAN is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dualwan.config import values
from dualwan.config.firewall import IPV6
from dualwan.config.services import Service, services
from dualwan.errors import WRONG
from dualwan.frozen import dataclass
from dualwan.toml_source import Source, TomlTable
from dualwan.words import say

LAN = "lan"  # the zone that may reach everything, [lan]
SERVICES = ["dhcp", "dns", "ping"]  # what a guest needs of the router to use the internet
WHOLE = 100  # percent

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,13}")  # a part of the names of chains and sets


@dataclass(frozen=True)
class Zone:
    """Hosts that may reach what is listed here, and nothing else.

    interfaces: as those of the LAN. services: of the router.
    zones: names of the zones whose hosts they may reach, ``LAN`` for the LAN; their own is implied.
    ways: names of the ways to the internet, IPV6 for IPv6 of the line.
    max_share: percentage of the ports that the hosts of the zone together may hold towards one
    destination, 10 to 100.
    """

    name: str
    interfaces: tuple[str, ...]
    services: tuple[Service, ...]
    ways: tuple[str, ...]
    zones: tuple[str, ...] = ()
    max_share: int = WHOLE

    @property
    def section(self) -> str:
        """Its section in the file."""
        return f"zone.{self.name}"

    def has(self, device: str) -> bool:
        """Whether ``device`` is listed, by its name or a pattern."""
        return any(values.covers(name, device) for name in self.interfaces)


def read(source: Source, data: Any, ways: Sequence[str]) -> tuple[Zone, ...]:
    """Return the zones in ``data``, the value of `zone` in ``source``.

    ``ways``: names of the ways. Raises ConfigError.
    """
    if not isinstance(data, dict):
        fault = source.fault(WRONG, "", "zone")
        source.fail(say("must be tables, as in [zone.guest]"), "zone", fault=fault)
    for name in data:
        _check_name(source, name)
    return tuple(
        _zone(TomlTable(source, f"zone.{name}", data[name]), name, data, (*ways, IPV6))
        for name in data
    )


def _check_name(source: Source, name: str) -> None:
    fault, section = source.fault(WRONG, "zone", name), f"zone.{name}"
    if name == LAN:
        source.fail(say("the LAN's own section is [lan]"), section, fault=fault)
    if not _NAME.fullmatch(name):
        source.fail(
            say(
                "'{name}' is no name of a zone (a letter, then a-z, 0-9, _ and -; up to 14)",
                name=name,
            ),
            section,
            fault=fault,
        )


def _zone(table: TomlTable, name: str, names: Any, ways: tuple[str, ...]) -> Zone:
    others = (LAN, *(one for one in names if one != name))
    zone = Zone(
        name,
        interfaces=table.take("interfaces", values.interfaces),
        services=table.take("services", services, services(SERVICES)),
        ways=table.take("ways", values.words(ways), ways),
        zones=table.take("zones", values.words(others), Zone.zones),
        max_share=table.take("max-share", values.number(10, WHOLE), Zone.max_share),
    )
    table.done()
    return zone
