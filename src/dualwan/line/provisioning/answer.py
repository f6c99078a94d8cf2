"""Answers of provisioning sources, checked like input from an attacker. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address

from dualwan.errors import MapeError, RemoteError
from dualwan.frozen import NamedTuple
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import UNIQUE_LOCAL, CeParameters, MapRule, derive, parse_prefix

DAY = 86400
MAX_TTL = DAY  # HB46PP 3.4 allows seven days; a wrong answer is to be corrected within one
MIN_TTL = 300  # seconds: a server with a shorter ttl is not asked at each event
MAX_RULES = 256  # HB46PP 3.4: a client accepts that many

# Networks without any line's address (RFC 6890). A private address is possible, behind NAT.
_IMPOSSIBLE4 = tuple(
    map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
)


class ProvidedRule(NamedTuple):
    """A rule, with the port set given beside it (RFC 7598 section 4.5), None for none."""

    rule: MapRule
    port_set: PortSet | None = None


class Answer(NamedTuple):
    """A whole answer, checked.

    rules: of MAP-E, unordered. ttl: seconds until the source is to be asked again, MIN_TTL
    to MAX_TTL. name: of the service, for messages. token: to be sent with the next request
    (HB46PP 3.3), "" for none.
    """

    rules: tuple[ProvidedRule, ...] = ()
    ttl: int = DAY
    name: str = ""
    token: str = ""


class CachedAnswer(NamedTuple):
    """An answer from the cache.

    source: a word of config.mape.SOURCES. origin: URL or file. prefix: the line's IPv6
    prefix at that time. age: in seconds, below 0 if the clock was set back since.
    """

    source: str
    origin: str
    prefix: str
    age: int
    answer: Answer

    def is_fresh(self, prefixes: tuple[str, ...]) -> bool:
        """Whether it is not due for a new request, and was given for one of ``prefixes``."""
        return self.left > 0 and self.prefix in prefixes

    @property
    def left(self) -> int:
        """The seconds until it is due for a new request, 0 if it is."""
        return max(self.answer.ttl - self.age, 0) if self.age >= 0 else 0


def ce_parameters(answer: Answer, prefix: str) -> CeParameters:
    """Derive the CE of ``prefix`` with the longest rule of ``answer`` that covers it.

    Raises MapeError if no rule covers it, if two different rules of the same length do, if
    the rule has no border relay, or if the prefix is too short for it.
    """
    given = parse_prefix(prefix)
    length = -1
    found: list[ProvidedRule] = []
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
            ce_parameters(answer, prefix)
        except MapeError as error:
            reason = str(error)
        else:
            return prefix
    raise RemoteError(reason)


def checked_rule(rule: MapRule) -> MapRule:
    """Return ``rule`` if a line can have its addresses; raises RemoteError otherwise."""
    if rule.br is not None:
        check_end(rule.br, "the border relay")
    check_end(rule.ipv6_prefix.network_address, "the rule's prefix")
    check_ipv4(rule.ipv4_prefix)
    return rule


def check_end(address: IPv6Address, what: str) -> None:
    """Raise RemoteError unless ``address`` is a global unicast address; ``what`` names it."""
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
        mapped = address.ipv4_mapped  # Python writes it as ::ffff:c000:201 before 3.13
        raise RemoteError(f"{what} cannot be {f'::ffff:{mapped}' if mapped else address}")


def check_ipv4(network: IPv4Network) -> None:
    """Raise RemoteError if no line can have an IPv4 address of ``network``."""
    if any(network.overlaps(impossible) for impossible in _IMPOSSIBLE4):
        raise RemoteError(f"no line has an IPv4 address from {network}")
