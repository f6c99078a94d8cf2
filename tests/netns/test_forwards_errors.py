"""Errors about forwarded flows, from routers on the way and from this one."""

import socket
import struct

import pytest
from line import CLIENT, PPPOE, SERVERS
from scenes import (
    exchange,
    forward,
)
from space import until


def test_errors_about_a_forwarded_flow_pass(made):
    """A closed port behind the router is told to who asked; needs-frag reaches the server."""
    line = made(forward("pppoe", 5000, CLIENT, "udp"), forward("pppoe"))
    client = line.internet.udp(SERVERS[0], timeout=5)
    client.connect((PPPOE, 5000))
    client.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        client.recv(1)
    server = line.lan.listen(80)
    line.internet.ip(f"address add {SERVERS[0]}/32 dev ppp")
    _, accepted = exchange(server, line.internet.connect(PPPOE, 8080))
    peer = accepted.getpeername()
    inside = line.lan.sniff("eth0")
    raw = line.internet.open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.sendto(too_big(PPPOE, 8080, *peer), (PPPOE, 0))
    assert until(
        lambda: any(packet[9] == 1 and packet[20:22] == b"\x03\x04" for packet in inside.packets())
    )


def test_the_routers_own_error_comes_from_the_public_address(made):
    """A server that is switched off: who asked is told, by PPPoE, and sees no LAN address."""
    line = made(forward("pppoe", to="192.168.1.77:80"))
    by_pppoe, by_mape = line.internet.sniff("ppp"), line.internet.sniff("mape")
    with pytest.raises(OSError, match="No route to host"):
        line.internet.connect(PPPOE, 8080)
    assert {
        socket.inet_ntoa(packet[12:16])
        for packet in by_pppoe.packets()
        if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_ICMP
    } == {PPPOE}
    assert by_mape.sources() == set()


def too_big(source, sport, target, dport):
    """Return ICMP "fragmentation needed" (RFC 1191, MTU 1300) about a segment."""
    inner = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        1500,
        1,
        0x4000,
        60,
        6,
        0,
        socket.inet_aton(source),
        socket.inet_aton(target),
    )
    message = struct.pack("!BBHHH", 3, 4, 0, 0, 1300) + inner + struct.pack("!HHI", sport, dport, 1)
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    return message[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + message[4:]
