"""Neighbour discovery byte by byte: a solicitation, and the options of an advertisement."""

import socket
import struct

import pytest
from advertisements import RA

from dualwan.errors import KernelError
from dualwan.host import ndp

CE = "2001:db8::99:f000:0:100"
GROUP = "ff02::1:ff00:100"


class Sender:
    """A socket that keeps what it is told, and what it sends."""

    def __init__(self, error=None):
        self.sent, self.options, self.bound, self.error = [], [], None, error

    def __call__(self, *kind):
        """Be made as the socket that sends IPv6 packets with their header."""
        assert kind == (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        return self

    def setsockopt(self, *option):
        """Keep it."""
        self.options.append(option)

    def bind(self, place):
        """Keep where it is bound."""
        self.bound = place

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def sendto(self, packet, place):
        """Keep it, or fail."""
        if self.error:
            raise self.error
        self.sent.append((packet, place))


def total(data):
    """Return the sum in ones' complement, 0xffff of data with a checksum that fits (RFC 1071)."""
    found = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return found


def test_who_has_the_address_is_asked_as_one_who_wants_it(monkeypatch):
    """RFC 4862 section 5.4.2: from no address, to the group of the target, with one hop."""
    wire = Sender()
    monkeypatch.setattr(ndp.socket, "socket", wire)
    monkeypatch.setattr(ndp.socket, "if_nametoindex", {"wan0": 4}.get)
    ndp.ask_owner("wan0", CE)
    [(packet, place)] = wire.sent
    assert place == (GROUP, 0, 0, 4)
    assert wire.options == [
        (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0),
        (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wan0"),
        (socket.IPPROTO_IPV6, ndp.IPV6_FREEBIND, 1),
    ]
    assert wire.bound == (CE, 0)
    head, message = packet[:40], packet[40:]
    none, group = bytes(16), socket.inet_pton(socket.AF_INET6, GROUP)
    assert head == struct.pack("!IHBB", 6 << 28, 24, socket.IPPROTO_ICMPV6, 255) + none + group
    assert message[:2] + message[4:8] == bytes([135, 0, 0, 0, 0, 0])
    assert message[8:] == socket.inet_pton(socket.AF_INET6, CE)
    pseudo = none + group + struct.pack("!II", len(message), socket.IPPROTO_ICMPV6)
    assert total(pseudo + message) == 0xFFFF


def test_the_options_of_an_advertisement_are_read_one_by_one():
    """The last one too, which may be of 8 octets, the least there is."""
    mtu, prefix = bytes([5, 1]) + bytes(6), bytes([3, 4]) + bytes(30)
    assert list(ndp.options(RA)) == []
    assert list(ndp.options(RA + prefix + mtu)) == [(3, prefix), (5, mtu)]


def test_an_option_that_is_cut_off_or_without_length_ends_them():
    """Else a packet of the line could have us read past it, or for ever (RFC 4861 section 4.6)."""
    mtu = bytes([5, 1]) + bytes(6)
    assert list(ndp.options(RA + mtu + mtu[:-1])) == [(5, mtu)]
    assert list(ndp.options(RA + mtu + bytes([3, 4]) + bytes(29))) == [(5, mtu)]
    assert list(ndp.options(RA + mtu + bytes(8) + mtu)) == [(5, mtu)]


def test_the_link_address_is_the_kernel_s(monkeypatch):
    """As SIOCGIFHWADDR has it (netdevice(7))."""
    hardware = bytes.fromhex("02005e100001")
    said = b"wan0".ljust(16, b"\0") + b"\x01\0" + hardware + bytes(16)
    monkeypatch.setattr(ndp.fcntl, "ioctl", lambda *_: said)
    assert ndp.link_address(None, "wan0") == hardware


def test_a_question_that_cannot_be_sent_is_named(monkeypatch):
    """With the address and the device."""
    monkeypatch.setattr(ndp.socket, "socket", Sender(OSError(100, "Network is down")))
    with pytest.raises(KernelError, match="asking who has 2001:db8::1 on lo: Network is down"):
        ndp.ask_owner("lo", "2001:db8::1")
