"""An open NAT (open-nat): who may answer a host of the LAN, and from which port (RFC 4787)."""

import re
import socket
import time
from contextlib import suppress

import pytest
from flows import HOSTS, elsewhere, udp
from line import SERVERS, SHARED, SHUT
from space import until

OPEN, OTHER, THIRD = HOSTS[0], HOSTS[1], HOSTS[2]


@pytest.fixture(name="open_line")
def _open_line(lab):
    """Return a line where two hosts have an open NAT, with its firewall."""
    return lab("firewall", "snat", "pbr", mape=f'open-nat = ["{OPEN}", "{THIRD}"]')


def server(line, at, port=5000):
    """Return a UDP socket of the internet."""
    return line.internet.udp(SERVERS[at], port, timeout=SHUT)


def heard(sock):
    """Return what a socket hears within a moment, b"" for nothing."""
    with suppress(TimeoutError):
        return sock.recvfrom(64)[0]
    return b""


def test_a_console_gets_an_open_nat(open_line):
    """By the usual test.

    The same port towards two servers; another port of a server may answer; a server that
    nothing was sent to may not.
    """
    line = open_line
    console = line.lan.udp(OPEN, 3074, timeout=SHUT)
    first, second, stranger = (server(line, at) for at in range(3))
    console.sendto(b"1", (SERVERS[0], 5000))
    console.sendto(b"2", (SERVERS[1], 5000))
    (_, mine), (_, same) = first.recvfrom(8), second.recvfrom(8)
    assert mine == same
    assert mine[0] == SHARED
    server(line, 0, 6000).sendto(b"other port", mine)
    assert heard(console) == b"other port"
    stranger.sendto(b"stranger", mine)
    assert heard(console) == b""


def test_other_hosts_stay_shut(open_line):
    """Without open-nat only the very port that was asked may answer."""
    line = open_line
    host = line.lan.udp(OTHER, 3074, timeout=SHUT)
    first = server(line, 0)
    host.sendto(b"1", (SERVERS[0], 5000))
    mine = first.recvfrom(8)[1]
    server(line, 0, 6000).sendto(b"other port", mine)
    assert heard(host) == b""
    first.sendto(b"answer", mine)
    assert heard(host) == b"answer"


def test_an_open_host_answers_what_came_in(open_line):
    """The peer that came in by another port gets its answer from the port it knows."""
    line = open_line
    console = line.lan.udp(OPEN, 3074, timeout=SHUT)
    first, other = server(line, 0), server(line, 0, 6000)
    console.sendto(b"1", (SERVERS[0], 5000))
    mine = first.recvfrom(8)[1]
    other.sendto(b"question", mine)
    text, peer = console.recvfrom(64)
    assert (text, peer) == (b"question", (SERVERS[0], 6000))
    console.sendto(b"answer", peer)
    assert other.recvfrom(64) == (b"answer", mine)
    learned = line.elements("udp_mappings", "map") + line.elements("open_ports", "map")
    assert OPEN in learned
    assert SERVERS[0] not in learned, "the peer is no endpoint of the LAN"


def test_a_port_with_an_owner_is_nobody_elses(open_line):
    """Hundreds of flows of a neighbour of the same home stay off a console's port."""
    line = open_line
    console = line.endpoints([udp(OPEN, 3074, SERVERS[0], 5000)])[OPEN, 3074]
    near = HOSTS[8]
    line.lan.run("ip", "address", "replace", f"{near}/24", "dev", "eth0")
    flows = line.endpoints([udp(near, 1024 + at, elsewhere(at), 5000) for at in range(1500)])
    assert console.isdisjoint(port for ports in flows.values() for port in ports)


def test_no_host_gets_anothers_packets(open_line):
    """Two open hosts and a shut one with the same server: each hears what is its own."""
    line = open_line
    first = server(line, 0)
    sockets = {host: line.lan.udp(host, 3074, timeout=SHUT) for host in (OPEN, THIRD, OTHER)}
    outer = {}
    for host, made in sockets.items():
        made.sendto(b"hello", (SERVERS[0], 5000))
        outer[host] = first.recvfrom(8)[1]
    assert len(set(outer.values())) == 3
    for port in (5000, 6000):
        sender = first if port == 5000 else server(line, 0, port)
        for host, address in outer.items():
            sender.sendto(host.encode(), address)
    for host, made in sockets.items():
        texts = [heard(made), heard(made)]
        assert texts == [host.encode(), host.encode() if host != OTHER else b""]


