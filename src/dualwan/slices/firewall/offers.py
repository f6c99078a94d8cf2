"""The services that the router offers on PPPoE, and the guard against brute force. Pure.

The guard keeps one set a hit: a new connection goes into the first set that does not hold
its source yet, and an element lives for `seconds`. A source that is in all of them has made
`hits` connections within the last `seconds`, to the second, and is refused from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.config import Config
from dualwan.firewall_config import Guard, Offer, of_family
from dualwan.services import PING, Port, Service
from dualwan.slices.nft import block

SET_SIZE = 8192  # elements; about 1 MB a set at the most
FAMILIES = ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr"))
HERE = "fib daddr . iif type local"
NEW = "ct state new"


def sets(config: Config) -> list[str]:
    """The guard's sets: who tried lately, and who is refused."""
    guard = config.firewall.guard
    if not _guarded(config):
        return []
    lives = [(f"tries{{}}_{hit}", guard.seconds) for hit in range(1, guard.hits + 1)]
    lives.append(("refused{}", guard.refuse))
    return [_set(name.format(version), kind, seconds)
            for version, _, kind in FAMILIES for name, seconds in lives]


def _set(name: str, kind: str, seconds: int) -> str:
    return block(f"set {name}", f"type {kind} . inet_proto . inet_service", f"size {SET_SIZE}",
                 "flags dynamic,timeout", f"timeout {seconds}s")


def chains(config: Config) -> list[str]:
    """The chain of what comes in by PPPoE, and the guard's chains where something is guarded."""
    firewall = config.firewall
    ident = "reject with tcp reset" if firewall.ident == "reset" else "drop"
    guarded = [f"{HERE} {NEW} {match} goto guard" for match in matches(_guarded(config))]
    limited = [line for offer in firewall.inbound if offer.sources
               for line in _limited(offer)]
    free = [offer.service for offer in firewall.inbound if not offer.sources and not offer.guard]
    found = [block(
        "chain offers",
        f"{HERE} tcp dport 113 {ident}",
        *limited,
        *guarded,
        *(f"{HERE} {NEW} {match} accept" for match in matches(free)),
    )]
    if guarded:
        found += [_guard(firewall.guard), _attack(config)]
    return found


def _guarded(config: Config) -> list[Service]:
    return [offer.service for offer in config.firewall.inbound if offer.guard]


def _limited(offer: Offer) -> list[str]:
    """What comes from elsewhere than the offer's networks falls through to nothing."""
    lines = []
    for version, family, _ in FAMILIES:
        networks = ", ".join(of_family(offer.sources, version)) or None
        outside = (f"{family} saddr != {{ {networks} }}" if networks
                   else f"meta nfproto ipv{version}")
        lines += [f"{HERE} {NEW} {outside} {match} drop" for match in matches([offer.service])
                  if _fits(match, version)]
    if not offer.guard:
        lines += [f"{HERE} {NEW} {match} accept" for match in matches([offer.service])]
    return lines


def _fits(match: str, version: int) -> bool:
    """Whether MATCH can be met in IP VERSION: each has its own ICMP."""
    return not match.startswith("icmp") or match.startswith("icmpv6") == (version == FAMILIES[1][0])


def _guard(guard: Guard) -> str:
    lines = []
    for version, family, _ in FAMILIES:
        who = f"{family} saddr . meta l4proto . th dport"
        tries = [f"@tries{version}_{hit}" for hit in range(1, guard.hits + 1)]
        lines += [f"{who} @refused{version} reject",
                  " ".join(f"{who} {held}" for held in tries) + " goto attack"]
        lines += [f"{who} != {held} add {held} {{ {who} }} accept" for held in tries]
    return block("chain guard", *lines, "accept")


def _attack(config: Config) -> str:
    logs = [f'{match} log prefix "{service.name.upper()}ATTACK: "'
            for service in _guarded(config) for match in matches([service])]
    return block(
        "chain attack",
        *logs,
        *(f"add @refused{version} {{ {family} saddr . meta l4proto . th dport }}"
          for version, family, _ in FAMILIES),
        "reject",
    )


def matches(services: Iterable[Service]) -> list[str]:
    """Matches for the ports of SERVICES, one a protocol."""
    ports: set[Port] = {port for service in services for port in service.ports}
    numbers = {protocol: sorted(port.number for port in ports if port.protocol == protocol)
               for protocol in ("tcp", "udp")}
    found = [f"{protocol} dport {{ {', '.join(map(str, ones))} }}"
             for protocol, ones in numbers.items() if ones]
    return found + (["icmp type echo-request", "icmpv6 type echo-request"]
                    if PING in ports else [])
