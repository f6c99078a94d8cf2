"""MAP-E: a rule and an IPv6 prefix make an IPv4 address, a PSID and a CE address.

RFC 7597 section 5.2, with both interface identifiers: RFC 7597 section 6 and
draft-ietf-softwire-map-03 section 6 (which Japan's providers use). Pure: no I/O.

The CE address, most significant bit (0) first; n is the length of the MapRule IPv6 prefix,
o that of the EA bits, n + o that of the End-user IPv6 prefix::

      0                n          n + o               64                   128
      +----------------+------------+-----------------+--------------------+
      | MapRule IPv6      | EA bits    | subnet ID       | interface ID       |
      | prefix         | IPv4‖PSID  | (zero for MAP)  | (see interface_id) |
      +----------------+------------+-----------------+--------------------+

The EA bits are the p = 32 - r bits of the IPv4 address that the MapRule IPv4 prefix (r bits)
leaves open, then q = o - p bits of PSID.

Names: BMR basic mapping rule, CE customer edge (we), BR border relay (the provider).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal, NamedTuple, Self, TypeAlias

from dualwan.errors import MapeError
from dualwan.mape.portset import PORT_BITS, PortSet, check_lengths

__all__ = [
    "LAYOUTS",
    "CeParameters",
    "Layout",
    "MapRule",
    "PortSet",
    "Prefix",
    "derive",
    "interface_id",
    "parse_prefix",
]

Layout: TypeAlias = Literal["draft", "rfc"]
Prefix: TypeAlias = str | IPv6Address | IPv6Network | IPv6Interface

# How far the fields IPv4 (32 bits) and PSID (16 bits) lie from the right edge of the
# interface identifier. The draft has 8 zero bits at each end, the RFC 16 in front.
_PSID_SHIFT: dict[str, int] = {"draft": 8, "rfc": 0}
LAYOUTS = tuple(_PSID_SHIFT)

UNIQUE_LOCAL = IPv6Network("fc00::/7")  # RFC 4193
IPV6_BITS = 128
_V4_BITS = 32
_SUBNET_END = 64
DEFAULT_PSID_OFFSET = 6  # RFC 7597 section 5.1


class _RuleFields(NamedTuple):
    ipv6_prefix: IPv6Network
    ipv4_prefix: IPv4Network
    ea_length: int
    psid_offset: int
    br: IPv6Address | None
    layout: Layout
    provider: str
    source: str


class MapRule(_RuleFields):
    """A basic mapping rule (RFC 7597 section 5), checked when it is made.

    ``ipv6_prefix`` (0-128 bits) and ``ipv4_prefix`` (0-32 bits) must have no bits set past
    their length. ``ea_length`` counts bits: at least the 32 - r that complete the IPv4
    address, at most 16 more. ``psid_offset`` is 0-15 bits (RFC default 6). ``br`` is the
    border relay's address, None where it is not known. ``provider`` and ``source`` (file
    and line, or how the rule was learned) are for people.

    Raises MapeError with the reason when the rule cannot be.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0913, PLR0917  a rule has this many fields
        cls,
        ipv6_prefix: str | IPv6Network,
        ipv4_prefix: str | IPv4Network,
        ea_length: int,
        psid_offset: int = DEFAULT_PSID_OFFSET,
        br: str | IPv6Address | None = None,
        layout: str = "draft",
        provider: str = "",
        source: str = "",
    ) -> Self:
        """Check the fields; addresses and prefixes may be given as text."""
        try:
            v6, v4 = IPv6Network(ipv6_prefix), IPv4Network(ipv4_prefix)
            relay = None if br is None else IPv6Address(br)
        except ValueError as error:
            raise MapeError(f"not a rule: {error}") from None
        if layout not in LAYOUTS:
            raise MapeError(f"layout {layout!r} is neither {' nor '.join(map(repr, LAYOUTS))}")
        _check_ea(v6, v4, ea_length)
        known: Layout = "rfc" if layout == "rfc" else "draft"
        rule = super().__new__(cls, v6, v4, ea_length, psid_offset, relay, known, provider, source)
        check_lengths(psid_offset, rule.psid_length)
        return rule

    @property
    def psid_length(self) -> int:
        """Bits of PSID among the EA bits, q = o - p; 0 when the address is not shared."""
        return self.ea_length - (_V4_BITS - self.ipv4_prefix.prefixlen)

    @property
    def end_user_length(self) -> int:
        """Bits of the End-user IPv6 prefix, n + o: what a prefix must at least have."""
        return self.ipv6_prefix.prefixlen + self.ea_length

    @property
    def terms(self) -> tuple[object, ...]:
        """What decides over a mapping: all but the names for people."""
        return self[:6]

    def __str__(self) -> str:
        return f"{self.ipv6_prefix} -> {self.ipv4_prefix}, EA length {self.ea_length}"


