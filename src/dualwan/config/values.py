"""Converters of TOML values: each returns the converted value or raises ValueError."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, collapse_addresses
from typing import Any

WILDCARD = "*"  # at the end of a pattern of interface names, as in nft
IFNAMSIZ = 16  # linux/if.h, with the closing NUL
MAX_NAME = 253  # characters of a host name (RFC 1123)
_RESERVED_TABLES = {0, 253, 254, 255}  # unspec, default, main, local


def interface_name(value: Any) -> str:
    """Convert an interface name: valid for the kernel (dev_valid_name) and safe in nft's text."""
    if not isinstance(value, str):
        raise ValueError(f"an interface is a text, not {value!r}")
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", value) or value in {".", ".."}:
        raise ValueError(f"'{value}' is no interface name (letters, digits, _ . @ -)")
    if value in {"all", "default"}:
        raise ValueError(f"'{value}' is what the kernel calls every interface; name one")
    if len(value) >= IFNAMSIZ:
        raise ValueError(f"'{value}' is too long: an interface name has up to 15 letters")
    return value


def tunnel_name(value: Any) -> str:
    """Convert an interface name that the tunnel may have."""
    if value == "ip6tnl0":
        raise ValueError("'ip6tnl0' is made by the kernel itself; take another name")
    return interface_name(value)


def interfaces(value: Any) -> tuple[str, ...]:
    """Convert a list of at least one interface name, or pattern such as "br-*"."""
    if not isinstance(value, list) or not value:
        raise ValueError(f'must be a list such as ["enp3s0"], not {value!r}')
    return tuple(_interface_or_pattern(item) for item in value)


def _interface_or_pattern(value: Any) -> str:
    """Convert an interface name, or the beginning of names with ``*`` after it."""
    if not isinstance(value, str) or WILDCARD not in value:
        return interface_name(value)
    start = value.removesuffix(WILDCARD)
    if not start:
        raise ValueError(f"'{value}' is every interface; say how the names begin, as in \"br-*\"")
    if WILDCARD in start:
        raise ValueError(
            f"'{value}' has a * that is not its end; only \"br-*\" and the like are known"
        )
    if len(start) >= IFNAMSIZ - 1:
        raise ValueError(f"'{value}' is too long: an interface name has up to 15 letters")
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", start):
        raise ValueError(f"'{value}' is no pattern of interface names (letters, digits, _ . @ -)")
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
            raise ValueError(f"must be one of {', '.join(words)}, not {value!r}")
        return str(value)

    return convert


def words(known: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    """Return a converter that accepts a list of words in ``known``, without duplicates."""

    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list such as {list(known)}, not {value!r}")
        for item in value:
            if item not in known:
                raise ValueError(f"{item!r} is none of {', '.join(known)}")
            if value.count(item) > 1:
                raise ValueError(f"'{item}' is listed twice")
        return tuple(value)

    return convert


def peer(value: Any) -> str:
    """Convert the name of a file in /etc/ppp/peers, as pon(1) and poff(1) take it."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError(f"{value!r} is no name of a file in /etc/ppp/peers")
    return value


def routing_table(value: Any) -> int:
    """Convert the number of a routing table, 1 to 2^32 - 2, that is not the kernel's.

    The next number, for the second table, must not be the kernel's either.
    """
    found = number(1, 0xFFFFFFFE)(value)
    if {found, found + 1} & _RESERVED_TABLES:
        raise ValueError(
            f"table {found} or the next belongs to the kernel; take another, such as 100"
        )
    return found


def flag(value: Any) -> bool:
    """Convert a boolean; 0, 1 and "yes" are none."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def number(low: int, high: int) -> Callable[[Any], int]:
    """Return a converter that accepts a whole number from ``low`` to ``high``."""

    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a number from {low} to {high}, not {value!r}")
        return value

    return convert


def text(value: Any) -> str:
    """Convert a string."""
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {value!r}")
    return value


def secret(value: Any) -> str:
    """Convert a string that no message may quote."""
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    return value


def ipv4(value: Any) -> IPv4Address:
    """Convert an IPv4 address that a line can have: unicast, neither loopback nor link-local."""
    try:
        address = IPv4Address(text(value))
    except ipaddress.AddressValueError:
        raise ValueError(f"{value!r} is no IPv4 address") from None
    if (
        address.is_multicast
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
    ):
        raise ValueError(f"{value!r} cannot be the address of a line")
    return address


def ipv4_list(value: Any) -> tuple[IPv4Address, ...]:
    """Convert a list of IPv4 addresses; duplicates are dropped."""
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["192.0.2.1", "198.51.100.1"], not {value!r}')
    return tuple(dict.fromkeys(ipv4(item) for item in value))


def ipv4_networks(value: Any) -> tuple[IPv4Network, ...]:
    """Convert a list of IPv4 hosts and networks; overlaps are merged."""
    if not isinstance(value, list):
        raise ValueError(
            f'must be a list such as ["192.168.1.5", "192.168.1.64/26"], not {value!r}'
        )
    try:
        found = [IPv4Network(text(item)) for item in value]
    except ValueError:
        raise ValueError(
            "must hold hosts and networks such as 192.168.1.5 or 192.168.1.64/26 "
            f"(no bits set past the length), not {value!r}"
        ) from None
    return tuple(collapse_addresses(found))


def ipv6(value: Any) -> IPv6Address:
    """Convert an IPv6 address that an end of the tunnel can have."""
    try:
        address = IPv6Address(text(value))
    except ipaddress.AddressValueError:
        raise ValueError(f"{value!r} is no IPv6 address") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise ValueError(f"{value!r} cannot be an end of the tunnel")
    if address.scope_id:
        raise ValueError(f"{value!r}: write the address without %{address.scope_id}")
    return address


def interface_id(value: Any) -> IPv6Address:
    """Convert an interface identifier: the lower 64 bits of an address, as ::x:x:x:x."""
    found = ipv6(value)
    if int(found) >> 64:
        raise ValueError(f"{value!r} has more than the lower 64 bits; write ::x:x:x:x")
    return found


def host(value: Any) -> str:
    """Convert an IPv6 address or a host name (RFC 1123)."""
    name = text(value)
    if ":" in name:
        return str(ipv6(name))
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if len(name) > MAX_NAME or not re.fullmatch(rf"{label}(\.{label})+", name):
        raise ValueError(f"{name!r} is neither an IPv6 address nor a host name")
    return name


def path(value: Any) -> str:
    """Convert an absolute path."""
    if not text(value).startswith("/"):
        raise ValueError(f"{value!r} must be a whole path, from /")
    return str(value)
