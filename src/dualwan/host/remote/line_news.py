"""Ask the line itself for its servers, where no DHCPv6 client has done so.

Two questions are sent at once: a router solicitation (RFC 4861), whose answer may have name servers
(RFC 8106), and an information request (RFC 8415 section 18.2.6), whose answer may have them too,
and MAP-E's option 94. Neither changes anything on the line. A client that holds DHCPv6's port has a
lease of its own, and is not disturbed.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from contextlib import ExitStack, suppress
from ipaddress import IPv6Address

from dualwan.errors import HostError, RemoteError
from dualwan.host import ndp
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import dhcpv6

AGAIN_SECONDS = 1.0  # until a question is repeated
RDNSS_SECONDS = 0.3  # after an advertisement, for the DHCPv6 server's answer
CLIENT_PORT, SERVER_PORT = 546, 547
ALL_SERVERS = "ff02::1:2"  # All_DHCP_Relay_Agents_and_Servers
INFORMATION_REQUEST = 11
CLIENT_ID, OPTION_REQUEST, ELAPSED_TIME = 1, 6, 8
DUID_LL, ETHERNET = 3, 1
ADVERTISEMENT, RDNSS = 134, 25
ICMP6_FILTER = 1  # linux/icmpv6.h
RECV_HOP_LIMIT, HOP_LIMIT = 51, 52  # linux/in6.h
MAX_PACKET = 4096

_ADDRESS = 16  # octets


class _Listener:
    """The sockets, and the answers so far: name servers advertised, and the DHCPv6 reply."""

    def __init__(self, device: str, stack: ExitStack) -> None:
        self._device, self._index = device, socket.if_nametoindex(device)
        self._transaction = os.urandom(3)
        self._poll = select.poll()
        self._icmp = stack.enter_context(advertisements(device))
        self._poll.register(self._icmp, select.POLLIN)
        self._dhcp: socket.socket | None = None
        with suppress(OSError):  # a client holds the port: use advertisements alone
            self._dhcp = stack.enter_context(_dhcp(device))
            self._poll.register(self._dhcp, select.POLLIN)
        self.advertised: list[str] = []
        self.lease: dhcpv6.Lease | None = None

    def ask(self) -> None:
        """Send the questions; raises OSError, HostError."""
        ndp.solicit(self._device)
        if self._dhcp is not None:
            request = _request(self._transaction, ndp.link_address(self._dhcp, self._device))
            self._dhcp.sendto(request, (ALL_SERVERS, SERVER_PORT, 0, self._index))

    def hear(self, until: Deadline) -> None:
        """Collect answers until ``until``, or until no further answer is expected.

        After an advertisement, the DHCPv6 server has RDNSS_SECONDS left to answer.
        """
        short: Deadline | None = None
        while self.lease is None and not (self.advertised and self._dhcp is None):
            if self.advertised and short is None:
                short = Deadline(RDNSS_SECONDS)
            try:
                wait = (short or until).left()
            except RemoteError:
                return
            for number, _ in self._poll.poll(wait * 1000):
                self._read(number)

    def _read(self, number: int) -> None:
        if number == self._icmp.fileno():
            self.advertised += _advertised(self._icmp)
        elif self._dhcp is not None:
            self.lease = _replied(self._dhcp, self._transaction) or self.lease


def ask(device: str, deadline: Deadline) -> dhcpv6.Lease:
    """Return the line's answers on ``device`` as a lease, with the containers of option 94.

    Raises RemoteError if there is none, HostError if the questions cannot be sent.
    """
    try:
        with ExitStack() as stack:
            listener = _Listener(device, stack)
            while listener.lease is None and not listener.advertised:
                try:
                    turn = Deadline(deadline.left(AGAIN_SECONDS))
                except RemoteError:
                    break
                listener.ask()
                listener.hear(turn)
    except OSError as error:
        raise HostError(f"asking the line on {device}: {error.strerror or error}") from None
    if listener.lease is None and not listener.advertised:
        raise RemoteError(f"neither a router nor a DHCPv6 server on {device} answers")
    lease = listener.lease or dhcpv6.Lease()
    servers = tuple(dict.fromkeys((*lease.name_servers, *listener.advertised)))
    return lease._replace(name_servers=servers)


def advertisements(device: str) -> socket.socket:
    """Return a socket for ``advertisement``, which receives on ``device`` alone; raises OSError."""
    made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    blocked = (1 << 256) - 1 & ~(1 << ADVERTISEMENT)
    words = [blocked >> 32 * at & 0xFFFFFFFF for at in range(8)]
    made.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("=8I", *words))
    made.setsockopt(socket.IPPROTO_IPV6, RECV_HOP_LIMIT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    made.setblocking(False)
    return made


def _dhcp(device: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("::", CLIENT_PORT))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def advertisement(icmp: socket.socket) -> tuple[bytes, str]:
    """Return the next advertisement and its router; both empty if it came from another link."""
    data, ancillary, _, source = icmp.recvmsg(MAX_PACKET, socket.CMSG_SPACE(4))
    hops = [struct.unpack("=i", value)[0] for _, kind, value in ancillary if kind == HOP_LIMIT]
    router = source[0].partition("%")[0]
    local = IPv6Address(router).is_link_local and hops == [ndp.HOP_LIMIT]
    return (data, router) if local else (b"", "")


def _advertised(icmp: socket.socket) -> list[str]:
    """Return the name servers of the next advertisement, [] if it came from another link."""
    return rdnss(advertisement(icmp)[0])


def rdnss(data: bytes) -> list[str]:
    """Return the name servers in the router advertisement ``data`` (RFC 8106 section 5.1)."""
    found: list[str] = []
    for kind, option in ndp.options(data):
        if kind == RDNSS and any(option[4:8]):  # a lifetime of 0: gone
            found += [
                str(IPv6Address(option[place : place + _ADDRESS]))
                for place in range(8, len(option) - _ADDRESS + 1, _ADDRESS)
            ]
    return found


def _request(transaction: bytes, hardware: bytes) -> bytes:
    wanted = struct.pack("!2H", dhcpv6.DNS_SERVERS, dhcpv6.CONTAINER)
    return (
        bytes([INFORMATION_REQUEST])
        + transaction
        + _option(CLIENT_ID, struct.pack("!2H", DUID_LL, ETHERNET) + hardware)
        + _option(ELAPSED_TIME, bytes(2))
        + _option(OPTION_REQUEST, wanted)
    )


def _option(code: int, content: bytes) -> bytes:
    return struct.pack("!2H", code, len(content)) + content


def _replied(dhcp: socket.socket, transaction: bytes) -> dhcpv6.Lease | None:
    """Return the reply to our request, None for anything else."""
    data, source = dhcp.recvfrom(MAX_PACKET)
    local = IPv6Address(source[0].partition("%")[0]).is_link_local
    if data[1:4] != transaction or source[1] != SERVER_PORT or not local:
        return None
    try:
        return dhcpv6.from_message(data)
    except RemoteError:
        return None