class CeParameters(NamedTuple):
    """What a CE is, derived from its rule and its prefix."""

    rule: MapRule
    end_user_prefix: IPv6Network  # n + o bits
    ipv4: IPv4Address
    port_set: PortSet
    ce: IPv6Address
    subnet_id: int  # the bits between the End-user prefix and bit 64, as they were given

    @property
    def psid(self) -> int:
        """The PSID, right-aligned; 0 for an address that is not shared."""
        return self.port_set.psid

    @property
    def psid_length(self) -> int:
        """Bits of PSID; 0 for an address that is not shared."""
        return self.port_set.psid_length

    @property
    def shared(self) -> bool:
        """Whether other CEs have the same IPv4 address, with other ports."""
        return self.psid_length > 0

    @property
    def br(self) -> IPv6Address | None:
        """The border relay of the rule."""
        return self.rule.br

    @property
    def warnings(self) -> tuple[str, ...]:
        """Plain sentences on what will probably not work, and why."""
        if not self.subnet_id:
            return ()
        stray = (
            f"bits {self.end_user_prefix.prefixlen} to {_SUBNET_END - 1} of the prefix are"
            f" 0x{self.subnet_id:x} where the provider assigns zero: this is a part of"
            f" {self.end_user_prefix}, as a home gateway's /60 is. IPv4 comes to {self.ce}, in the"
            f" first subnet; MAP-E works only if that one reaches this router"
        )
        return (stray,)


def parse_prefix(prefix: Prefix) -> IPv6Interface:
    """Read a prefix or a full address; the bits past its length are kept.

    Without a length all 128 bits count as given. Raises MapeError for anything else.
    """
    if isinstance(prefix, IPv6Interface):
        return prefix
    try:
        if isinstance(prefix, IPv6Network):
            return IPv6Interface((int(prefix.network_address), prefix.prefixlen))
        found = IPv6Interface(prefix)
    except ValueError:
        raise MapeError(f"{str(prefix)[:80]!r} is not an IPv6 prefix or address") from None
    if found.scope_id is not None:
        raise MapeError(f"{str(prefix)[:80]!r} is an address of one link, not a prefix of a line")
    return found


def derive(rule: MapRule, prefix: Prefix, port_set: PortSet | None = None) -> CeParameters:
    """Derive address, PSID and CE address of the CE that has ``prefix`` (section 5.2).

    ``prefix`` needs at least n + o bits; what it has beyond is not part of the CE address
    (its subnet ID is zero) but kept in ``subnet_id``. ``port_set`` is a PSID given outside
    of the prefix (RFC 7597 section 5.2, RFC 7598 option 93), which a rule may have whose EA
    bits hold none.

    Raises MapeError if the prefix is not in the rule, is too short for it, or if both the
    EA bits and ``port_set`` hold a PSID.
    """
    given = parse_prefix(prefix)
    length = rule.end_user_length
    if given.ip not in rule.ipv6_prefix:
        raise MapeError(f"{given} is not in {rule.ipv6_prefix}, which the rule covers")
    if given.network.prefixlen < length:
        raise MapeError(
            f"{given.network} is too short: the rule for {rule.ipv6_prefix} with EA length"
            f" {rule.ea_length} needs the first {length} bits"
        )
    bits = int(given.ip)
    ea = bits >> (IPV6_BITS - length) & ((1 << rule.ea_length) - 1)
    subnet_bits = max(0, _SUBNET_END - length)
    subnet = bits >> _SUBNET_END & ((1 << subnet_bits) - 1)
    return _mapping(rule, ea, port_set)._replace(subnet_id=subnet)


def interface_id(layout: Layout, ipv4: IPv4Address, psid: int) -> int:
    """Return the 64-bit interface identifier of a CE.

    Bit positions within the 64, most significant first::

        draft   0-7 zero,  8-39 IPv4 address, 40-55 PSID, 56-63 zero   (map-03, section 6)
        rfc     0-15 zero, 16-47 IPv4 address, 48-63 PSID              (RFC 7597, section 6)

    ``psid`` is 0 to 65535, right-aligned in its 16 bits in both.
    """
    return (int(ipv4) << PORT_BITS | psid) << _PSID_SHIFT[layout]


def _mapping(rule: MapRule, ea: int, explicit: PortSet | None) -> CeParameters:
    """Put together the CE whose EA bits are ``ea``."""
    q = rule.psid_length
    if explicit is not None and q:
        raise MapeError(f"the rule takes a PSID of {q} bits from the prefix; a second was given")
    ports = explicit or PortSet(ea & ((1 << q) - 1), rule.psid_offset, q)
    ipv4 = IPv4Address(int(rule.ipv4_prefix.network_address) | ea >> q)
    length = rule.end_user_length
    prefix = int(rule.ipv6_prefix.network_address) | ea << (IPV6_BITS - length)
    # Section 6: an End-user prefix longer than 64 bits overwrites the identifier's start.
    free = (1 << min(_SUBNET_END, IPV6_BITS - length)) - 1
    ce = IPv6Address(prefix | interface_id(rule.layout, ipv4, ports.psid) & free)
    return CeParameters(rule, IPv6Network((prefix, length)), ipv4, ports, ce, 0)


def _check_ea(v6: IPv6Network, v4: IPv4Network, ea_length: int) -> None:
    """Raise MapeError unless the EA bits complete the IPv4 address and fit into 128 bits."""
    suffix = _V4_BITS - v4.prefixlen
    if ea_length < suffix:
        raise MapeError(
            f"EA length {ea_length} is shorter than the {suffix} bits that {v4} leaves open:"
            f" the rule assigns IPv4 prefixes, not addresses, and this program can use only"
            f" one address (EA length {suffix}, or more for a shared one)"
        )
    if ea_length > suffix + PORT_BITS:
        raise MapeError(
            f"EA length {ea_length} is more than the {suffix} bits that {v4} leaves open"
            f" and a PSID of {PORT_BITS}"
        )
    if v6.prefixlen + ea_length > IPV6_BITS:
        raise MapeError(f"{v6} and EA length {ea_length} are longer than an IPv6 address")
