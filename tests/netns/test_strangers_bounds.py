"""What strangers send about no flow, and their pings: bounded for each network, and in all."""

import json
import socket
import time

import pytest
from burst import SO_SNDBUFFORCE, Burst
from packets import Packet
from scenes import HOST6, OUTSIDE6, with_ipv6
from space import until

OF_ONE, OF_ALL = 20, 100  # packets at once; then 10 and 100 a second


@pytest.fixture(name="outside")
def _outside(line):
    """Return a line with IPv6 outside, and a function that sends packets from there.

    It returns the seconds that it took.
    """
    with_ipv6(line, "wan0", "wan")
    head = bytes.fromhex(
        (line.router.mac("wan0") + line.internet.mac("wan")).replace(":", "") + "86dd"
    )
    tap = line.internet.packet_socket("wan")
    tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 26)
    tap.setblocking(True)

    def send(packets):
        burst = Burst([head + packet.build() for packet in packets])
        began = time.monotonic()
        burst.send(tap)
        return time.monotonic() - began

    return line, send


def error(network, target):
    """Return an error of NETWORK about a flow that was never there."""
    quote = Packet(target, OUTSIDE6, "udp", 5000, 5000).build()
    return Packet(f"2001:db8:{network:x}::1", target, "icmpv6", kind="unreachable", quote=quote)


def ping(network, target):
    """Return an echo request of NETWORK."""
    return Packet(f"2001:db8:{network:x}::1", target, "icmpv6", kind="echo-request", sport=7)


def asked(line):
    """Return for how many addresses the router has begun neighbour discovery on the LAN."""
    found = json.loads(line.router.run("ip", "-6", "-j", "neigh", "show", "dev", "lan0"))
    return sum(entry["dst"].startswith("2001:db8:1::1:") for entry in found)


@pytest.mark.parametrize("make", [error, ping])
def test_one_stranger_begins_little_neighbour_discovery(outside, make):
    """300 packets to 300 unused addresses of the LAN: those of its own bound at the most."""
    line, send = outside
    seconds = send([make(0x100, f"2001:db8:1::1:{at:x}") for at in range(1, 301)])
    assert until(lambda: asked(line) >= OF_ONE)
    assert asked(line) <= OF_ONE + 10 * seconds + 1


@pytest.mark.parametrize("make", [error, ping])
def test_many_strangers_begin_little_either(outside, make):
    """A network each: those of the bound of all."""
    line, send = outside
    seconds = send([make(0x1000 + at, f"2001:db8:1::1:{at:x}") for at in range(1, 401)])
    assert until(lambda: asked(line) >= OF_ALL)
    assert asked(line) <= OF_ALL + 100 * seconds + 1 < 400


WITNESS = """
    table inet witness {{
        counter seen {{ }}
        chain arrived {{
            type filter hook {hook} priority 200; policy accept;
            ip6 saddr 2001:db8:200::1 counter name seen
        }}
    }}
"""


@pytest.mark.parametrize("hook", ["input", "forward"])
@pytest.mark.parametrize("make", [error, ping])
def test_one_stranger_does_not_use_up_what_others_may(outside, make, hook):
    """In the middle of its flood another network's packets arrive, ten of ten."""
    line, send = outside
    line.router.nft(WITNESS.format(hook=hook))
    target = "2001:db8:2::2" if hook == "input" else HOST6
    flood = [make(0x100, target) for _ in range(100)]
    send([*flood, *[one for _ in range(10) for one in (*flood[:10], make(0x200, target))]])

    def seen():
        text = line.router.run("nft", "list", "counter", "inet", "witness", "seen")
        return int(text.split("packets ")[1].split()[0])

    assert until(lambda: seen() == 10, 2), seen()


def test_an_error_about_a_flow_arrives_in_the_flood(outside):
    """It is known as related, and no bound is asked."""
    line, send = outside
    server = line.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind((OUTSIDE6, 5000))
    client = line.lan.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.bind((HOST6, 5001))
    client.connect((OUTSIDE6, 5000))
    client.send(b"question")
    server.recv(64)
    send([error(0x1000 + at, HOST6) for at in range(200)])
    quote = Packet(HOST6, OUTSIDE6, "udp", 5001, 5000, payload=b"question").build()
    send([Packet(OUTSIDE6, HOST6, "icmpv6", kind="port-unreachable", quote=quote)])
    with pytest.raises(ConnectionRefusedError):
        client.recv(64)
