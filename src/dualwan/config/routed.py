"""Addresses that a provider routes to a way besides its own: `addresses`, `one-to-one`, `open`.

A host has such an address itself, behind an interface of the LAN or of a zone, or one that is
translated to it one to one. Nothing of them is open to the outside but what is listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_network
from typing import Any

from dualwan.config import values
from dualwan.config.services import Service, check_keys, service
from dualwan.frozen import dataclass
from dualwan.toml_source import TomlTable
from dualwan.words import say

# Never an address on the internet (RFC 6890). The documentation networks are left out, because
# laboratories use them and their packets do no harm.
BOGONS4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
LARGEST = 16  # bits of the prefix of the largest block that one line gets
KEYS = ("addresses", "one-to-one", "open")
_OPEN_KEYS = ("service", "to", "from")


@dataclass(frozen=True)
class Opened:
    """A service that the internet reaches at such addresses.

    to: the addresses, () for all of the way. sources: networks that may use it, () for all.
    """

    service: Service
    to: tuple[IPv4Address, ...] = ()
    sources: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True)
class Routed:
    """What is routed to a way.

    networks: the addresses. one_to_one: pairs of one of them and the address that its host has
    instead. open: what of them the internet reaches.
    """

    networks: tuple[IPv4Network, ...] = ()
    one_to_one: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    open: tuple[Opened, ...] = ()


def read(table: TomlTable) -> Routed:
    """Return `addresses`, `one-to-one` and `open` of a way's ``table``; raises ConfigError."""
    routed = Routed(
        table.take("addresses", _networks, Routed.networks),
        table.take("one-to-one", _pairs, Routed.one_to_one),
        table.take("open", _opened, Routed.open),
    )
    for key, found in (
        ("one-to-one", [outer for outer, _ in routed.one_to_one]),
        ("open", [one for opened in routed.open for one in opened.to]),
    ):
        for address in found:
            if not _holds(routed.networks, address):
                table.fail(say("{address} is none of 'addresses'", address=address), key)
    if routed.open and not routed.networks:
        table.fail(say("is for 'addresses', which this section does not have"), "open")
    return routed


def refuse(table: TomlTable, why: str) -> None:
    """Raise ConfigError if ``table``, of a way without routed addresses, lists some."""
    for key in KEYS:
        if table.has(key):
            table.fail(why, key)


def _holds(networks: Iterable[IPv4Network], address: IPv4Address) -> bool:
    return any(address in network for network in networks)


def _networks(value: Any) -> tuple[IPv4Network, ...]:
    """Convert a list of networks that do not overlap; raises ValueError.

    Adjacent networks are merged: the LAN may have their union as its network, and our routes must
    not be more specific than the route to that.
    """
    if not isinstance(value, list):
        raise ValueError(
            say('must be a list such as ["198.51.100.8/29"], not {value!r}', value=value)
        )
    found: list[IPv4Network] = []
    for network in map(_network, value):
        for other in found:
            if network.overlaps(other):
                raise ValueError(say("{network} and {other} overlap", network=network, other=other))
        found.append(network)
    return tuple(collapse_addresses(found))


def _network(value: Any) -> IPv4Network:
    try:
        found = ip_network(values.text(value))
    except ValueError:
        raise ValueError(
            say(
                "{value!r} is no network such as 198.51.100.8/29 (no bits set past its length)",
                value=value,
            )
        ) from None
    if not isinstance(found, IPv4Network):
        raise ValueError(
            say("{value!r} is IPv6, which is not routed to a way but to the line", value=value)
        )
    if found.prefixlen < LARGEST:
        raise ValueError(
            say("{network} is too large: /{largest} at the most", network=found, largest=LARGEST)
        )
    for bogon in BOGONS4:
        if found.overlaps(IPv4Network(bogon)):
            raise ValueError(
                say("{network} is not of the internet ({bogon})", network=found, bogon=bogon)
            )
    return found


def _pairs(value: Any) -> tuple[tuple[IPv4Address, IPv4Address], ...]:
    """Convert a table from an address outside to that of a host; raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(
            say(
                'must be a table such as {{ "198.51.100.9" = "192.168.1.9" }}, not {value!r}',
                value=value,
            )
        )
    found = tuple((values.ipv4(outer), values.ipv4(inner)) for outer, inner in value.items())
    hosts = [inner for _, inner in found]
    for host in hosts:
        if hosts.count(host) > 1:
            raise ValueError(say("{host} can have one address outside only", host=host))
    return found


def _opened(value: Any) -> tuple[Opened, ...]:
    if not isinstance(value, list):
        raise ValueError(
            say('must be a list such as ["ping", "tcp/8443"], not {value!r}', value=value)
        )
    return tuple(dict.fromkeys(map(_one_opened, value)))


def _one_opened(value: Any) -> Opened:
    """Convert "https" or { service = "https", to = "198.51.100.9", from = [...] }."""
    if not isinstance(value, dict):
        return Opened(service(value))
    check_keys(value, _OPEN_KEYS)
    for key in ("to", "from"):
        if value.get(key) == []:
            raise ValueError(
                say("'{key}' is empty: leave it out if the service is for all", key=key)
            )
    to, sources = value.get("to", []), value.get("from", [])
    return Opened(
        service(value["service"]),
        values.ipv4_list(to if isinstance(to, list) else [to]),
        values.ipv4_networks(sources),
    )
