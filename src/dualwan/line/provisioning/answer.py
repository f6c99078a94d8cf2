"""The line's description of its IPv4 service, checked as input from an attacker. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address
from typing import NamedTuple

from dualwan.errors import MapeError, RemoteError
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import UNIQUE_LOCAL, CeParameters, MapRule, derive, parse_prefix

DAY = 86400
MAX_TTL = 604800  # seconds: HB46PP 3.4 allows seven days at most
MIN_TTL = 300  # seconds: whatever a server says, it is not asked at every event
MAX_RULES = 256  # what HB46PP 3.4 wants a client to take

# No line has its IPv4 address in one of these (RFC 6890).
_NOWHERE4 = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


class Learned(NamedTuple):
    """A rule, and the ports that were given beside it (RFC 7598 section 4.5), if any."""

    rule: MapRule
    port_set: PortSet | None = None


class Answer(NamedTuple):
    """One whole, checked answer.

    rules: those of MAP-E, in no order; ttl: seconds that it may be used without asking again,
    MIN_TTL to MAX_TTL; name: of the service, for people; token: what the server wants to hear
    next time, "" for nothing.
    """

    rules: tuple[Learned, ...] = ()
    ttl: int = DAY
    name: str = ""
    token: str = ""


class Known(NamedTuple):
    """An answer from the cache: its source (a word of SOURCES), its origin, and its prefix.

    age: seconds since it was given, less than 0 where the clock was set back meanwhile.
    """

    source: str
    origin: str
    prefix: str
    age: int
    answer: Answer

    def is_fresh(self, prefixes: tuple[str, ...]) -> bool:
        """Return whether it can be used without asking again, for one of ``prefixes``."""
        return 0 <= self.age < self.answer.ttl and self.prefix in prefixes


def mapping(answer: Answer, prefix: str) -> CeParameters:
    """Derive the CE of ``prefix`` by the longest rule of ``answer`` that covers it.

    Raises MapeError if none does, if two that differ have the same length, if the rule has
    no border relay, or if the prefix is too short for it.
    """
    given = parse_prefix(prefix)
    length = -1
    found: list[Learned] = []
    for item in answer.rules:
        covered = item.rule.ipv6_prefix
        if given.ip not in covered or covered.prefixlen < length:
            continue
        if covered.prefixlen > length:
            length, found = covered.prefixlen, []
        found.append(item)
    if not found:
        raise MapeError(f"none of its {len(answer.rules)} rules covers {prefix}")
    rule, ports = found[0]
    if any((other.rule.terms, other.port_set) != (rule.terms, ports) for other in found):
        raise MapeError(f"two rules that differ cover {prefix}, both with {rule.ipv6_prefix}")
    if rule.br is None:
        raise MapeError(f"its rule for {rule.ipv6_prefix} names no border relay")
    if ports is None or not rule.psid_length:
        return derive(rule, prefix, ports)
    derived = derive(rule, prefix)
    if derived.port_set != ports:
        raise MapeError(f"it says {ports}, and {prefix} says {derived.port_set}")
    return derived


def usable(answer: Answer, prefixes: tuple[str, ...]) -> str:
    """Return the first of ``prefixes`` that ``answer`` covers; raises RemoteError for none."""
    reason = "the line has no prefix"
    for prefix in prefixes:
        try:
            mapping(answer, prefix)
        except MapeError as error:
            reason = str(error)
        else:
            return prefix
    raise RemoteError(reason)


def checked_rule(rule: MapRule) -> MapRule:
    """Return ``rule`` if its addresses can be those of a line; raises RemoteError otherwise."""
    if rule.br is not None:
        check_end(rule.br, "the border relay")
    check_end(rule.ipv6_prefix.network_address, "the rule's prefix")
    check_ipv4(rule.ipv4_prefix)
    return rule


def check_end(address: IPv6Address, what: str) -> None:
    """Raise RemoteError unless ``address`` can be reached through the line."""
    bad = (
        address.is_multicast
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address.ipv4_mapped is not None
        or address.scope_id is not None
        or address in UNIQUE_LOCAL
    )
    if bad:
        raise RemoteError(f"{what} cannot be {address}")


def check_ipv4(network: IPv4Network) -> None:
    """Raise RemoteError if a line cannot have its IPv4 address from ``network``."""
    if any(network.overlaps(nowhere) for nowhere in _NOWHERE4):
        raise RemoteError(f"no line has an IPv4 address from {network}")
