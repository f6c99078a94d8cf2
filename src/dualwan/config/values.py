"""Converters of TOML values: each returns the converted value or raises ValueError."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, collapse_addresses
from typing import Any

from dualwan.words import say

WILDCARD = "*"  # at the end of a pattern of interface names, as in nft
IFNAMSIZ = 16  # linux/if.h, with the closing NUL
MAX_NAME = 253  # characters of a host name (RFC 1123)
RESERVED_TABLES = {0, 253, 254, 255}  # unspec, default, main, local


def interface_name(value: Any) -> str:
    """Convert an interface name: valid for the kernel (dev_valid_name) and safe in nft's text."""
    if not isinstance(value, str):
        raise ValueError(say("an interface is a text, not {value!r}", value=value))
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", value) or value in {".", ".."}:
        raise ValueError(
            say("'{value}' is no interface name (letters, digits, _ . @ -)", value=value)
        )
    if value in {"all", "default"}:
        raise ValueError(
            say("'{value}' is what the kernel calls every interface; name one", value=value)
        )
    if len(value) >= IFNAMSIZ:
        raise ValueError(
            say("'{value}' is too long: an interface name has up to 15 letters", value=value)
        )
    return value


def tunnel_name(value: Any) -> str:
    """Convert an interface name that the tunnel may have."""
    if value == "ip6tnl0":
        raise ValueError(say("'ip6tnl0' is made by the kernel itself; take another name"))
    return interface_name(value)


def interfaces(value: Any) -> tuple[str, ...]:
    """Convert a list of at least one interface name, or pattern such as "br-*"."""
    if not isinstance(value, list) or not value:
        raise ValueError(say('must be a list such as ["enp3s0"], not {value!r}', value=value))
    return tuple(interface_or_pattern(item) for item in value)


def interface_or_pattern(value: Any) -> str:
    """Convert an interface name, or the beginning of names with ``*`` after it."""
    if not isinstance(value, str) or WILDCARD not in value:
        return interface_name(value)
    start = value.removesuffix(WILDCARD)
    if not start:
        raise ValueError(
            say(
                "'{value}' is every interface; say how the names begin, as in \"br-*\"", value=value
            )
        )
    if WILDCARD in start:
        raise ValueError(
            say(
                "'{value}' has a * that is not its end; only \"br-*\" and the like are known",
                value=value,
            )
        )
    if len(start) >= IFNAMSIZ - 1:
        raise ValueError(
            say("'{value}' is too long: an interface name has up to 15 letters", value=value)
        )
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", start):
        raise ValueError(
            say(
                "'{value}' is no pattern of interface names (letters, digits, _ . @ -)", value=value
            )
        )
    return value


def covers(pattern: str, name: str) -> bool:
    """Whether ``pattern``, an interface name or a beginning with ``*`` after it, covers ``name``.

    ``name`` may be a pattern too.
    """
    if pattern.endswith(WILDCARD):
        return name.startswith(pattern.removesuffix(WILDCARD))
    return pattern == name


def one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    """Return a converter that accepts one of ``words``."""

    def convert(value: Any) -> str:
        if value not in words:
            raise ValueError(
                say("must be one of {words}, not {value!r}", words=", ".join(words), value=value)
            )
        return str(value)

    return convert


