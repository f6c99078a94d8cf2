"""Services of the router for the outside, and the guard against brute force. Pure.

They are on PPPoE, and on the fixed address of IPIP. The guard has one set per hit: a new
connection adds its source to the first set that does not hold it yet, and an element lives
for ``seconds``. A source that is in every set has made ``hits`` connections within the last
``seconds``; its next one is refused, and so are all for ``refuse`` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.config.firewall import Guard, InboundService, Network, collapsed
from dualwan.config.services import PING, Port, Service
from dualwan.nft.table import Block, chain, dynamic, elements

_SET_SIZE = 8192  # elements; at most about 1 MB per set
INBOUND_CHAIN, _GUARD_CHAIN = "offers", "guard"
_ECHO_REQUESTS = ("icmp type echo-request", "icmpv6 type echo-request")
_FAMILIES = ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr"))
# The packet is for an address of another interface.
_DROP_OTHER_ADDRESS = "fib daddr . iif type != local drop"


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
        for version, _, kind in _FAMILIES
        for name, seconds in lives
    ]


def chains(config: Config) -> list[Block]:
    """Return the chain of the services, one per list of sources, and those of the guard."""
    firewall = config.firewall
    ident = "reject with tcp reset" if firewall.ident == "reset" else "drop"
    everywhere = [offer for offer in firewall.inbound if not offer.sources]
    guarded = [offer.service for offer in everywhere if offer.guard]
    free = [offer.service for offer in everywhere if not offer.guard]
    acls = _source_acls(firewall.inbound)
    found = [
        chain(
            INBOUND_CHAIN,
            _DROP_OTHER_ADDRESS,
            f"tcp dport 113 {ident}",
            "ct state != new drop",
            *_by_port(acls),
            *(f"{match} goto {_GUARD_CHAIN}" for match in matches(guarded)),
            *(f"{match} accept" for match in matches(free)),
            comment="services that the router offers outside",
        ),
        *(_source_acl(number, acl) for number, acl in enumerate(acls)),
    ]
    if _guarded(config):
        found += [_guard(firewall.guard), _attack(config)]
    return found


def _guarded(config: Config) -> list[Service]:
    return [offer.service for offer in config.firewall.inbound if offer.guard]


# The networks that may use a port, each with whether the guard counts it.
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


def _by_port(acls: dict[_SourceAcl, list[Port]]) -> list[str]:
    """Return rules that lead from a port to its source list, with one lookup."""
    ways = [
        f"{port.protocol} . {port.number} : goto acl_{number}"
        for number, ports in enumerate(acls.values())
        for port in ports
        if port != PING
    ]
    pings = [
        f"{echo} goto acl_{number}"
        for number, ports in enumerate(acls.values())
        if PING in ports
        for echo in _ECHO_REQUESTS
    ]
    return ([f"meta l4proto . th dport vmap {{ {', '.join(ways)} }}"] if ways else []) + pings


def _source_acl(number: int, acl: _SourceAcl) -> Block:
    """Return the chain of one source list; it has no verdict for other sources."""
    lines = []
    for guard, verdict in ((True, f"goto {_GUARD_CHAIN}"), (False, "accept")):
        for version, family, _ in _FAMILIES:
            networks = collapsed(
                one for one, guarded in acl if guarded == guard and one.version == version
            )
            if networks:
                lines.append(f"{family} saddr {elements(map(str, networks))} {verdict}")
    return chain(f"acl_{number}", *lines, comment="services that are for these sources only")


def _guard(guard: Guard) -> Block:
    lines = []
    for version, family, _ in _FAMILIES:
        who = f"{family} saddr . meta l4proto . th dport"
        tries = [f"@tries{version}_{hit}" for hit in range(1, guard.hits + 1)]
        lines += [
            f"{who} @refused{version} reject",
            " ".join(f"{who} {held}" for held in tries) + " goto attack",
        ]
        lines += [f"{who} != {held} add {held} {{ {who} }} accept" for held in tries]
    return chain(
        _GUARD_CHAIN,
        *lines,
        "accept",
        comment=f"brute force: more than {guard.hits} tries in "
        f"{guard.seconds} s are refused for {guard.refuse} s",
    )


def _attack(config: Config) -> Block:
    logs = [
        f'{match} log prefix "{service.name.upper()}ATTACK: "'
        for service in _guarded(config)
        for match in matches([service])
    ]
    return chain(
        "attack",
        *logs,
        *(
            f"add @refused{version} {{ {family} saddr . meta l4proto . th dport }}"
            for version, family, _ in _FAMILIES
        ),
        "reject",
        comment="one try too many: log it, and refuse the source from now on",
    )


def matches(services: Iterable[Service]) -> list[str]:
    """Return nft matches for the ports of ``services``: one per protocol, and two for ping."""
    ports: set[Port] = {port for service in services for port in service.ports}
    numbers = {
        protocol: sorted(port.number for port in ports if port.protocol == protocol)
        for protocol in ("tcp", "udp")
    }
    found = [
        f"{protocol} dport {{ {', '.join(map(str, ones))} }}"
        for protocol, ones in numbers.items()
        if ones
    ]
    return found + ([*_ECHO_REQUESTS] if PING in ports else [])
