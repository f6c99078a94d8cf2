"""S2: what the line is asked where no client runs, and which answers count."""

import os
import socket
import struct

import pytest
from advertisements import RA, option
from advertisements import RESOLVER as ADDRESS

from dualwan.errors import HostError, RemoteError
from dualwan.host import ndp
from dualwan.host.remote import ask, line_news
from dualwan.host.remote.deadline import Deadline

ROUTER = ("fe80::1%wan0", 0, 0, 7)
SERVER = ("fe80::1%wan0", 547, 0, 7)
RDNSS = option(25, 1800, ADDRESS)
OPTION_94 = bytes.fromhex("0059000f010c18cb0071003420010db8000120")
HARDWARE = bytes.fromhex("02005e100001")


class Wire:
    """One socket: what is sent on it, and what comes."""

    def __init__(self):
        self._reader, self._writer = os.pipe()
        self._waiting, self.sent = [], []

    def put(self, item):
        """Let ``item`` arrive."""
        self._waiting.append(item)
        os.write(self._writer, b"x")

    def fileno(self):
        """Return what poll(2) takes."""
        return self._reader

    def sendto(self, data, target):
        """Note what is sent, and give the line a chance to answer."""
        self.sent.append((data, target))
        self.answer(data)

    def answer(self, data):
        """Say nothing."""

    def recvfrom(self, _size):
        """Return what has come."""
        os.read(self._reader, 1)
        return self._waiting.pop(0)

    def recvmsg(self, _size, _ancillary):
        """Return what has come."""
        return self.recvfrom(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._reader)
        os.close(self._writer)


class Lines:
    """The sockets of one question, in place of real ones."""

    def __init__(self, monkeypatch):
        self.icmp, self.dhcp, self.asked = Wire(), Wire(), []
        monkeypatch.setattr(line_news, "advertisements", lambda _device: self.icmp)
        monkeypatch.setattr(line_news, "_dhcp", lambda _device: self.dhcp)
        monkeypatch.setattr(ndp, "link_address", lambda *_: HARDWARE)
        monkeypatch.setattr(line_news, "AGAIN_SECONDS", 0.05)
        monkeypatch.setattr(line_news, "RDNSS_SECONDS", 0.05)
        monkeypatch.setattr(socket, "if_nametoindex", lambda _device: 7)
        monkeypatch.setattr(ndp, "solicit", self.solicited)

    def solicited(self, device):
        """Note a router solicitation, and give the line a chance to answer."""
        self.asked.append(device)
        self.on_solicitation()

    def on_solicitation(self):
        """Say nothing."""

    def advertise(self, data=RA + RDNSS, hops=255, source=ROUTER):
        """Let a router advertisement arrive."""
        ancillary = [(socket.IPPROTO_IPV6, 52, struct.pack("=i", hops))]
        self.icmp.put((data, ancillary, 0, source))

    def reply(self, request, *options, kind=7, source=SERVER):
        """Let a DHCPv6 message about ``request`` arrive."""
        self.dhcp.put((bytes([kind]) + request[1:4] + b"".join(options), source))

    def ask(self, seconds=0.3):
        """Ask the line."""
        return line_news.ask("wan0", Deadline(seconds))


@pytest.fixture
def lines(monkeypatch):
    """Return a line that says nothing yet."""
    return Lines(monkeypatch)


def dhcp_option(code, data):
    """Return an option of a DHCPv6 message."""
    return struct.pack("!2H", code, len(data)) + data


SERVERS = dhcp_option(23, socket.inet_pton(socket.AF_INET6, "2001:db8:53::1"))
CONTAINER = dhcp_option(94, OPTION_94)


def test_a_reply_ends_the_waiting(lines):
    """With the line's name servers, those of an advertisement after them, and option 94."""
    lines.on_solicitation = lines.advertise
    lines.dhcp.answer = lambda data: lines.reply(data, SERVERS, CONTAINER)
    found = lines.ask(5)
    assert found.name_servers == ("2001:db8:53::1", ADDRESS)
    assert found.containers == (OPTION_94.hex(),)
    assert lines.asked == ["wan0"]


def test_the_request_is_as_the_rfc_has_it(lines):
    """RFC 8415 section 18.2.6: client, elapsed time, and what is asked for; nothing else."""
    lines.dhcp.answer = lambda data: lines.reply(data, SERVERS)
    lines.ask()
    [(data, target)] = lines.dhcp.sent
    assert target == ("ff02::1:2", 547, 0, 7)
    assert data[0] == 11
    assert data[4:] == (
        dhcp_option(1, bytes.fromhex("00030001") + HARDWARE)
        + dhcp_option(8, bytes(2))
        + dhcp_option(6, bytes.fromhex("0017005e"))
    )


def test_an_advertisement_alone_is_enough(lines):
    """A DHCPv6 server has a moment more; then the advertised servers are the answer."""
    lines.on_solicitation = lines.advertise
    assert lines.ask(5) == ((), (ADDRESS,))


