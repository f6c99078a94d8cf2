"""ICMP echo through one device, to several targets at once."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dualwan.errors import HostError
from dualwan.host.checksum import checksum
from dualwan.words import say

ECHO_REQUEST, ECHO_REPLY, TIME_EXCEEDED = 8, 0, 11  # RFC 792
LIMIT_SECONDS = 3.0


def any_answers(device: str, targets: Sequence[str]) -> bool:
    """Whether one of the IPv4 ``targets`` answers a ping through ``device`` within LIMIT_SECONDS.

    Raises HostError without root.
    """
    token = os.urandom(8)
    try:
        with _asking(device) as probe:
            sent = [target for target in targets if _send(probe, target, token)]
            until = time.monotonic() + LIMIT_SECONDS
            return bool(sent) and bool(_heard(probe, token, wanted=True, until=until)[0])
    except OSError:
        return False  # no such device


def who_answers(device: str, targets: Sequence[str], nowhere: str) -> tuple[str, str]:
    """Return which of ``targets`` answers a ping through ``device``, and the first router there.

    That router reports the end of another ping with a hop limit of one, sent to the first target,
    or to ``nowhere`` without any. "" for no answer. Raises HostError without root.
    """
    token = os.urandom(8)
    try:
        with _asking(device) as probe:
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
            _send(probe, next(iter(targets), nowhere), token)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
            for target in targets:
                _send(probe, target, token)
            return _heard(probe, token, bool(targets), time.monotonic() + LIMIT_SECONDS)
    except OSError:
        return "", ""  # no such device


@contextmanager
def _asking(device: str) -> Iterator[socket.socket]:
    """Open a socket for echoes by ``device``; raises HostError without root, and OSError.

    It is raw, because an unprivileged one needs net.ipv4.ping_group_range.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            probe.setblocking(False)
            yield probe
    except PermissionError:
        raise HostError(say("a probe needs root")) from None


def _heard(probe: socket.socket, token: bytes, wanted: bool, until: float) -> tuple[str, str]:
    """Return the source of an answer, and of a report that a ping ended; see who_answers.

    A raw socket receives the replies to other programs' pings too: ours have ``token``. ``wanted``:
    whether to wait for a target's answer. ``until``: a monotonic time in seconds.
    """
    hop, sent = "", _echo(token)[:8]  # a router quotes at least these bytes
    poll = select.poll()
    poll.register(probe, select.POLLIN)
    while (left := until - time.monotonic()) > 0 and poll.poll(left * 1000):
        packet = probe.recv(2048)
        source, message = ".".join(map(str, packet[12:16])), _inner(packet)
        if message[:1] == bytes([ECHO_REPLY]) and packet.endswith(token):
            return source, hop
        if message[:1] == bytes([TIME_EXCEEDED]) and _inner(message[8:])[:8] == sent:
            hop = source
            if not wanted:
                break
    return "", hop


def _inner(packet: bytes) -> bytes:
    """Return what follows the IPv4 header of ``packet``."""
    return packet[(packet[0] & 0xF) * 4 :] if packet else b""


def _send(probe: socket.socket, target: str, token: bytes) -> bool:
    try:
        probe.sendto(_echo(token), (target, 0))
    except OSError:  # no route, or the firewall refuses: counts as no answer
        return False
    return True


def _echo(token: bytes) -> bytes:
    """Return an echo request with ``token`` as its data."""
    body = struct.pack("!HH", os.getpid() & 0xFFFF, 1) + token
    head = struct.pack("!BBH", ECHO_REQUEST, 0, 0)
    return struct.pack("!BBH", ECHO_REQUEST, 0, checksum(head + body)) + body
