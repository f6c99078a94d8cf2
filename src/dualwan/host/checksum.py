"""The checksum of IPv4 headers, ICMP, ICMPv6 and UDP."""

from __future__ import annotations

import struct


def checksum(data: bytes) -> int:
    """Return the Internet checksum of ``data`` (RFC 1071), 0 if it contains its own."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF
