"""The [firewall] section: what the router offers and uses, and the guard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from dualwan.config import values
from dualwan.config.services import Service, service, services
from dualwan.toml_source import TomlTable

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class InboundService:
    """A service on offer: from these networks only (() = from anywhere), guarded or not."""

    service: Service
    sources: tuple[Network, ...] = ()
    guard: bool = False


@dataclass(frozen=True)
class Guard:
    """Brute force: after `hits` new connections in `seconds`, nothing for `refuse` seconds.

    Counted by source address and port. hits 1 to 20, seconds and refuse 1 to 86400.
    """

    hits: int = 5
    seconds: int = 60
    refuse: int = 600


@dataclass(frozen=True)
class Firewall:
    """What the router offers on PPPoE, what it uses itself, and what is never let through."""

    inbound: tuple[InboundService, ...]
    outbound: tuple[Service, ...]
    guard: Guard = Guard()
    ident: str = "reset"
    smb: str = "drop"
    bogus: str = "drop"

    def without(self, offers: Sequence[InboundService]) -> Firewall:
        """The same, less OFFERS."""
        return replace(self, inbound=tuple(one for one in self.inbound if one not in offers))


INBOUND = ["ssh", "smtp", "http", "https"]  # what pppoe.sh let in
OUTBOUND = ["ssh", "smtp", "dns", "http", "https", "ntp", "ping"]  # what mape.sh let out
GUARDED = ("ssh",)  # what pppoe.sh guarded

DAY = 86400


def read(table: TomlTable) -> Firewall:
    """The section from TABLE; raises ConfigError."""
    guard = table.table("guard")
    firewall = Firewall(
        inbound=table.take("inbound", _offers, _offers(INBOUND)),
        outbound=table.take("outbound", services, services(OUTBOUND)),
        guard=Guard(
            hits=guard.take("hits", values.number(1, 20), Guard.hits),
            seconds=guard.take("seconds", values.number(1, DAY), Guard.seconds),
            refuse=guard.take("refuse", values.number(1, DAY), Guard.refuse),
        ),
        ident=table.take("ident", values.one_of(("reset", "drop")), Firewall.ident),
        smb=table.take("smb", values.one_of(("drop", "accept")), Firewall.smb),
        bogus=table.take("bogus", values.one_of(("drop", "accept")), Firewall.bogus),
    )
    guard.done()
    table.done()
    return firewall


def _offers(value: Any) -> tuple[InboundService, ...]:
    if not isinstance(value, list):
        raise ValueError('must be a list such as ["ssh", "tcp/8443"]')
    offers = tuple(dict.fromkeys(_offer(item) for item in value))
    named = [offer.service.name for offer in offers]
    for name in named:
        if named.count(name) > 1:
            raise ValueError(f"'{name}' is listed twice, in different words")
    return offers


def _offer(value: Any) -> InboundService:
    """An offer from "ssh" or { service = "ssh", from = ["192.0.2.0/24"], guard = false }."""
    if not isinstance(value, dict):
        found = service(value)
        return InboundService(found, guard=found.name in GUARDED)
    for key in value:
        if key not in ("service", "from", "guard"):
            raise ValueError(f"unknown key '{key}' of a service; known: service, from, guard")
    if "service" not in value:
        raise ValueError('a service in braces needs its name: { service = "ssh" }')
    found = service(value["service"])
    return InboundService(
        found,
        networks(value.get("from", [])),
        values.flag(value.get("guard", found.name in GUARDED)),
    )


def networks(value: Any) -> tuple[Network, ...]:
    """List of networks, IPv4 or IPv6."""
    if not isinstance(value, list):
        raise ValueError('from must be a list such as ["192.0.2.0/24"]')
    return tuple(dict.fromkeys(_network(item) for item in value))


def collapsed(found: Iterable[Network]) -> tuple[Network, ...]:
    """Networks of one version, none inside another: nft takes no others in a set."""
    return tuple(collapse_addresses(found))  # type: ignore[type-var]


def _network(value: Any) -> Network:
    try:
        return ip_network(values.text(value))
    except ValueError:
        raise ValueError(
            f"{value!r} is no network such as 192.0.2.0/24 (no bits set past its length)"
        ) from None
