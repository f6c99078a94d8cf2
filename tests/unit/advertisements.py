"""Router advertisements byte for byte (RFC 4861 section 4.2, RFC 8106 section 5.1)."""

from ipaddress import IPv6Address

RA = bytes([134]) + bytes(15)
RESOLVER = "2001:db8:53::53"


def option(kind, lifetime, *addresses):
    """Return an option with ADDRESSES, such as RDNSS (25)."""
    packed = b"".join(IPv6Address(address).packed for address in addresses)
    return bytes([kind, 1 + 2 * len(addresses), 0, 0]) + lifetime.to_bytes(4, "big") + packed
