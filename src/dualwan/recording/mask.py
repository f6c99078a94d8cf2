"""Replace the owner's addresses by others with the same relations to each other. Pure.

The bits of an address are flipped one by one: a key and the bits before it decide whether a bit is
flipped (Crypto-PAn, Fan et al. 2004, with BLAKE2b for AES). So two addresses with the first n bits
in common still have them in common, and a network still contains the same hosts. The key is
forgotten.

Kept are addresses and bits that everybody knows or that a diagnosis needs: ranges with a meaning
(private, link-local, multicast and the like), prefixes of MAP-E rules that many lines share, and in
an End-user prefix the bits of the PSID, from which the ports follow, and of the subnet. The lower
64 bits of an IPv6 address are masked independently of the upper ones, so that a host keeps its
interface identifier in every prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from itertools import zip_longest
from typing import NamedTuple

from dualwan.mape.rule import LAYOUTS, MapRule, interface_id
from dualwan.mape.unmapped import UNMAPPED

_HEX = re.compile("[0-9A-Fa-f]")
_ONE, _ALL = IPv4Address("0.0.0.1"), IPv4Address("255.255.255.255")
Address = IPv4Address | IPv6Address
_HALF = 64  # bits of an interface identifier
_SMALL = 1 << 16  # smaller identifiers are given by hand, and identify nobody: ::1, ::feed
_WELL_KNOWN = frozenset({0x00B4_0000_0000_0002, 0xFFFF_FFFF_FFFF_FFFF})  # a B4's, and a mask

KEPT = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
            *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
            *("::/64", "64:ff9b::/64", "2000::/3", "2001:db8::/32", "fc00::/7"),
            *("fe80::/64", "fec0::/10", "ff00::/8"),
        ),
    )
)
_WHOLE = tuple(
    map(ip_network, ("0.0.0.0/8", "127.0.0.0/8", "192.0.0.0/24", "224.0.0.0/3", "ff00::/8"))
)
_MAPPED = 96  # bits before the IPv4 address in ::ffff:a.b.c.d
_NAMED = frozenset(network.network_address for network, _ in UNMAPPED)  # in messages
_LONGEST_SHARED = {4: 24, 6: 48}  # bits of a rule's prefix that many lines have in common


class Kept(NamedTuple):
    """Bits that are kept in addresses of a network: from ``first`` to before ``last``."""

    network: IPv6Network
    first: int
    last: int


def shared(rule: MapRule) -> bool:
    """Whether many lines share ``rule``, so that its prefixes identify none of them."""
    return (
        rule.ipv4_prefix.prefixlen <= _LONGEST_SHARED[4]
        and rule.ipv6_prefix.prefixlen <= _LONGEST_SHARED[6]
    )


class Mask:
    """The replacement of addresses by ``key``; ``rules``: of MAP-E, possible sources of addresses.

    instead: fixed replacements of IPv4 addresses that are derived from a masked prefix. embedded:
    those that an interface identifier may contain (rule.interface_id).
    """

    def __init__(self, key: bytes, rules: Iterable[MapRule]) -> None:
        self.instead: dict[IPv4Address, IPv4Address] = {}
        self.embedded: set[IPv4Address] = set()
        self._key = key
        self._rules = tuple(rules)
        common = [one for one in self._rules if shared(one)]
        prefixes = (
            *KEPT,
            *(network for network, _ in UNMAPPED),
            *(one.ipv4_prefix for one in common),
            *(one.ipv6_prefix for one in common),
        )
        self._paths = {  # version, length, and bits of each beginning of a kept prefix
            (one.version, at, int(one.network_address) >> (one.max_prefixlen - at))
            for one in prefixes
            for at in range(one.prefixlen)
        }
        self._relays = {one.br for one in common if one.br}
        self._psids = tuple(
            Kept(
                one.ipv6_prefix,
                one.end_user_length - one.psid_length,
                max(one.end_user_length, _HALF),
            )
            for one in sorted(self._rules, key=lambda one: one.ipv6_prefix.prefixlen)
        )
        self._flip = cache(self._hashed)

    def address(self, address: Address) -> Address:
        """Return the replacement of ``address``."""
        if isinstance(address, IPv4Address) and address in self.instead:
            return self.instead[address]
        if address in _NAMED:
            return address
        return self.network(address, address.max_prefixlen)

    def network(self, address: Address, length: int) -> Address:
        """Return the replacement of the network ``address``/``length``, host bits zero."""
        whole = (one for one in _WHOLE if one.version == address.version)
        if address in self._relays or any(address in one for one in whole):
            return address
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            inner = self.network(address.ipv4_mapped, max(0, length - _MAPPED))
            return IPv6Address(int(address) - int(address.ipv4_mapped) + int(inner))
        return type(address)(self._bits(address, length))

    def _bits(self, address: Address, length: int) -> int:
        """Return the number of ``address`` with its first ``length`` bits masked."""
        size = address.max_prefixlen
        found = self._upper(address, min(length, size if size < _HALF * 2 else _HALF))
        if size == _HALF * 2 and length > _HALF:
            found ^= self._identifier(address, length - _HALF)
        return found

    def _identifier(self, address: Address, length: int) -> int:
        """Return the bits that are flipped in an interface identifier."""
        low = int(address) & ((1 << _HALF) - 1)
        if low < _SMALL or low in _WELL_KNOWN:
            return 0
        known = [one.ipv4_prefix for one in self._rules if address in one.ipv6_prefix]
        for layout in LAYOUTS:
            one_bit = interface_id(layout, _ONE, 0)
            inner = IPv4Address(low // one_bit & int(_ALL))
            whole = low == interface_id(layout, inner, low * (1 << 16) // one_bit & 0xFFFF)
            if whole and (inner in self.embedded or any(inner in one for one in known)):
                other = IPv4Address(int(self.address(inner)))
                return interface_id(layout, inner, 0) ^ interface_id(layout, other, 0)
        return self._lower(low, length)

    def _upper(self, address: Address, length: int) -> int:
        size, number = address.max_prefixlen, int(address)
        found = number
        psid = self._psid_of(address)
        for at in range(length):
            if psid and psid.first <= at < psid.last:
                continue
            before = number >> (size - at) if at else 0
            fixed = (address.version, at, before) in self._paths
            if not fixed and self._flip(address.version, at, before):
                found ^= 1 << (size - 1 - at)
        return found

    def _psid_of(self, address: Address) -> Kept | None:
        """Return the bits of the PSID by the longest rule that covers ``address``."""
        found = None
        for one in self._psids if isinstance(address, IPv6Address) else ():
            if address in one.network:
                found = one
        return found

    def _lower(self, low: int, length: int) -> int:
        """Return the bits of an interface identifier that are flipped."""
        flipped = 0
        for at in range(length):
            if self._flip(0, at, low >> (_HALF - at) if at else 0):
                flipped |= 1 << (_HALF - 1 - at)
        return flipped

    def _hashed(self, version: int, at: int, before: int) -> bool:
        """Whether the bit ``at`` is flipped, where ``before`` are the bits before it."""
        text = f"{version} {at} {before:x}".encode()
        return bool(blake2b(text, key=self._key, digest_size=1).digest()[0] & 1)

    def mac(self, text: str) -> str:
        """Return the replacement of a link address; the group and local bits are kept.

        So is the separator between its octets, : or -.
        """
        octets, ends = bytes.fromhex("".join(_HEX.findall(text))), text[2::3]
        if octets in {b"\0" * 6, b"\xff" * 6}:
            return text
        other = bytearray(blake2b(octets, key=self._key, digest_size=6).digest())
        other[0] = other[0] & 0xFC | octets[0] & 0x03
        return "".join(f"{one:02x}{end}" for one, end in zip_longest(other, ends, fillvalue=""))
