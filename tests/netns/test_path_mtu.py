"""Datagrams larger than the tunnel, and the news that a path is smaller: UDP has no MSS."""

import errno
import socket

import pytest
from line import CLIENT, SERVERS
from packets import Packet, read
from scenes import OUTSIDE6, with_ipv6
from space import until

TUNNEL_MTU, PPPOE_MTU = 1460, 1454
FULL = 1472  # bytes of UDP payload in 1500 bytes of IPv4
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO, IP_MTU = 10, 0, 2, 14
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24


@pytest.fixture(name="narrow")
def _narrow(line):
    """Return a line whose tunnel and PPPoE have their real MTU, at both ends."""
    for near, far, mtu in (("mape0", "mape", TUNNEL_MTU), ("ppp0", "ppp", PPPOE_MTU)):
        line.router.run("ip", "link", "set", near, "mtu", mtu)
        line.internet.run("ip", "link", "set", far, "mtu", mtu)
    line.router.run("ip", "route", "add", SERVERS[1], "dev", "ppp0")
    return line


def sizes(sniffer, source):
    """Return the sizes of the IPv4 packets from SOURCE that SNIFFER has seen."""
    return [
        int.from_bytes(packet[2:4])
        for packet in sniffer.packets()
        if packet[0] >> 4 == 4 and socket.inet_ntoa(packet[12:16]) == source
    ]


@pytest.mark.parametrize(
    ("server", "device", "mtu"), [(SERVERS[0], "mape", TUNNEL_MTU), (SERVERS[1], "ppp", PPPOE_MTU)]
)
def test_datagrams_of_1500_bytes_pass_in_fragments(narrow, server, device, mtu):
    """Without DF each way, ten times: whole at the ends, none larger than the WAN on it."""
    far = narrow.internet.udp(server, 5000)
    far.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    near = narrow.lan.udp(CLIENT)
    near.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    outside = narrow.internet.sniff(device)
    for turn in range(10):
        request, answer = bytes([turn]) * FULL, bytes([turn + 100]) * FULL
        near.sendto(request, (server, 5000))
        data, peer = far.recvfrom(2000)
        assert data == request
        far.sendto(answer, peer)
        assert near.recv(2000) == answer
    seen = sizes(outside, peer[0]) + sizes(outside, server)
    assert len(seen) == 40
    assert max(seen) <= mtu
    assert near.getsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER) == IP_PMTUDISC_DONT


def test_a_fragmented_request_opens_a_flow_for_its_answer(narrow):
    """The router's own resolver too gets an answer in fragments."""
    far, near = narrow.internet.udp(SERVERS[0], 53), narrow.router.udp()
    near.sendto(b"query", (SERVERS[0], 53))
    _, peer = far.recvfrom(2000)
    far.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    far.sendto(b"a" * 3000, peer)
    assert len(near.recv(4000)) == 3000


def test_the_router_tells_the_lan_of_the_tunnels_size(narrow):
    """A datagram of 1500 bytes with DF comes back as an error, and the socket knows 1460."""
    near = narrow.lan.udp(CLIENT)
    near.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    near.connect((SERVERS[0], 5000))
    near.send(b"x" * FULL)
    assert until(lambda: near.getsockopt(socket.IPPROTO_IP, IP_MTU) == TUNNEL_MTU)
    assert _too_long(near)


def _too_long(sending):
    try:
        sending.send(b"x" * FULL)
    except OSError as error:
        return error.errno == errno.EMSGSIZE
    return False


@pytest.mark.parametrize("server", [SERVERS[0], SERVERS[1]])
def test_a_router_further_on_tells_the_lan(narrow, server):
    """ICMP needs-frag of a stranger about a flow of the LAN reaches its socket, either way."""
    near, far = narrow.lan.udp(CLIENT), narrow.internet.udp(server, 5000)
    near.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    near.connect((server, 5000))
    outside = narrow.internet.sniff("mape" if server == SERVERS[0] else "ppp")
    near.send(b"x" * 1400)
    _, (address, _) = far.recvfrom(2000)
    sent = next(
        packet for packet in outside.packets() if socket.inet_ntoa(packet[12:16]) == address
    )
    error = Packet("100.64.0.1", address, "icmp", kind="needs-frag", quote=sent[:28])
    raw = narrow.internet.open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.sendto(error.build(), (address, 0))
    assert until(lambda: near.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1300)


def test_packet_too_big_reaches_the_lan(line):
    """IPv6's error about a flow of the LAN reaches its socket."""
    with_ipv6(line, "wan0", "wan")
    far = line.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    far.bind((OUTSIDE6, 5000))
    near = line.lan.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    near.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
    near.connect((OUTSIDE6, 5000))
    outside = line.internet.sniff("wan")
    near.send(b"x" * 1400)
    far.recv(2000)
    sent = next(
        packet for packet in outside.packets() if (found := read(packet)) and found.dport == 5000
    )
    error = Packet(OUTSIDE6, "2001:db8:1::10", "icmpv6", kind="packet-too-big", quote=sent)
    raw = line.internet.open_socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.sendto(error.build(), ("2001:db8:1::10", 0))
    assert until(lambda: near.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) == 1300)
