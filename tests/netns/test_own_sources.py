"""Addresses of the router itself as sources from outside: IPv6 of the kernel has no martians."""

import socket

import pytest
from line import CONFIG, SHUT
from packets import Packet
from scenes import HOST6, OUTSIDE6, forward, put, with_ipv6
from space import until

ON_LAN, ON_WAN = "2001:db8:1::1", "2001:db8:2::2"
HONEST, FORGED = b"an answer of the router", b"an answer of a stranger"


def receives(line, near, far, packet):
    """Send PACKET from outside; return whether the host on the LAN has seen it."""
    tap = line.lan.sniff("eth0")
    put(line.internet, far, line.router.mac(near), packet)
    return bool(until(lambda: any(FORGED in seen for seen in tap.packets()), SHUT))


@pytest.mark.parametrize(("near", "far"), [("wan0", "wan"), ("ppp0", "ppp")])
@pytest.mark.parametrize("source", [ON_LAN, ON_WAN])
def test_it_does_not_reach_a_server_of_the_lan(made, near, far, source):
    """Though the port is open to everybody; without the firewall it does."""
    line = made(forward(to=HOST6, port=8080, protocol="udp"))
    with_ipv6(line, near, far)
    packet = Packet(source, HOST6, "udp", 5000, 8080, payload=FORGED)
    assert not receives(line, near, far, packet)
    line.open()
    assert receives(line, near, far, packet)


@pytest.mark.parametrize("offload", [False, True])
def test_it_does_not_answer_for_the_router(bare, offload):
    """A host has asked the router's name server, and somebody outside guesses port and number."""
    line = bare(config=CONFIG + f"[firewall]\noffload = {str(offload).lower()}\n")
    line.apply()
    with_ipv6(line, "wan0", "wan")
    server = line.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind((ON_LAN, 53))
    client = line.lan.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.bind((HOST6, 5001))
    client.connect((ON_LAN, 53))
    client.send(b"question")
    _, asking = server.recvfrom(64)
    packet = Packet(ON_LAN, HOST6, "udp", 53, 5001, payload=FORGED)
    assert not receives(line, "wan0", "wan", packet)
    server.sendto(HONEST, asking)
    assert client.recv(64) == HONEST


def test_neighbours_and_strangers_are_heard_all_the_same(line):
    """Duplicate address detection from ::, link-local sources, a stranger without a route back."""
    line.router.run("ip", "address", "add", f"{ON_WAN}/64", "dev", "wan0", "nodad")
    mac = line.router.mac("wan0")
    line.router.nft("""
        table inet witness {
            counter seen { }
            chain prerouting {
                type filter hook prerouting priority -290; policy accept;
                iifname "wan0" counter name seen
            }
        }
    """)

    def seen():
        text = line.router.run("nft", "list", "counter", "inet", "witness", "seen")
        return int(text.split("packets ")[1].split()[0])

    before = seen()
    for at, source in enumerate(("::", "fe80::bad", OUTSIDE6, "2001:db8:77::1"), 1):
        put(line.internet, "wan", mac, Packet(source, ON_WAN, "icmpv6", kind="neighbor-solicit"))
        assert until(lambda wanted=before + at: seen() >= wanted, SHUT), source
