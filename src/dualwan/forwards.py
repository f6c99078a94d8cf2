"""[[forward]]: ports of an outer address that lead to a server in the LAN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from dualwan import values
from dualwan.portset import MAX_PORT, PortSet
from dualwan.toml_source import Source, Table

MAPE, PPPOE = "mape", "pppoe"


@dataclass(frozen=True)
class Forward:
    """PROTOCOL ("tcp" or "udp") PORT of an outer address, to TO and TO_PORT in the LAN."""

    via: str
    protocol: str
    port: int
    to: IPv4Address
    to_port: int
    number: int = field(default=0, compare=False)  # in the file
    place: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """As a person names it."""
        return f"forward of {self.protocol}/{self.port}"


def read(source: Source, data: Any) -> tuple[Forward, ...]:
    """The forwards of the file SOURCE; raises ConfigError."""
    if not isinstance(data, list):
        source.fail("must be tables, as in [[forward]]", "forward")
    found: list[Forward] = []
    for number, item in enumerate(data):
        table = Table(source, "forward", item, number)
        forward = _forward(table, number)
        if any((one.via, one.protocol, one.port) == (forward.via, forward.protocol, forward.port)
               for one in found):
            table.fail(f"{forward.protocol}/{forward.port} is forwarded twice", "port")
        found.append(forward)
    return tuple(found)


def _forward(table: Table, number: int) -> Forward:
    via = table.take("via", values.one_of((MAPE, PPPOE)))
    if via == PPPOE:
        table.fail('forwards via = "pppoe" are not there yet; via = "mape" is', "via")
    protocol = table.take("protocol", values.one_of(("tcp", "udp")))
    port = table.take("port", values.number(1, MAX_PORT))
    to, to_port = table.take("to", _server)
    table.done()
    return Forward(via, protocol, port, to, to_port or port, number,
                   f"{table.source.name}:{table.source.line('forward', 'port', number)}")


def _server(value: Any) -> tuple[IPv4Address, int]:
    """Address, and port (0 for the same as outside)."""
    parts = re.fullmatch(r"([0-9.]+)(?::([0-9]{1,5}))?", values.text(value))
    if not parts or not 0 < int(parts[2] or 1) <= MAX_PORT:
        raise ValueError(f"{value!r} must be an address, or address and port, as in "
                         '"192.168.1.5" or "192.168.1.5:8080"')
    return values.ipv4(parts[1]), int(parts[2] or 0)


def outside(port_set: PortSet, port: int) -> str:
    """Why PORT cannot be forwarded by an address that is shared."""
    near = [str(one) for one in port_set.nearest(port) if one is not None]
    return f"{port} is no port of this line; the nearest are {' and '.join(near)}"


def check(source: Source, forwards: Sequence[Forward], port_set: PortSet | None) -> None:
    """Complain about the first of FORWARDS that PORT_SET does not have; raises ConfigError."""
    for one in forwards:
        if one.via == MAPE and port_set is not None and one.port not in port_set:
            source.fail(outside(port_set, one.port), "forward", "port", one.number)


def split(forwards: Sequence[Forward], port_set: PortSet | None,
          ) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """Those of FORWARDS that the line can have, and what stands in the way of the others.

    The port set is known only when the line is up; without a PORT_SET it can have all.
    """
    can = tuple(one for one in forwards if port_set is None or one.port in port_set)
    return can, tuple(f"{one.place}: {one.text}: {outside(port_set, one.port)}"
                      for one in forwards if port_set is not None and one not in can)
