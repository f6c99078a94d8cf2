"""Services of the router for the outside, and the guard against brute force. Pure.

They are open on PPPoE and every other address that is not shared, on one of these alone, or on the
router's IPv6 addresses on the line. The guard has one set per hit: a new connection adds its source
to the first set that does not hold it yet, and an element lives for ``seconds``. A source that is
in every set has made ``hits`` connections within the last ``seconds``; its next one is refused, and
so are all for ``refuse`` seconds.

An attacker can invent the sources of packets that open a connection. Once these have filled the
sets, the guard lets in a few newcomers a minute and drops the others: it neither opens nor closes.
Networks in the ``from`` of a service are known, and are accepted before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dualwan.config import Config
from dualwan.config.firewall import IPV6, SESSIONS, Guard, InboundService, Network, collapsed
from dualwan.config.services import PING, PORTLESS, Port, Service
from dualwan.model.way import Way, devices
from dualwan.nft.table import Block, chain, commented, dynamic, elements, quoted

_WITH_PORTS = ("tcp", "udp")
_LOGGED = "limit rate 10/minute burst 20 packets"
_NEWCOMERS = "limit rate 30/minute burst 30 packets"
_SET_SIZE = 8192  # elements; at most about 1 MB per set
INBOUND_CHAIN, INBOUND_IPV6_CHAIN, _GUARD_CHAIN = "offers", "offers_ipv6", "guard"
_ECHO_REQUESTS = ("icmp type echo-request", "icmpv6 type echo-request")
# IP version, the source of a packet, the source as the guard counts it, and its type in a set.
_FAMILIES = (
    (4, "ip saddr", "ip saddr", "ipv4_addr"),
    (6, "ip6 saddr", "ip6 saddr & ffff:ffff:ffff:ffff::", "ipv6_addr"),
)
# Matches a packet to an address of another interface.
_DROP_OTHER_ADDRESS = "fib daddr . iif type != local drop"
_OWN_ADDRESS = "fib daddr . iif type local"


def sets(config: Config) -> list[Block]:
    """Return the sets of the guard: recent connections, and refused sources."""
    guard = config.firewall.guard
    if not _guarded(config):
        return []
    lives = [(f"tries{{}}_{hit}", guard.seconds) for hit in range(1, guard.hits + 1)]
    lives.append(("refused{}", guard.refuse))
    return [
        dynamic(
            "set",
            name.format(version),
            f"type {kind} . inet_proto . inet_service",
            _SET_SIZE,
            f"{seconds}s",
        )
        for version, _, _, kind in _FAMILIES
        for name, seconds in lives
    ]


def chains(config: Config) -> list[Block]:
    """Return the chains of the services, one per list of sources, and those of the guard."""
    firewall = config.firewall
    ident = "reject with tcp reset" if firewall.ident == "reset" else "drop"
    found = _offers(
        [offer for offer in firewall.inbound if SESSIONS in offer.via],
        INBOUND_CHAIN,
        "services that the router offers outside",
        (_DROP_OTHER_ADDRESS, f"tcp dport 113 {ident}"),
    )
    for name, offers in _by_way(config).items():
        found += _offers(offers, f"{INBOUND_CHAIN}_{name}", f"services that are on {name} alone")
    if by_ipv6 := _by_ipv6(config):
        found += _offers(
            by_ipv6, INBOUND_IPV6_CHAIN, "services that the router offers by IPv6 of the line"
        )
    if _guarded(config):
        found += [_guard(firewall.guard), _attack(config)]
    return found


def _by_ipv6(config: Config) -> list[InboundService]:
    return [offer for offer in config.firewall.inbound if IPV6 in offer.via]


def _by_way(config: Config) -> dict[str, list[InboundService]]:
    """Return the services that are open on one way alone, by its name."""
    found = {
        name: [
            one for one in config.firewall.inbound if name in one.via and SESSIONS not in one.via
        ]
        for name in config.ways
    }
    return {name: offers for name, offers in found.items() if offers}


def jumps(config: Config, with_services: Collection[Way]) -> list[str]:
    """Return rules of the input chain that lead to these services.

    ``with_services``: the ways that carry the services of SESSIONS.
    """
    by_ipv6 = (
        [f'iifname "{config.wan.interface}" meta nfproto ipv6 jump {INBOUND_IPV6_CHAIN}']
        if _by_ipv6(config)
        else []
    )
    alone = _by_way(config)
    return [
        *by_ipv6,
        *(
            f'iifname "{way.device}" {_OWN_ADDRESS} jump {INBOUND_CHAIN}_{way.name}'
            for way in with_services
            if way.name in alone
        ),
        f"iifname {quoted(devices(with_services))} jump {INBOUND_CHAIN}",
    ]


def _offers(
    offers: list[InboundService], name: str, comment: str, first: Iterable[str] = ()
) -> list[Block]:
    """Return the chain ``name`` of ``offers``, which begins with ``first``, and its source ACLs."""
    everywhere = [offer for offer in offers if not offer.sources]
    guarded = [offer.service for offer in everywhere if offer.guard]
    free = [offer.service for offer in everywhere if not offer.guard]
    acls = _source_acls(offers)
    open_too = {port for offer in everywhere for port in offer.service.ports}
    prefix = f"acl{name.removeprefix(INBOUND_CHAIN)}"
    return [
        chain(
            name,
            *first,
            "ct state != new drop",
            *_by_port(acls, prefix, open_too),
            *(f"{match} goto {_GUARD_CHAIN}" for match in matches(guarded)),
            *(f"{match} accept" for match in matches(free)),
            comment=comment,
        ),
        *(_source_acl(f"{prefix}_{number}", acl) for number, acl in enumerate(acls)),
    ]


def _guarded(config: Config) -> list[Service]:
    """Return the services that the guard counts, each once."""
    offers = config.firewall.inbound
    return [*dict.fromkeys(offer.service for offer in offers if offer.guard)]


# Networks that may use a port, each with whether the guard counts its connections.
_SourceAcl = tuple[tuple[Network, bool], ...]


def _source_acls(offers: Iterable[InboundService]) -> dict[_SourceAcl, list[Port]]:
    """Return the ports that are restricted to networks, grouped by equal source lists."""
    access: dict[Port, set[tuple[Network, bool]]] = {}
    for offer in offers:
        for port in offer.service.ports if offer.sources else ():
            access.setdefault(port, set()).update((one, offer.guard) for one in offer.sources)
    found: dict[_SourceAcl, list[Port]] = {}
    for port, whose in access.items():
        found.setdefault(tuple(sorted(whose, key=str)), []).append(port)
    return found


def _by_port(
    acls: dict[_SourceAcl, list[Port]], prefix: str, open_too: Collection[Port]
) -> list[str]:
    """Return rules that lead from a port to its source list, with one lookup.

    ``open_too``: ports that are open to all as well, so other sources continue to those rules.
    """
    with_acl = [
        (port, f"{'jump' if port in open_too else 'goto'} {prefix}_{number}")
        for number, ports in enumerate(acls.values())
        for port in ports
    ]
    kinds = (
        ("th", "meta l4proto . th dport vmap", "{0.protocol} . {0.number} : {1}"),
        (PORTLESS, "meta l4proto vmap", "{0.number} : {1}"),
    )
    found = {
        kind: [text.format(port, verdict) for port, verdict in with_acl if _kind(port) == kind]
        for kind, _, text in kinds
    }
    maps = [f"{match} {elements(found[kind])}" for kind, match, _ in kinds if found[kind]]
    pings = [
        f"{echo} {verdict}" for port, verdict in with_acl if port == PING for echo in _ECHO_REQUESTS
    ]
    return maps + pings


def _kind(port: Port) -> str:
    return "th" if port.protocol in _WITH_PORTS else port.protocol


def _source_acl(name: str, acl: _SourceAcl) -> Block:
    """Return the chain of one source list; it has no verdict on other sources."""
    lines = []
    for guard, verdict in ((True, f"goto {_GUARD_CHAIN}"), (False, "accept")):
        for version, source, _, _ in _FAMILIES:
            networks = collapsed(
                one for one, guarded in acl if guarded == guard and one.version == version
            )
            if networks:
                lines.append(f"{source} {elements(map(str, networks))} {verdict}")
    return chain(name, *lines, comment="services that are for these sources only")


def _guard(guard: Guard) -> Block:
    lines = []
    for version, _, counted, _ in _FAMILIES:
        who = f"{counted} . meta l4proto . th dport"
        tries = [f"@tries{version}_{hit}" for hit in range(1, guard.hits + 1)]
        lines += [
            f"{who} @refused{version} reject",
            " ".join(f"{who} {held}" for held in tries) + " goto attack",
        ]
        lines += [f"{who} != {held} add {held} {{ {who} }} accept" for held in tries]
    return chain(
        _GUARD_CHAIN,
        *lines,
        *(
            commented(f"meta nfproto ipv{version} {_NEWCOMERS} accept", "no room for newcomers")
            for version, *_ in _FAMILIES
        ),
        "drop",
        comment=f"brute force: more than {guard.hits} tries in "
        f"{guard.seconds} s are refused for {guard.refuse} s",
    )


def _attack(config: Config) -> Block:
    logs = [
        f'{match} {_LOGGED} log prefix "{service.name.upper()}ATTACK: "'
        for service in _guarded(config)
        for match in matches([service])
    ]
    return chain(
        "attack",
        *logs,
        *(
            f"add @refused{version} {{ {counted} . meta l4proto . th dport }}"
            for version, _, counted, _ in _FAMILIES
        ),
        "reject",
        comment="one try too many: log it, and refuse the source from now on",
    )


def matches(services: Iterable[Service]) -> list[str]:
    """Return nft matches for ``services``: one per protocol with ports, and two for ping."""
    ports: set[Port] = {port for service in services for port in service.ports}
    numbers = {
        protocol: sorted(port.number for port in ports if port.protocol == protocol)
        for protocol in (*_WITH_PORTS, PORTLESS)
    }
    found = [
        f"{'meta l4proto' if protocol == PORTLESS else f'{protocol} dport'} "
        f"{elements(map(str, ones))}"
        for protocol, ones in numbers.items()
        if ones
    ]
    return found + ([*_ECHO_REQUESTS] if PING in ports else [])
