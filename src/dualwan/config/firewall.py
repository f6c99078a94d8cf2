"""The section [firewall]: services in and out, and the brute-force guard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from dualwan.config import values
from dualwan.config.services import Service, check_keys, service, services
from dualwan.frozen import dataclass, replace
from dualwan.toml_source import TomlTable
from dualwan.words import say

Network = IPv4Network | IPv6Network

# Values of `via`: PPPoE and each other address that is not shared, or the router's IPv6 addresses
# on the line. The name of a further way means the address of that way alone.
SESSIONS, IPV6 = "pppoe", "ipv6"


@dataclass(frozen=True)
class InboundService:
    """A service of the router that is open to the internet.

    sources: the networks that may use it, () for all. guard: whether Guard applies to it; by
    default not to networks that the owner names, because anybody could have them refused by packets
    with spoofed sources.
    via: where it is open: SESSIONS, IPV6 or names of further ways.
    """

    service: Service
    sources: tuple[Network, ...] = ()
    guard: bool = False
    via: tuple[str, ...] = (SESSIONS,)

    def is_open_on(self, way: str) -> bool:
        """Whether it is open on the address of ``way``, whose address is not shared."""
        return SESSIONS in self.via or way in self.via


@dataclass(frozen=True)
class Guard:
    """The brute-force guard: a limit of new connections, by source and port.

    A source is an IPv4 address, or an IPv6 /64, which is what a subscriber has. One with
    ``hits`` new connections (1 to 20) in ``seconds`` (1 to 86400) is refused for ``refuse``
    seconds (1 to 86400).
    """

    hits: int = 5
    seconds: int = 60
    refuse: int = 600


@dataclass(frozen=True)
class Firewall:
    """The services of the router, the services that it uses itself, and packets to refuse.

    inbound: on PPPoE, in IPIP mode on the tunnel, or on IPv6 of the line (see ``via``).
    outbound: from the router. ident: "reset" or "drop". smb, bogus: "drop" or "accept".
    ipsec: packets that the kernel has decrypted or will encrypt: "drop" or "accept".
    offload: whether established flows go through a flowtable, past the chains.
    """

    inbound: tuple[InboundService, ...]
    outbound: tuple[Service, ...]
    guard: Guard = Guard()
    ident: str = "reset"
    smb: str = "drop"
    bogus: str = "drop"
    ipsec: str = "drop"
    offload: bool = False

    def without(self, closed: Sequence[InboundService]) -> Firewall:
        """Return this firewall without the inbound services ``closed``."""
        return replace(self, inbound=tuple(one for one in self.inbound if one not in closed))


INBOUND = ["ssh", "smtp", "http", "https"]  # pppoe.sh let these in
OUTBOUND = ["ssh", "smtp", "dns", "http", "https", "ntp", "ping"]  # mape.sh let these out
_KEYS = ("service", "from", "guard", "via")
GUARDED = ("ssh",)  # pppoe.sh guarded it

DAY = 86400


def read(table: TomlTable, further: tuple[str, ...] = ()) -> Firewall:
    """Return the section from ``table``; raises ConfigError.

    ``further``: names of further ways, as values of a service's `via`.
    """

    def inbound(value: Any) -> tuple[InboundService, ...]:
        return _inbound_services(value, (SESSIONS, IPV6, *further))

    guard = table.table("guard")
    firewall = Firewall(
        inbound=table.take("inbound", inbound, inbound(INBOUND)),
        outbound=table.take("outbound", services, services(OUTBOUND)),
        guard=Guard(
            hits=guard.take("hits", values.number(1, 20), Guard.hits),
            seconds=guard.take("seconds", values.number(1, DAY), Guard.seconds),
            refuse=guard.take("refuse", values.number(1, DAY), Guard.refuse),
        ),
        ident=table.take("ident", values.one_of(("reset", "drop")), Firewall.ident),
        smb=table.take("smb", values.one_of(("drop", "accept")), Firewall.smb),
        bogus=table.take("bogus", values.one_of(("drop", "accept")), Firewall.bogus),
        ipsec=table.take("ipsec", values.one_of(("drop", "accept")), Firewall.ipsec),
        offload=table.take("offload", values.flag, Firewall.offload),
    )
    guard.done()
    table.done()
    return firewall


def _inbound_services(value: Any, ways: tuple[str, ...]) -> tuple[InboundService, ...]:
    if not isinstance(value, list):
        raise ValueError(
            say('must be a list such as ["ssh", "tcp/8443"], not {value!r}', value=value)
        )
    found = tuple(dict.fromkeys(_inbound_service(item, ways) for item in value))
    # A service may be listed twice: once for all sources, and once for known networks.
    names = [(one.service.name, way, bool(one.sources)) for one in found for way in one.via]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(say("'{name}' is listed twice, in different words", name=name[0]))
    return found


def _inbound_service(value: Any, ways: tuple[str, ...]) -> InboundService:
    """Convert "ssh" or { service = "ssh", from = [...], guard = false, via = "ipv6" }."""
    if not isinstance(value, dict):
        found = service(value)
        return InboundService(found, guard=found.name in GUARDED)
    check_keys(value, _KEYS)
    found = service(value["service"])
    sources = networks(value["from"]) if "from" in value else ()
    via = _via(value.get("via", SESSIONS), ways)
    guard = values.flag(value.get("guard", found.name in GUARDED and not sources))
    if guard and found.portless:
        raise ValueError(
            say("'{name}' has no ports, by which the guard counts connections", name=found.name)
        )
    if via == (IPV6,) and any(isinstance(one, IPv4Network) for one in sources):
        raise ValueError(
            say("'{name}' via \"{ipv6}\": from must be IPv6 networks", name=found.name, ipv6=IPV6)
        )
    return InboundService(found, sources, guard, via)


def _via(value: Any, ways: tuple[str, ...]) -> tuple[str, ...]:
    """Convert one of ``ways``, or a list of them; raises ValueError."""
    found = value if isinstance(value, list) else [value]
    if not found or any(one not in ways for one in found):
        words = ", ".join(f'"{one}"' for one in ways)
        raise ValueError(
            say("via must be {words} or a list of them, not {value!r}", words=words, value=value)
        )
    return tuple(dict.fromkeys(found))


def networks(value: Any) -> tuple[Network, ...]:
    """Convert a list of networks, IPv4 or IPv6, at least one; raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(
            say('from must be a list such as ["192.0.2.0/24"], not {value!r}', value=value)
        )
    if not value:
        raise ValueError(
            say("'{key}' is empty: leave it out if the service is for all", key="from")
        )
    return tuple(dict.fromkeys(_network(item) for item in value))


def collapsed(overlapping: Iterable[Network]) -> tuple[Network, ...]:
    """Return networks of one IP version without overlaps, which nft refuses in a set."""
    return tuple(collapse_addresses(overlapping))  # type: ignore[type-var]


def _network(value: Any) -> Network:
    try:
        found = ip_network(values.text(value))
    except ValueError:
        raise ValueError(
            say(
                "{value!r} is no network such as 192.0.2.0/24 (no bits set past its length)",
                value=value,
            )
        ) from None
    if isinstance(found, IPv6Network):
        values.without_scope(found.network_address, value)
    return found