@pytest.mark.parametrize("caller", [THIRD, OTHER])
def test_lan_hosts_meet_by_their_outer_addresses(open_line, caller):
    """A LAN host reaches a console by its outer address, seen with its own (RFC 4787 REQ-9)."""
    line = open_line
    first = server(line, 0)
    outer = {}
    for host in (OPEN, caller):
        made = line.lan.udp(host, 3074, timeout=SHUT)
        made.sendto(b"hello", (SERVERS[0], 5000))
        outer[host] = (first.recvfrom(8)[1], made)
    (console, console_socket), (own, own_socket) = outer[OPEN], outer[caller]
    # All LAN hosts are one machine here, which would deliver it without the router.
    own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    own_socket.sendto(b"hairpin", console)
    text, seen = console_socket.recvfrom(64)
    assert text == b"hairpin"
    assert seen == own
    console_socket.sendto(b"back", seen)
    assert own_socket.recvfrom(64) == (b"back", console)


def test_mappings_of_an_open_host_go_when_unused(open_line):
    """Ports and peers have five minutes from the last packet (REQ-5c), and packets renew them."""
    line = open_line
    line.send([udp(OPEN, 3074, SERVERS[0], 5000)])
    assert "timeout 5m" in line.router.run("nft", "list", "map", "ip", "dualwan_snat", "open_peers")
    before = line.elements("open_peers", "map")
    assert SERVERS[0] in before
    assert until(lambda: left(line, "open_peers") < 298)
    line.send([udp(OPEN, 3074, SERVERS[0], 5000)])
    assert left(line, "open_peers") >= 298


def test_an_open_host_fills_its_share_of_the_peers_only(open_line):
    """Of 1500 peers at once 1000 have room; each packet of a flow counts, not only the first.

    What it sent to before is renewed, another open host has a share of its own, and no flow of
    either is lost.
    """
    line = open_line
    began = time.monotonic()
    strangers = [udp(OPEN, 5000, elsewhere(at), 4000) for at in range(1500)]
    for _ in range(2):
        assert len(line.passed(strangers)) == 1500
    most = 1000 + 30 * (time.monotonic() - began) + 1
    assert 1000 <= peers(line, OPEN) <= most < 1500
    assert len(line.passed([udp(THIRD, 5000, elsewhere(at), 4001) for at in range(100)])) == 100
    assert peers(line, THIRD) == 100
    assert until(lambda: max(lefts(line, "open_peers")) < 298)
    line.send(strangers[:5])
    assert sum(one >= 298 for one in lefts(line, "open_peers")) == 5


def peers(line, host):
    """Return how many peers of HOST may answer from any port."""
    return line.elements("open_peers", "map").count(f": {host} . ")


def left(line, name):
    """Return the seconds that the elements of a map have left, of the one with the fewest."""
    return min(lefts(line, name))


def lefts(line, name):
    """Return the seconds that each element of a map has left."""
    return [
        60 * int(minutes or 0) + int(seconds or 0)
        for minutes, seconds in re.findall(
            r"expires (?:(\d+)m(?!s))?(?:(\d+)s)?", line.elements(name, "map")
        )
    ]


def test_a_long_game_keeps_its_port(open_line):
    """Each packet of an open host renews its mapping, not only the first of a flow."""
    line = open_line
    line.send([udp(OPEN, 3074, SERVERS[0], 5000)])
    assert until(lambda: "expires 59m58" in line.elements("udp_mappings", "map"))
    line.send([udp(OPEN, 3074, SERVERS[0], 5000)])
    renewed = line.elements("udp_mappings", "map")
    assert "expires 59m59" in renewed or "expires 1h" in renewed  # looked at within a tick


def test_an_open_nat_is_not_for_file_sharing(open_line):
    """A host that sent from the port of Windows file sharing is not reached on it."""
    line = open_line
    inner, other = (line.lan.udp(OPEN, port, timeout=SHUT) for port in (137, 3074))
    first, second = server(line, 0), server(line, 0, 6000)
    for made in (inner, other):
        made.sendto(b"1", (SERVERS[0], 5000))
        second.sendto(b"other port", first.recvfrom(8)[1])
    assert heard(other) == b"other port"
    assert heard(inner) == b""
