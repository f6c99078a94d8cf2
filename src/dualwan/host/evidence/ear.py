"""A packet socket on the WAN that receives only what a diagnosis needs.

A filter in the kernel (classic BPF) keeps out the bulk of the tunnel's traffic. It passes all
ICMPv6, incoming IPv4 in IPv6 that is ICMP or has our own address as its source, and PPPoE
discovery.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from ipaddress import IPv4Address
from typing import NamedTuple

from dualwan.host.evidence.frames import ETH_PPPOE, ICMP, ICMPV6, IPIP

_ETH_P_ALL, _ETH_P_IPV6 = 0x0003, 0x86DD
_SO_ATTACH_FILTER = 26
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_ALLMULTI = 263, 1, 2
OUTGOING = 4  # PACKET_OUTGOING
_PROTOCOL, _PKTTYPE = 0xFFFFF000, 0xFFFFF004  # SKF_AD_OFF and its offsets
_LOAD_HALF, _LOAD_WORD, _LOAD_BYTE, _JUMP_EQUAL, _RETURN = 0x28, 0x20, 0x30, 0x15, 0x06
_LONGEST = 256  # bytes of a packet that are looked at


class Packet(NamedTuple):
    """A packet without link layer. outgoing: this machine sent it. sender: its link address."""

    protocol: int
    data: bytes
    outgoing: bool
    sender: str


def program(ipv4: str) -> list[tuple[int, int, int, int]]:
    """Return the filter as instructions (code, jump if true, jump if false, operand)."""
    ours = int(IPv4Address(ipv4 or "0.0.0.0"))  # noqa: S104 - no address: ICMP only
    return [
        (_LOAD_HALF, 0, 0, _PROTOCOL),
        (_JUMP_EQUAL, 10, 0, ETH_PPPOE),
        (_JUMP_EQUAL, 0, 10, _ETH_P_IPV6),
        (_LOAD_BYTE, 0, 0, 6),  # next header of IPv6
        (_JUMP_EQUAL, 7, 0, ICMPV6),
        (_JUMP_EQUAL, 0, 7, IPIP),
        (_LOAD_HALF, 0, 0, _PKTTYPE),
        (_JUMP_EQUAL, 5, 0, OUTGOING),
        (_LOAD_BYTE, 0, 0, 49),  # protocol of the inner IPv4
        (_JUMP_EQUAL, 2, 0, ICMP),
        (_LOAD_WORD, 0, 0, 52),  # its source
        (_JUMP_EQUAL, 0, 1, ours),
        (_RETURN, 0, 0, _LONGEST),
        (_RETURN, 0, 0, 0),
    ]


def attach(listener: socket.socket, instructions: list[tuple[int, int, int, int]]) -> None:
    """Let the kernel hand over to ``listener`` only what ``instructions`` take."""
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    held = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HL", len(instructions), ctypes.addressof(held))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)


def listen(device: str, ipv4: str) -> socket.socket:
    """Return a socket that receives on ``device``; raises OSError, EPERM without root.

    It receives all multicast (PACKET_MR_ALLMULTI), because solicitations of other addresses go to
    groups of which this machine is no member. The membership ends with the socket.
    """
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        attach(ear, program(ipv4))
        index = socket.if_nametoindex(device)
        ear.bind((device, _ETH_P_ALL))
        request = struct.pack("iHH8s", index, _PACKET_MR_ALLMULTI, 0, bytes(8))
        ear.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
        ear.setblocking(False)
    except OSError:
        ear.close()
        raise
    return ear


def heard(ear: socket.socket) -> Packet | None:
    """Return the next packet, None if there is none."""
    try:
        data, (_, protocol, kind, _, sender, *_) = ear.recvfrom(_LONGEST)
    except OSError:  # EAGAIN, or ENETDOWN: the device is gone
        return None
    return Packet(protocol, data, kind == OUTGOING, sender.hex(":"))
