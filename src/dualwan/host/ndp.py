"""Neighbour discovery: asking for router advertisements (RFC 4861)."""

from __future__ import annotations

import socket

from dualwan.errors import KernelError

SOLICITATION = bytes([133, 0, 0, 0, 0, 0, 0, 0])  # section 4.1; the kernel fills in the checksum
ALL_ROUTERS = "ff02::2"
HOP_LIMIT = 255


def solicit(device: str) -> None:
    """Send one router solicitation out by ``device``; raises KernelError."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sender.sendto(SOLICITATION, (ALL_ROUTERS, 0, 0, socket.if_nametoindex(device)))
    except OSError as error:
        raise KernelError(f"router solicitation on {device}: {error.strerror}") from None
