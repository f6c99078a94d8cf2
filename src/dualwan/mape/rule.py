"""Derive IPv4 address, PSID and CE address from a MAP-E rule and an IPv6 prefix. Pure, no I/O.

RFC 7597 section 5.2, with the interface identifiers of RFC 7597 section 6 and of
draft-ietf-softwire-map-03 section 6 (used by Japan's providers).

The CE address, most significant bit (0) first; n is the length of the Rule IPv6 prefix,
o that of the EA bits, n + o that of the End-user IPv6 prefix::

      0                n          n + o               64                   128
      +----------------+------------+-----------------+--------------------+
      | Rule IPv6      | EA bits    | subnet ID       | interface ID       |
      | prefix         | IPv4‖PSID  | (zero for MAP)  | (see interface_id) |
      +----------------+------------+-----------------+--------------------+

The EA bits are the p = 32 - r bits of the IPv4 address that the Rule IPv4 prefix (r bits)
leaves open, then q = o - p bits of PSID.

BMR: basic mapping rule. CE: customer edge, this router. BR: border relay, the provider's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal, Self, TypeAlias

from dualwan.errors import MapeError
from dualwan.frozen import NamedTuple
from dualwan.mape.portset import PORT_BITS, PortSet, check_lengths
from dualwan.words import say

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

# Bits to the right of IPv4 address (32 bits) and PSID (16 bits) in the interface identifier.
# The draft has 8 zero bits at each end, the RFC has 16 in front.
_PSID_SHIFT: dict[str, int] = {"draft": 8, "rfc": 0}
LAYOUTS: tuple[Layout, ...] = ("draft", "rfc")

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

    ipv6_prefix: 0 to 128 bits. ipv4_prefix: 0 to 32 bits (r). Neither has bits set past its
    length. ea_length: in bits, from 32 - r (they complete the IPv4 address) to 16 more.
    psid_offset: 0 to 15 bits; the RFC's default is 6. br: the border relay, None if unknown.
    provider, and source (file and line, or the server): for messages.

    Raises MapeError, with the reason, for an impossible rule.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0913, PLR0917 - a rule has this many fields
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
            raise MapeError(say("not a rule: {error}", error=error)) from None
        if layout not in LAYOUTS:
            raise MapeError(say("layout {layout!r} is neither 'draft' nor 'rfc'", layout=layout))
        _check_ea(v6, v4, ea_length)
        known: Layout = "rfc" if layout == "rfc" else "draft"
        rule = super().__new__(cls, v6, v4, ea_length, psid_offset, relay, known, provider, source)
        check_lengths(psid_offset, rule.psid_length)
        return rule

    @property
    def psid_length(self) -> int:
        """PSID bits among the EA bits, q = o - p; 0 if the address is not shared."""
        return self.ea_length - (_V4_BITS - self.ipv4_prefix.prefixlen)

    @property
    def end_user_length(self) -> int:
        """Bits of the End-user IPv6 prefix, n + o: the least that a given prefix must have."""
        return self.ipv6_prefix.prefixlen + self.ea_length

    @property
    def terms(self) -> tuple[object, ...]:
        """The fields that decide the derivation: all except provider and source."""
        return self[:6]

    def __str__(self) -> str:
        return f"{self.ipv6_prefix} -> {self.ipv4_prefix}, EA length {self.ea_length}"


class CeParameters(NamedTuple):
    """The parameters of a CE, derived from a rule and an IPv6 prefix."""

    rule: MapRule
    end_user_prefix: IPv6Network  # n + o bits
    ipv4: IPv4Address
    port_set: PortSet
    ce: IPv6Address
    subnet_id: int  # bits from the End-user prefix to bit 64 of the given prefix

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
        """Sentences for the user: what will probably not work, and why."""
        if not self.subnet_id:
            return ()
        subnet = say(
            "bits {prefixlen} to {subnet_end} of the prefix are 0x{subnet_id:x} "
            "where the provider assigns zero: this is a part of {end_user_prefix}, "
            "as a home gateway's /60 is. IPv4 comes to {ce}, in the first subnet; "
            "MAP-E works only if that one reaches this router",
            prefixlen=self.end_user_prefix.prefixlen,
            subnet_end=_SUBNET_END - 1,
            subnet_id=self.subnet_id,
            end_user_prefix=self.end_user_prefix,
            ce=self.ce,
        )
        return (subnet,)


def parse_prefix(prefix: Prefix) -> IPv6Interface:
    """Return a prefix or a full address, with the bits past the prefix length.

    An address without a length has 128 bits. Raises MapeError for anything else.
    """
    if isinstance(prefix, IPv6Interface):
        return prefix
    try:
        if isinstance(prefix, IPv6Network):
            return IPv6Interface((int(prefix.network_address), prefix.prefixlen))
        found = IPv6Interface(prefix)
    except ValueError:
        raise MapeError(
            say("{text!r} is not an IPv6 prefix or address", text=str(prefix)[:80])
        ) from None
    if found.scope_id is not None:
        raise MapeError(
            say("{text!r} is an address of one link, not a prefix of a line", text=str(prefix)[:80])
        )
    return found


def derive(rule: MapRule, prefix: Prefix, port_set: PortSet | None = None) -> CeParameters:
    """Return the parameters of the CE that has ``prefix`` (RFC 7597 section 5.2).

    ``prefix`` needs at least n + o bits. Further bits go into ``subnet_id`` and not into the
    CE address, whose subnet ID is zero. ``port_set``: a PSID given beside the prefix
    (RFC 7597 section 5.2, RFC 7598 option 93), for rules without PSID in their EA bits.

    Raises MapeError if ``rule`` does not cover the prefix, if the prefix is too short for
    it, or if both the EA bits and ``port_set`` hold a PSID.
    """
    given = parse_prefix(prefix)
    length = rule.end_user_length
    if given.ip not in rule.ipv6_prefix:
        raise MapeError(
            say(
                "{given} is not in {ipv6_prefix}, which the rule covers",
                given=given,
                ipv6_prefix=rule.ipv6_prefix,
            )
        )
    if given.network.prefixlen < length:
        raise MapeError(
            say(
                "{network} is too short: the rule for {ipv6_prefix} with EA length "
                "{ea_length} needs the first {length} bits",
                network=given.network,
                ipv6_prefix=rule.ipv6_prefix,
                ea_length=rule.ea_length,
                length=length,
            )
        )
    bits = int(given.ip)
    ea = bits >> (IPV6_BITS - length) & ((1 << rule.ea_length) - 1)
    subnet_bits = max(0, _SUBNET_END - length)
    subnet = bits >> _SUBNET_END & ((1 << subnet_bits) - 1)
    return _ce_parameters(rule, ea, port_set)._replace(subnet_id=subnet)


def interface_id(layout: Layout, ipv4: IPv4Address, psid: int) -> int:
    """Return the 64-bit interface identifier of a CE.

    Bit positions within the 64, most significant first::

        draft   0-7 zero,  8-39 IPv4 address, 40-55 PSID, 56-63 zero   (map-03, section 6)
        rfc     0-15 zero, 16-47 IPv4 address, 48-63 PSID              (RFC 7597, section 6)

    ``psid`` is 0 to 65535, right-aligned in its 16 bits in both.
    """
    return (int(ipv4) << PORT_BITS | psid) << _PSID_SHIFT[layout]


def _ce_parameters(rule: MapRule, ea: int, explicit: PortSet | None) -> CeParameters:
    """Return the parameters of the CE whose EA bits are ``ea``; ``explicit`` is its own PSID."""
    q = rule.psid_length
    if explicit is not None and q:
        raise MapeError(
            say("the rule takes a PSID of {q} bits from the prefix; a second was given", q=q)
        )
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
            say(
                "EA length {ea_length} is shorter than the {suffix} bits that {v4} "
                "leaves open: the rule assigns IPv4 prefixes, not addresses, and this "
                "program can use only one address (EA length {suffix}, or more for a "
                "shared one)",
                ea_length=ea_length,
                suffix=suffix,
                v4=v4,
            )
        )
    if ea_length > suffix + PORT_BITS:
        raise MapeError(
            say(
                "EA length {ea_length} is more than the {suffix} bits that {v4} leaves "
                "open and a PSID of {port_bits}",
                ea_length=ea_length,
                suffix=suffix,
                v4=v4,
                port_bits=PORT_BITS,
            )
        )
    if v6.prefixlen + ea_length > IPV6_BITS:
        raise MapeError(
            say(
                "{v6} and EA length {ea_length} are longer than an IPv6 address",
                v6=v6,
                ea_length=ea_length,
            )
        )
