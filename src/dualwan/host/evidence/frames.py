"""Packets of a diagnosis, made and read: IPv4 in IPv6, ICMPv6, PPPoE discovery. Pure."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from dualwan.host import ndp
from dualwan.host.checksum import checksum
from dualwan.model.evidence import Advertisement, Probe

ETH_PPPOE = 0x8863  # ETH_P_PPP_DISC
PADI, PADO = 0x09, 0x07  # RFC 2516 section 5
_SERVICE_NAME, _AC_NAME, _HOST_UNIQ = 0x0101, 0x0102, 0x0103
ICMP, IPIP, UDP, ICMPV6 = 1, 4, 17, 58
TOKEN = 8  # bytes of the token at the beginning of each payload
_IPV4, _IPV6 = 20, 40  # bytes of headers
_DONT_FRAGMENT = 0x4000
ECHO_REQUEST6, ECHO_REPLY6, ADVERTISEMENT, SOLICITATION, NEIGHBOUR = 128, 129, 134, 135, 136
_ERRORS6 = range(1, 5)
_ECHO_REPLY, _ECHO_REQUEST = 0, 8
_ERRORS4 = (3, 11, 12)
_PREFIX_OPTION, _PREFIX_SIZE = 3, 32  # bytes, RFC 4861 section 4.6.2
_HEAD6, _ADVERTISEMENT_HEAD, _DISCOVERY = 8, 16, 24  # bytes of ICMPv6 messages
_PPPOE_HEAD, _TAG_HEAD = 6, 4  # bytes, RFC 2516 section 4


# --- through the tunnel --------------------------------------------------------------------


def inner(probe: Probe, source: str, token: bytes) -> bytes:
    """Return the IPv4 packet of a probe; ``token`` distinguishes it from probes of other runs."""
    src, dst = IPv4Address(source).packed, IPv4Address(probe.target).packed
    payload = (token + struct.pack("!H", probe.number)).ljust(probe.size - _IPV4 - 8, b"\0")
    if probe.echo:
        head = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, probe.port, 1)
        body = head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload
    else:
        head = struct.pack("!HHHH", probe.port, probe.port, 8 + len(payload), 0)
        pseudo = src + dst + struct.pack("!HH", UDP, 8 + len(payload))
        total = checksum(pseudo + head + payload) or 0xFFFF
        body = head[:6] + struct.pack("!H", total) + payload
    protocol = ICMP if probe.echo else UDP
    header = struct.pack(
        "!BBHHHBBH",
        *(0x45, 0, _IPV4 + len(body), identification(probe, token), _DONT_FRAGMENT),
        *(probe.hops, protocol, 0),
    )
    header += src + dst
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def identification(probe: Probe, token: bytes) -> int:
    """Return the identification of a probe, which an ICMP error quotes."""
    return (int.from_bytes(token[:2], "big") + probe.number) & 0xFFFF


class Inner(NamedTuple):
    """An IPv4 packet that came out of the tunnel. number: of the probe that came back.

    stopped: the identification of the probe that an ICMP error quotes; source: its sender.
    """

    number: int | None = None
    stopped: int | None = None
    source: str = ""


def read_inner(packet: bytes, source: str, token: bytes) -> Inner:
    """Read an IPv4 packet; the fields stay empty unless it is about a probe with ``token``."""
    start = (packet[0] & 0xF) * 4 if packet else 0
    if len(packet) < start + 8 or start < _IPV4:
        return Inner()
    body, sender = packet[start:], str(IPv4Address(packet[12:16]))
    if packet[9] == ICMP and body[0] in _ERRORS4:
        quoted = body[8:]
        if len(quoted) >= _IPV4 and quoted[12:16] == IPv4Address(source).packed:
            return Inner(stopped=int.from_bytes(quoted[4:6], "big"), source=sender)
        return Inner()
    if (packet[9] == UDP or (packet[9] == ICMP and body[0] == _ECHO_REPLY)) and (
        body[8 : 8 + TOKEN] == token and len(body) >= 8 + TOKEN + 2
    ):
        return Inner(number=int.from_bytes(body[8 + TOKEN : 10 + TOKEN], "big"))
    return Inner()


# --- ICMPv6 ----------------------------------------------------------------------------------


class Message(NamedTuple):
    """An ICMPv6 message. target: of neighbour discovery, or of the packet quoted by an error."""

    source: str
    kind: int
    code: int
    target: str = ""
    mtu: int = 0
    payload: bytes = b""
    advertisement: Advertisement | None = None


def read_icmpv6(packet: bytes) -> Message | None:
    """Read an IPv6 packet that holds ICMPv6; None for anything else."""
    body = packet[_IPV6:]
    if len(body) < _HEAD6 or packet[6] != ICMPV6:
        return None
    source, kind, code = str(IPv6Address(packet[8:24])), body[0], body[1]
    if kind in _ERRORS6 and len(body) >= _HEAD6 + _IPV6:
        mtu = int.from_bytes(body[4:8], "big")
        return Message(source, kind, code, str(IPv6Address(body[32:48])), mtu)
    if kind in (SOLICITATION, NEIGHBOUR) and len(body) >= _DISCOVERY:
        return Message(source, kind, code, str(IPv6Address(body[8:24])))
    if kind == ADVERTISEMENT and len(body) >= _ADVERTISEMENT_HEAD:
        found = Advertisement(source, int.from_bytes(body[6:8], "big"), _prefixes(body))
        return Message(source, kind, code, advertisement=found)
    return Message(source, kind, code, payload=body[8:])


def _prefixes(advertisement: bytes) -> tuple[str, ...]:
    return tuple(
        f"{IPv6Address(option[16:32])}/{option[2]}"
        for kind, option in ndp.options(advertisement)
        if kind == _PREFIX_OPTION and len(option) == _PREFIX_SIZE
    )


# --- PPPoE -----------------------------------------------------------------------------------


def discovery(token: bytes) -> bytes:
    """Return a PADI for any service, with ``token`` as Host-Uniq."""
    tags = struct.pack("!HHHH", _SERVICE_NAME, 0, _HOST_UNIQ, len(token)) + token
    return struct.pack("!BBHH", 0x11, PADI, 0, len(tags)) + tags


def read_offer(packet: bytes, token: bytes) -> str | None:
    """Return the name of the access concentrator that offers itself for ``token``, or None."""
    if len(packet) < _PPPOE_HEAD or packet[1] != PADO:
        return None
    length = int.from_bytes(packet[4:6], "big")
    tags, name, ours = packet[6 : 6 + length], "", False
    while len(tags) >= _TAG_HEAD:
        kind, size = struct.unpack("!HH", tags[:4])
        value, tags = tags[4 : 4 + size], tags[4 + size :]
        ours = ours or (kind == _HOST_UNIQ and value == token)
        if kind == _AC_NAME:
            name = value.decode("utf-8", "replace")
    return name or "an unnamed access concentrator" if ours else None
