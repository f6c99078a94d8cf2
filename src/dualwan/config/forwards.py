"""The tables [[forward]]: ports that lead to a server in the LAN.

With `via`, a port of an outer IPv4 address is translated to a port of the server. Without
it, an IPv6 address of the LAN is open without translation (a pinhole).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from dualwan.config import firewall, values
from dualwan.config.firewall import Firewall, InboundService, Network, collapsed
from dualwan.errors import WRONG
from dualwan.frozen import dataclass, field
from dualwan.mape.portset import MAX_PORT, PortSet
from dualwan.toml_source import Source, TomlTable
from dualwan.words import listed, say

MAPE, PPPOE, PINHOLE = "mape", "pppoe", ""
SMB = (135, 137, 138, 139, 445)  # Windows file sharing, which does not cross the router
INTERFACE_ID_BITS = 64


@dataclass(frozen=True)
class Forward:
    """A port of an outer address that leads to a server in the LAN.

    via: the way with the outer address, MAPE, PPPOE or the name of a further one; PINHOLE opens
    ``to`` itself, in IPv6.
    protocol: "tcp" or "udp". port, to_port: outside and on the server, 1 to 65535.
    sources: the networks that may use it, () for all.
    number: among the tables [[forward]], from 0. place: file and line, for messages.
    """

    via: str
    protocol: str
    port: int
    to: IPv4Address | IPv6Address
    to_port: int
    sources: tuple[Network, ...] = ()
    number: int = field(default=0, compare=False)
    place: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """The forward in a message."""
        return say("forward of {protocol}/{port}", protocol=self.protocol, port=self.port)

    @property
    def by_host_part(self) -> bool:
        """Whether ``to`` is an interface identifier, valid in any prefix of the LAN."""
        return isinstance(self.to, IPv6Address) and not int(self.to) >> INTERFACE_ID_BITS


def with_via(via: str, forwards: Sequence[Forward]) -> list[Forward]:
    """Return the forwards that go ``via`` a way."""
    return [one for one in forwards if one.via == via]


def read(source: Source, data: Any, further: tuple[str, ...] = ()) -> tuple[Forward, ...]:
    """Return the forwards in ``data``, the value of `forward` in ``source``.

    ``further``: names of ways besides MAPE and PPPOE. Raises ConfigError.
    """
    if not isinstance(data, list):
        fault = source.fault(WRONG, "", "forward")
        source.fail(say("must be tables, as in [[forward]]"), "forward", fault=fault)
    found: list[Forward] = []
    names = set()
    for number, item in enumerate(data):
        if item is None:  # left out by config.every_error, which has reported it
            continue
        table = TomlTable(source, "forward", item, number)
        forward = _forward(table, number, (MAPE, PPPOE, *further))
        name = (
            forward.via,
            forward.protocol,
            forward.port,
            forward.to if forward.via == PINHOLE else None,
        )
        if name in names:
            fault = table.fault(WRONG, "port")
            table.fail(
                say(
                    "{protocol}/{port} is forwarded twice",
                    protocol=forward.protocol,
                    port=forward.port,
                ),
                "port",
                fault,
            )
        names.add(name)
        found.append(forward)
    return tuple(found)


def _forward(table: TomlTable, number: int, ways: tuple[str, ...]) -> Forward:
    via = table.take("via", values.one_of(ways), PINHOLE)
    protocol = table.take("protocol", values.one_of(("tcp", "udp")))
    port = table.take("port", values.number(1, MAX_PORT))
    to, to_port = table.take("to", _server)
    sources = table.take("from", firewall.networks, ())
    table.done()
    version = 6 if via == PINHOLE else 4
    if to.version != version:
        table.fail(
            say('is an IPv4 address: say by which outer address, via = "pppoe" or "mape"')
            if via == PINHOLE
            else say("is an IPv6 address, which is reached without translation: leave out 'via'"),
            "to",
        )
    if any(network.version != version for network in sources):
        table.fail(say("must be IPv{version} networks, as the server is", version=version), "from")
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
    """Convert an address and a port, 0 for the same port as outside; raises ValueError."""
    if values.text(value).count(":") > 1:
        return _lan_host(value), 0
    parts = re.fullmatch(r"([0-9.]+)(?::([0-9]{1,5}))?", value)
    if not parts or not 0 < int(parts[2] or 1) <= MAX_PORT:
        raise ValueError(
            say(
                "{value!r} must be an address, or address and port, as in "
                '"192.168.1.5" or "192.168.1.5:8080"',
                value=value,
            )
        )
    return values.ipv4(parts[1]), int(parts[2] or 0)


def _lan_host(value: str) -> IPv6Address:
    """Convert the IPv6 address of a LAN host, or its interface identifier (::x:x:x:x)."""
    try:
        address = IPv6Address(value)
    except ValueError:
        raise ValueError(
            say(
                "{value!r} is no IPv6 address; its port is the one that is forwarded, "
                "and stands in 'port'",
                value=value,
            )
        ) from None
    if address.is_multicast or address.is_unspecified or address.is_link_local or address.scope_id:
        raise ValueError(say("{value!r} cannot be reached from outside", value=value))
    return address


def not_in_set(port_set: PortSet, port: int) -> str:
    """Return why ``port`` is not in the port set of a shared address, with the nearest ports."""
    near = [str(one) for one in port_set.nearest(port) if one is not None]
    return say(
        "{port} is no port of this line; the nearest are {near}",
        port=port,
        near=listed(" and ", near),
    )


def check_ports(source: Source, forwards: Sequence[Forward], port_set: PortSet | None) -> None:
    """Raise ConfigError for the first forward by MAP-E whose port is not in ``port_set``."""
    for one, why in _not_in_set(with_via(MAPE, forwards), port_set):
        source.fail(why, "forward", "port", one.number)


def _not_in_set(
    forwards: Sequence[Forward],
    port_set: PortSet | None,
) -> list[tuple[Forward, str]]:
    """Return the forwards whose port is not in ``port_set`` (None: all ports are), and why."""
    if port_set is None:
        return []
    return [(one, not_in_set(port_set, one.port)) for one in forwards if one.port not in port_set]


def without_conflicts(
    source: Source,
    forwards: Sequence[Forward],
    firewall: Firewall,
    with_services: Collection[str],
    inbound_is_explicit: bool,
) -> Firewall:
    """Return ``firewall`` without the inbound services whose ports ``forwards`` take.

    ``with_services``: the values of `via` whose address serves the router's own services. Only
    default services are removed: if ``inbound_is_explicit``, because the file has the key
    `inbound`, a conflict raises ConfigError. So does a forward of Windows file sharing.
    """
    for one in forwards:
        if firewall.smb == "drop":
            _check_smb(source, one)
        conflicts = _conflicting(firewall, one) if one.via in with_services else []
        if conflicts and inbound_is_explicit:
            source.fail(
                say(
                    "{text}: the router itself offers '{name}' there; take it out of "
                    "'inbound' in [firewall], or forward another port",
                    text=one.text,
                    name=conflicts[0].service.name,
                ),
                "forward",
                "port",
                one.number,
            )
        firewall = firewall.without(conflicts)
    return firewall


def _check_smb(source: Source, one: Forward) -> None:
    """Raise ConfigError if the forward ``one`` is of Windows file sharing."""
    if {one.port, one.to_port} & {*SMB}:
        source.fail(
            smb_refused(one.text),
            "forward",
            "port",
            one.number,
        )


def smb_refused(text: str) -> str:
    """Return the message that ``text``, a port of Windows file sharing, is refused from outside."""
    return say(
        "{text}: Windows file sharing (135, 137 to 139, 445) is never let "
        'through, but with smb = "accept" in [firewall]',
        text=text,
    )


def _conflicting(firewall: Firewall, one: Forward) -> list[InboundService]:
    """Return the inbound services that are open at the port of the forward ``one``."""
    taken = one.protocol, one.port
    return [
        inbound
        for inbound in firewall.inbound
        if inbound.is_open_on(one.via)
        and any((port.protocol, port.number) == taken for port in inbound.service.ports)
    ]


def split(
    forwards: Sequence[Forward],
    port_set: PortSet | None,
) -> tuple[tuple[Forward, ...], tuple[str, ...]]:
    """Return the forwards that the port set allows, and a message for each of the others.

    The port set is known only once the line is up; None allows every port.
    """
    rejected = _not_in_set(forwards, port_set)
    left_out = [one for one, _ in rejected]
    return (
        tuple(one for one in forwards if one not in left_out),
        tuple(
            say("{place}: {text}: {why}", place=one.place, text=one.text, why=why)
            for one, why in rejected
        ),
    )
