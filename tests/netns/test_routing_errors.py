"""The router's own ICMP errors go to whom they are for, whatever flow they are about."""

import errno
import socket
from contextlib import suppress

import pytest
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED
from packets import read
from scenes import forward
from space import until

TUNNEL_MTU, PPPOE_MTU = 1460, 1454
FULL = 1472  # bytes of UDP payload in 1500 bytes of IPv4
IP_TTL, IP_MTU_DISCOVER, IP_RECVERR, IP_MTU = 2, 10, 11, 14
IP_PMTUDISC_DO = 2
CHOSEN = CONFIG.replace("[mape]", f'via-pppoe = ["{CLIENT}"]\n[mape]')
FAILOVER = CONFIG.replace("[lan]", "failover = true\n[lan]")


def narrow(line):
    """Give the tunnel and PPPoE their real MTU, at both ends."""
    for near, far, mtu in (("mape0", "mape", TUNNEL_MTU), ("ppp0", "ppp", PPPOE_MTU)):
        line.router.run("ip", "link", "set", near, "mtu", mtu)
        line.internet.run("ip", "link", "set", far, "mtu", mtu)


def with_tunnels_table(line):
    """Add what the tunnel slice adds with failover, and cannot here, where mape0 is a veth."""
    line.router.run("ip", "route", "add", "default", "dev", "mape0", "table", "101")


@pytest.fixture(name="flows")
def _flows(made, bare):
    """Return a function that makes a flow of a kind; return line, LAN socket and its MTU."""

    def make(kind):
        if kind == "forward":
            line = made(forward("pppoe", 5000, f"{CLIENT}:5000", "udp"))
        else:
            line = bare(config=CHOSEN if kind == "chosen" else FAILOVER)
            line.apply()
        narrow(line)
        near = line.lan.udp(CLIENT, 5000)
        near.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        near.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        far = line.internet.udp(SERVERS[0], 6000)
        if kind == "forward":
            far.sendto(b"question", (PPPOE, 5000))
            assert near.recv(64) == b"question"
            near.connect((SERVERS[0], 6000))
            near.send(b"answer")
            assert far.recvfrom(64) == (b"answer", (PPPOE, 5000))
        else:
            if kind == "failover":
                with_tunnels_table(line)
            near.connect((SERVERS[0], 6000))
            near.send(b"question")
            text, peer = far.recvfrom(64)
            assert (text, peer[0]) == (b"question", SHARED if kind == "failover" else PPPOE)
            far.sendto(b"answer", peer)
            assert near.recv(64) == b"answer"
        return line, near, TUNNEL_MTU if kind == "failover" else PPPOE_MTU

    return make


def lost(line):
    """Return what our own filters have dropped on the way out."""
    counted = line.router.run("nft", "list", "counter", "ip", "dualwan_pbr", "misplaced")
    return line.untranslated(), "packets 0 " not in counted


@pytest.mark.parametrize("kind", ["forward", "chosen", "failover"])
def test_a_datagram_that_is_too_long_tells_its_sender_the_size(flows, kind):
    """Of a server behind PPPoE, of a host that takes PPPoE, of MAP-E's with failover."""
    line, near, mtu = flows(kind)
    with suppress(OSError):
        near.send(b"x" * FULL)
    assert until(lambda: near.getsockopt(socket.IPPROTO_IP, IP_MTU) == mtu, 2)
    with pytest.raises(OSError, match="too long") as told:
        near.send(b"x" * FULL)
    assert told.value.errno == errno.EMSGSIZE
    assert lost(line) == (0, False)


@pytest.mark.parametrize("kind", ["forward", "chosen", "failover"])
def test_a_datagram_that_lived_too_long_tells_its_sender(flows, kind):
    """A traceroute of the LAN shows the router as its first hop, in flows of every kind."""
    line, near, _ = flows(kind)
    near.setsockopt(socket.IPPROTO_IP, IP_TTL, 1)
    near.send(b"short-lived")
    assert until(lambda: near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 2) == (
        errno.EHOSTUNREACH
    )
    assert lost(line) == (0, False)


def test_a_host_outside_is_told_by_the_way_it_came(made):
    """A traceroute from outside to a server behind PPPoE: the error comes from its address."""
    line = made(forward("pppoe", 5000, f"{CLIENT}:5000", "udp"))
    near, far = line.lan.udp(CLIENT, 5000), line.internet.udp(SERVERS[0], 6000)
    far.connect((PPPOE, 5000))
    far.send(b"question")
    assert near.recv(64) == b"question"
    by_pppoe, by_mape = line.internet.sniff("ppp"), line.internet.sniff("mape")
    far.setsockopt(socket.IPPROTO_IP, IP_TTL, 1)
    far.send(b"short-lived")

    def told():
        found = [read(packet) for packet in by_pppoe.packets()]
        return {one.source for one in found if one and one.kind == "time-exceeded"}

    assert until(told, 2) == {PPPOE}
    assert by_mape.sources() == set()


def test_a_server_that_is_off_is_told_to_a_lan_host_that_hairpins(made):
    """The error about a hairpin goes back into the LAN too."""
    line = made(forward("pppoe", 8080, "192.168.1.77:80"))
    with pytest.raises(OSError, match="No route to host"):
        line.lan.connect(PPPOE, 8080)
