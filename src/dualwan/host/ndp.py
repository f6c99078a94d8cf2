"""Messages of IPv6 neighbour discovery (RFC 4861): sent and parsed."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address

from dualwan.errors import KernelError
from dualwan.host.checksum import checksum

SOLICITATION = bytes([133, 0, 0, 0, 0, 0, 0, 0])  # section 4.1; the kernel fills in the checksum
ALL_ROUTERS = "ff02::2"
# Section 4.4: an advertisement of a router that overrides what its hearers know.
ADVERTISEMENT = bytes([136, 0, 0, 0, 0xA0, 0, 0, 0])
TARGET_LINK_ADDRESS = bytes([2, 1])  # section 4.6.1, with its length in units of 8 octets
ALL_NODES = "ff02::1"
SIOCGIFHWADDR = 0x8927
IPV6_FREEBIND = 78
NEIGHBOUR_SOLICITATION = bytes([135, 0, 0, 0, 0, 0, 0, 0])  # section 4.3
HOP_LIMIT = 255

_ADVERTISEMENT_HEAD, _OPTION_UNIT = 16, 8  # octets, sections 4.2 and 4.6
_SOLICITED_NODE, _SOLICITED_BITS = int(IPv6Address("ff02::1:ff00:0")), (1 << 24) - 1


def options(advertisement: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the octets of each whole option of a router's ``advertisement``."""
    at = _ADVERTISEMENT_HEAD
    while at + _OPTION_UNIT <= len(advertisement) and (
        size := _OPTION_UNIT * advertisement[at + 1]
    ):
        if at + size <= len(advertisement):
            yield advertisement[at], advertisement[at : at + size]
        at += size


def solicit(device: str) -> None:
    """Send one router solicitation on ``device``; raises KernelError."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sender.sendto(SOLICITATION, (ALL_ROUTERS, 0, 0, socket.if_nametoindex(device)))
    except OSError as error:
        raise KernelError(f"router solicitation on {device}: {error.strerror}") from None


def advertise(device: str, address: str) -> None:
    """Send one unsolicited advertisement of ``address`` on ``device``; raises KernelError.

    As RFC 4861 section 7.2.6 has it: to all nodes, with the override flag, from the address itself.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sender.bind((address, 0))
            target = socket.inet_pton(socket.AF_INET6, address)
            option = TARGET_LINK_ADDRESS + link_address(sender, device)
            place = (ALL_NODES, 0, 0, socket.if_nametoindex(device))
            sender.sendto(ADVERTISEMENT + target + option, place)
    except OSError as error:
        raise KernelError(
            f"neighbour advertisement of {address} on {device}: {error.strerror}"
        ) from None


def link_address(asking: socket.socket, device: str) -> bytes:
    """Return the Ethernet address of ``device`` (netdevice(7)); raises OSError."""
    found = fcntl.ioctl(asking, SIOCGIFHWADDR, struct.pack("256s", device.encode()))
    return found[18:24]


def solicited_node(address: str) -> IPv6Address:
    """Return the multicast address at which ``address`` is asked for (RFC 4291 section 2.7.1)."""
    return IPv6Address(_SOLICITED_NODE | int(IPv6Address(address)) & _SOLICITED_BITS)


def detection(address: str) -> bytes:
    """Return the IPv6 packet by which duplicate detection asks for ``address`` (RFC 4862, 5.4.2).

    A neighbour solicitation from ::, with its headers.
    """
    none, group = bytes(16), solicited_node(address).packed
    message = NEIGHBOUR_SOLICITATION + IPv6Address(address).packed
    pseudo = none + group + struct.pack("!II", len(message), socket.IPPROTO_ICMPV6)
    checked = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
    head = struct.pack("!IHBB", 6 << 28, len(message), socket.IPPROTO_ICMPV6, HOP_LIMIT)
    return head + none + group + checked


def ask_owner(device: str, address: str) -> None:
    """Ask the owner of ``address`` on the link to advertise it to all nodes; raises KernelError.

    It is a solicitation as of duplicate address detection, whose answer goes to all nodes and
    overrides their caches (RFC 4861 section 7.2.4). Its source is the unspecified address, for
    which the socket has to send the header too (IPPROTO_RAW). A packet socket could do so, but the
    units may not open one.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            # The kernel looks up a source address even so; while a device comes up, there is none.
            sender.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            sender.bind((address, 0))
            place = (str(solicited_node(address)), 0, 0, socket.if_nametoindex(device))
            sender.sendto(detection(address), place)
    except OSError as error:
        raise KernelError(f"asking who has {address} on {device}: {error.strerror}") from None
