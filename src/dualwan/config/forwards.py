"""[[forward]]: ports that lead to a server in the LAN.

With `via`, a port of an outer IPv4 address is translated to the server's. Without it, an
IPv6 address of the LAN is reached as it is (a pinhole).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from dualwan.config import firewall, values
from dualwan.config.firewall import Firewall, Network, collapsed
from dualwan.mape.portset import MAX_PORT, PortSet
from dualwan.toml_source import Source, TomlTable

MAPE, PPPOE, PINHOLE = "mape", "pppoe", ""
SMB = (135, 137, 138, 139, 445)  # Windows file sharing: never crosses the router
INTERFACE_ID_BITS = 64


@dataclass(frozen=True)
class Forward:
    """PROTOCOL ("tcp" or "udp") PORT of an outer address, to TO and TO_PORT in the LAN.

    via: whose outer address, MAPE or PPPOE; with PINHOLE, TO is reached itself, in IPv6.
    sources: whom it is for, () for everybody.
    """

    via: str
    protocol: str
    port: int
    to: IPv4Address | IPv6Address
    to_port: int
    sources: tuple[Network, ...] = ()
    number: int = field(default=0, compare=False)  # in the file
    place: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """As a person names it."""
        return f"forward of {self.protocol}/{self.port}"

    @property
    def by_host_part(self) -> bool:
        """Whether TO is only the lower half of an address, whatever the home's prefix is."""
        return self.to.version == 6 and not int(self.to) >> INTERFACE_ID_BITS  # noqa: PLR2004


def with_via(via: str, forwards: Sequence[Forward]) -> list[Forward]:
    """Those of FORWARDS that go VIA it."""
    return [one for one in forwards if one.via == via]


def read(source: Source, data: Any) -> tuple[Forward, ...]:
    """The forwards of the file SOURCE; raises ConfigError."""
    if not isinstance(data, list):
        source.fail("must be tables, as in [[forward]]", "forward")
    found: list[Forward] = []
    names = set()
    for number, item in enumerate(data):
        table = TomlTable(source, "forward", item, number)
        forward = _forward(table, number)
        name = (
            forward.via,
            forward.protocol,
            forward.port,
            forward.to if forward.via == PINHOLE else None,
        )
        if name in names:
            table.fail(f"{forward.protocol}/{forward.port} is forwarded twice", "port")
        names.add(name)
        found.append(forward)
    return tuple(found)


def _forward(table: TomlTable, number: int) -> Forward:
    via = table.take("via", values.one_of((MAPE, PPPOE)), PINHOLE)
    protocol = table.take("protocol", values.one_of(("tcp", "udp")))
    port = table.take("port", values.number(1, MAX_PORT))
    to, to_port = table.take("to", _server)
    sources = table.take("from", firewall.networks, ())
    table.done()
    version = 6 if via == PINHOLE else 4
    if to.version != version:
        table.fail(
            'is an IPv4 address: say by which outer address, via = "pppoe" or "mape"'
            if via == PINHOLE
            else "is an IPv6 address, which is reached without translation: leave out 'via'",
            "to",
        )
    if any(network.version != version for network in sources):
        table.fail(f"must be IPv{version} networks, as the server is", "from")
    return Forward(
        via,
        protocol,
        port,
        to,
        to_port or port,
        collapsed(sources),
        number,
        f"{table.source.name}:{table.source.line('forward', 'port', number)}",
    )


def _server(value: Any) -> tuple[IPv4Address | IPv6Address, int]:
    """Address, and port (0 for the same as outside)."""
    if values.text(value).count(":") > 1:
        return _inside(value), 0
    parts = re.fullmatch(r"([0-9.]+)(?::([0-9]{1,5}))?", value)
    if not parts or not 0 < int(parts[2] or 1) <= MAX_PORT:
        raise ValueError(
            f"{value!r} must be an address, or address and port, as in "
            '"192.168.1.5" or "192.168.1.5:8080"'
        )
    return values.ipv4(parts[1]), int(parts[2] or 0)


def _inside(value: str) -> IPv6Address:
    """An IPv6 address of a LAN host, or its lower half with nothing before it."""
    try:
        address = IPv6Address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no IPv6 address; its port is the one that is forwarded, "
            "and stands in 'port'"
        ) from None
    if (
        address.is_multicast
        or address.is_unspecified
        or address.is_link_local
        or (address.scope_id)
    ):
        raise ValueError(f"{value!r} cannot be reached from outside")
    return address


def outside(port_set: PortSet, port: int) -> str:
    """Why PORT cannot be forwarded by an address that is shared."""
    near = [str(one) for one in port_set.nearest(port) if one is not None]
    return f"{port} is no port of this line; the nearest are {' and '.join(near)}"


def check_ports(source: Source, forwards: Sequence[Forward], port_set: PortSet | None) -> None:
    """Complain about the first of FORWARDS that PORT_SET does not have; raises ConfigError."""
    for one, why in _impossible(with_via(MAPE, forwards), port_set):
        source.fail(why, "forward", "port", one.number)


def _impossible(
    forwards: Sequence[Forward],
    port_set: PortSet | None,
) -> list[tuple[Forward, str]]:
    """Those of FORWARDS whose port PORT_SET does not have, and why; None has every port."""
    if port_set is None:
        return []
    return [(one, outside(port_set, one.port)) for one in forwards if one.port not in port_set]


def without_conflicts(
    source: Source,
    forwards: Sequence[Forward],
    firewall: Firewall,
    offering: Collection[str],
    said: bool,
) -> Firewall:
    """FIREWALL less the offers whose ports FORWARDS take; raises ConfigError where they clash.

    OFFERING are the ways in by which the router's own services are on offer. Where the file
    SAID what is on offer, it cannot be both; the default gives way.
    """
    for one in forwards:
        if firewall.smb == "drop" and {one.port, one.to_port} & {*SMB}:
            source.fail(
                f"{one.text}: Windows file sharing (135, 137 to 139, 445) is never let "
                'through, but with smb = "accept" in [firewall]',
                "forward",
                "port",
                one.number,
            )
        offers = [
            offer
            for offer in firewall.inbound
            if one.via in offering
            and any(
                (port.protocol, port.number) == (one.protocol, one.port)
                for port in offer.service.ports
            )
        ]
        if offers and said:
            source.fail(
                f"{one.text}: the router itself offers '{offers[0].service.name}' there; "
                "take it out of 'inbound' in [firewall], or forward another port",
                "forward",
                "port",
                one.number,
            )
        firewall = firewall.without(offers)
    return firewall


def split(
    forwards: Sequence[Forward],
    port_set: PortSet | None,
) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """Those of FORWARDS that the line can have, and what stands in the way of the others.

    The port set is known only when the line is up; without a PORT_SET it can have all.
    """
    cannot = _impossible(forwards, port_set)
    left_out = [one for one, _ in cannot]
    return (
        tuple(one for one in forwards if one not in left_out),
        tuple(f"{one.place}: {one.text}: {why}" for one, why in cannot),
    )