def words(known: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    """Return a converter that accepts a list of words in ``known``, without duplicates."""

    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(
                say("must be a list such as {known}, not {value!r}", known=list(known), value=value)
            )
        for item in value:
            if item not in known:
                raise ValueError(
                    say("{item!r} is none of {known}", item=item, known=", ".join(known))
                )
            if value.count(item) > 1:
                raise ValueError(say("'{item}' is listed twice", item=item))
        return tuple(value)

    return convert


def peer(value: Any) -> str:
    """Convert the name of a file in /etc/ppp/peers, as pon(1) and poff(1) take it."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError(say("{value!r} is no name of a file in /etc/ppp/peers", value=value))
    return value


def routing_table(value: Any) -> int:
    """Convert the number of a routing table, 1 to 2^32 - 2, that is not the kernel's.

    The next number, for the second table, must not be the kernel's either.
    """
    found = number(1, 0xFFFFFFFE)(value)
    if {found, found + 1} & RESERVED_TABLES:
        raise ValueError(
            say(
                "table {found} or the next belongs to the kernel; take another, such as 100",
                found=found,
            )
        )
    return found


def flag(value: Any) -> bool:
    """Convert a boolean; 0, 1 and "yes" are refused."""
    if not isinstance(value, bool):
        raise ValueError(say("must be true or false, not {value!r}", value=value))
    return value


def number(low: int, high: int) -> Callable[[Any], int]:
    """Return a converter that accepts a whole number from ``low`` to ``high``."""

    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(
                say(
                    "must be a number from {low} to {high}, not {value!r}",
                    low=low,
                    high=high,
                    value=value,
                )
            )
        return value

    return convert


def text(value: Any) -> str:
    """Convert a string."""
    if not isinstance(value, str):
        raise ValueError(say("must be a text in quotes, not {value!r}", value=value))
    return value


def secret(value: Any) -> str:
    """Convert a string that no message may quote."""
    if not isinstance(value, str):
        raise ValueError(say("must be a text in quotes"))
    return value


def ipv4(value: Any) -> IPv4Address:
    """Convert an IPv4 address that a line can have: unicast, neither loopback nor link-local."""
    try:
        address = IPv4Address(text(value))
    except ipaddress.AddressValueError:
        raise ValueError(say("{value!r} is no IPv4 address", value=value)) from None
    if (
        address.is_multicast
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
    ):
        raise ValueError(say("{value!r} cannot be the address of a line", value=value))
    return address


def ipv4_list(value: Any) -> tuple[IPv4Address, ...]:
    """Convert a list of IPv4 addresses; duplicates are dropped."""
    if not isinstance(value, list):
        raise ValueError(
            say('must be a list such as ["192.0.2.1", "198.51.100.1"], not {value!r}', value=value)
        )
    return tuple(dict.fromkeys(ipv4(item) for item in value))


def ipv4_networks(value: Any) -> tuple[IPv4Network, ...]:
    """Convert a list of IPv4 hosts and networks; overlaps are merged."""
    if not isinstance(value, list):
        raise ValueError(
            say(
                'must be a list such as ["192.168.1.5", "192.168.1.64/26"], not {value!r}',
                value=value,
            )
        )
    try:
        found = [IPv4Network(text(item)) for item in value]
    except ValueError:
        raise ValueError(
            say(
                "must hold hosts and networks such as 192.168.1.5 or 192.168.1.64/26 "
                "(no bits set past the length), not {value!r}",
                value=value,
            )
        ) from None
    return tuple(collapse_addresses(found))


def ipv6(value: Any) -> IPv6Address:
    """Convert an IPv6 address that an end of the tunnel can have."""
    try:
        address = IPv6Address(text(value))
    except ipaddress.AddressValueError:
        raise ValueError(say("{value!r} is no IPv6 address", value=value)) from None
    without_scope(address, value)
    if (
        address.is_multicast
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
    ):
        raise ValueError(say("{value!r} cannot be an end of the tunnel", value=value))
    return address


def without_scope(address: IPv6Address, value: Any) -> None:
    """Raise ValueError if ``address``, of ``value``, has a zone such as %eth0 (RFC 4007)."""
    if address.scope_id:
        raise ValueError(
            say(
                "{value!r}: write the address without %{scope_id}",
                value=value,
                scope_id=address.scope_id,
            )
        )


def interface_id(value: Any) -> IPv6Address:
    """Convert an interface identifier: the lower 64 bits of an address, as ::x:x:x:x."""
    found = ipv6(value)
    if int(found) >> 64:
        raise ValueError(
            say("{value!r} has more than the lower 64 bits; write ::x:x:x:x", value=value)
        )
    return found


def host(value: Any) -> str:
    """Convert an IPv6 address or a host name (RFC 1123)."""
    name = text(value)
    if ":" in name:
        return str(ipv6(name))
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    numeric = name.rpartition(".")[2].isdigit()  # as of an IPv4 address, and of no domain
    if len(name) > MAX_NAME or numeric or not re.fullmatch(rf"{label}(\.{label})+", name):
        raise ValueError(say("{name!r} is neither an IPv6 address nor a host name", name=name))
    return name


def path(value: Any) -> str:
    """Convert an absolute path."""
    if not text(value).startswith("/"):
        raise ValueError(say("{value!r} must be a whole path, from /", value=value))
    return str(value)