def test_a_client_that_holds_the_port_is_left_alone(lines, monkeypatch):
    """The router is asked, and nobody waits for a reply."""

    def taken(_device):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(line_news, "_dhcp", taken)
    monkeypatch.setattr(line_news, "RDNSS_SECONDS", 60)
    lines.on_solicitation = lines.advertise
    assert lines.ask(5).name_servers == (ADDRESS,)
    assert lines.dhcp.sent == []


def test_a_silent_line_is_asked_again_and_given_up(lines):
    """Both questions, within the time."""
    with pytest.raises(RemoteError, match="neither a router nor a DHCPv6 server on wan0 answers"):
        lines.ask()
    assert len(lines.asked) == len(lines.dhcp.sent) > 1
    assert len({data[1:4] for data, _ in lines.dhcp.sent}) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"hops": 64},
        {"source": ("2001:db8::1", 0, 0, 0)},
        {"data": RA},
    ],
)
def test_an_advertisement_that_does_not_count(lines, wrong):
    """From beyond the link (RFC 4861 section 6.1.2), or without name servers."""
    lines.on_solicitation = lambda: lines.advertise(**wrong)
    with pytest.raises(RemoteError):
        lines.ask()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lines, data: lines.reply(b"\0\0\0\0" + data[4:], SERVERS),
        lambda lines, data: lines.reply(data, SERVERS, source=("fe80::1%wan0", 53, 0, 7)),
        lambda lines, data: lines.reply(data, SERVERS, source=("2001:db8::1", 547, 0, 0)),
        lambda lines, data: lines.reply(data, SERVERS, kind=2),
        lambda lines, data: lines.reply(data, SERVERS[:-1]),
    ],
    ids=["another transaction", "another port", "from afar", "an advertisement", "cut off"],
)
def test_a_reply_that_does_not_count(lines, wrong):
    """It is read and forgotten."""
    lines.dhcp.answer = lambda data: wrong(lines, data)
    with pytest.raises(RemoteError):
        lines.ask()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(1, "Operation not permitted"), "Operation not permitted"),
        (OSError("no interface with this name"), "no interface with this name"),
    ],
)
def test_a_device_that_cannot_be_asked(lines, monkeypatch, error, reason):
    """The kernel's reason or Python's, with the device."""

    def refuse(_device):
        raise error

    monkeypatch.setattr(line_news, "advertisements", refuse)
    with pytest.raises(HostError, match=f"^asking the line on wan0: {reason}$"):
        lines.ask()


class Socket:
    """A socket that notes its options."""

    def __init__(self, *kind, refuse=False):
        self.kind, self.refuse, self.options, self.closed = kind, refuse, [], False
        self.bound = None

    def setsockopt(self, *words):
        """Note an option."""
        self.options.append(words)

    def setblocking(self, _flag):
        """Take it."""

    def bind(self, where):
        """Note the address, or be refused."""
        if self.refuse:
            raise OSError(98, "Address already in use")
        self.bound = where

    def close(self):
        """Note it."""
        self.closed = True

    def fileno(self):
        """Be no descriptor."""
        return -1


def test_the_sockets_hear_the_line_alone(monkeypatch):
    """Router advertisements with their hop limit, and the client's port, on the one device."""
    monkeypatch.setattr(line_news.socket, "socket", Socket)
    icmp = line_news.advertisements("wan0")
    words = struct.unpack("=8I", next(data for _, name, data in icmp.options if name == 1))
    passes = [number for number in range(256) if not words[number // 32] >> number % 32 & 1]
    assert passes == [134]
    dhcp = line_news._dhcp("wan0")  # noqa: SLF001 - the socket itself
    assert dhcp.bound == ("::", 546)
    for made in (icmp, dhcp):
        assert (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wan0") in made.options


def test_a_port_that_is_taken_leaves_no_socket_open(monkeypatch):
    """It is closed before the error goes on."""
    made = Socket(refuse=True)
    monkeypatch.setattr(line_news.socket, "socket", lambda *_: made)
    with pytest.raises(OSError, match="already in use"):
        line_news._dhcp("wan0")  # noqa: SLF001 - the socket itself
    assert made.closed


@pytest.mark.parametrize("containers", [(), (OPTION_94.hex(),)])
def test_provisioning_by_dhcpv6_without_a_client_asks_the_line(monkeypatch, containers):
    """Its answer is as good as a lease's; without option 94 that is said."""
    monkeypatch.setattr(ask.leases, "latest", lambda _device: ask.leases.Found())
    lease = ask.dhcpv6.Lease(containers, (ADDRESS,))
    monkeypatch.setattr(line_news, "ask", lambda _device, _deadline: lease)
    if containers:
        origin, _, text = ask.ask("dhcpv6", "wan0", None, 5)
        assert (origin, text) == ("DHCPv6 on wan0", OPTION_94.hex())
    else:
        with pytest.raises(RemoteError, match="does not give option 94"):
            ask.ask("dhcpv6", "wan0", None, 5)
