"""Mappings: the same port outside towards everybody, and who may answer (RFC 4787)."""

import re
import socket
from contextlib import suppress

import pytest
from burst import answer
from flows import HOSTS, TARGET, checksum, elsewhere, ipv4, tcp, udp
from line import SERVERS, SHARED, SHUT
from natlab import OCN, V6PLUS
from space import LIMIT, until

OPEN, OTHER, THIRD = HOSTS[0], HOSTS[1], HOSTS[2]


def endpoints(line, packets):
    """Send PACKETS; return the outer ports that each inner (address, port) was seen with."""
    sent = [(socket.inet_ntoa(packet[12:16]), int.from_bytes(packet[20:22])) for packet in packets]
    seen = line.passed(packets)
    assert len(seen) == len(sent)
    found = {}
    for inner, packet in zip(sent, seen, strict=True):
        found.setdefault(inner, set()).add(packet.sport)
    return found


@pytest.mark.parametrize("shape", [OCN, V6PLUS])
@pytest.mark.parametrize("make", [udp, tcp])
def test_an_endpoint_keeps_its_port_towards_everybody(rules, shape, make):
    """Ten endpoints of three hosts, 40 destinations: ten outer endpoints (REQ-1)."""
    line = rules(shape=shape)
    inner = [(HOSTS[at % 3], 5000 + at) for at in range(10)]
    packets = [
        make(*one, elsewhere(number), 3478 + number % 3) for number in range(40) for one in inner
    ]
    found = endpoints(line, packets)
    assert all(len(ports) == 1 for ports in found.values())
    assert len({port for ports in found.values() for port in ports}) == 10


def test_sixty_endpoints_of_a_host_have_sixty_ports(rules):
    """No port is given to two endpoints as long as there are others (REQ-3)."""
    line = rules()
    found = endpoints(line, [udp(OTHER, 6000 + at, elsewhere(at), 5000) for at in range(60)])
    assert len({port for ports in found.values() for port in ports}) == 60


def test_hosts_do_not_take_each_others_ports(rules):
    """As long as many are nobody's: thirty endpoints of one host, 150 of another one."""
    line = rules()
    mine = endpoints(line, [udp(OPEN, 7000 + at, elsewhere(at), 5000) for at in range(30)])
    others = endpoints(line, [udp(OTHER, 1024 + at, elsewhere(at), 5000) for at in range(150)])
    taken = {port for ports in mine.values() for port in ports}
    assert taken.isdisjoint(port for ports in others.values() for port in ports)


def test_ports_are_kept_while_another_host_needs_thousands(rules):
    """What one host does with all ports changes nothing for the endpoints of another one."""
    line = rules()
    packets = [udp(OPEN, 7000 + at, elsewhere(at), 5000) for at in range(30)]
    before = endpoints(line, packets)
    others = endpoints(line, [udp(OTHER, 1024 + at, elsewhere(at), 5001) for at in range(3000)])
    assert len(others) == 3000
    line.forget()
    assert endpoints(line, packets) == before


def test_a_mapping_outlives_its_flows(rules):
    """Conntrack has forgotten the flows; the endpoint is seen with the same port (REQ-5)."""
    line = rules()
    packets = [udp(OTHER, 6000, elsewhere(at), 5000) for at in range(5)]
    before = endpoints(line, packets)
    line.forget()
    assert endpoints(line, packets) == before


def test_a_connection_outlives_conntrack(rules):
    """TCP goes on after `conntrack -F`: the endpoint gets its port back."""
    line = rules()
    server = line.internet.listen(5000)
    client = line.lan.connect(SERVERS[0], 5000)
    accepted, _ = server.accept()
    accepted.settimeout(LIMIT)
    line.forget()
    client.sendall(b"still here")
    assert accepted.recv(64) == b"still here"
    accepted.sendall(b"so am I")
    assert client.recv(64) == b"so am I"


def test_a_port_that_is_taken_is_not_taken_twice(rules):
    """An endpoint whose port another one has towards a destination gets another one there."""
    line = rules(mape="max-share = 100")
    before = endpoints(line, [udp(OTHER, 6000, elsewhere(1), 5000)])
    crowd = [udp(THIRD, 10000 + at, TARGET, 5000) for at in range(1007)]
    assert len(line.passed(crowd)) == 1007
    after = endpoints(line, [udp(OTHER, 6000, TARGET, 5000)])
    assert len(after[OTHER, 6000]) == 1
    assert endpoints(line, [udp(OTHER, 6000, elsewhere(3), 5000)]) == before


# --- filtering -----------------------------------------------------------------------------


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
    console = endpoints(line, [udp(OPEN, 3074, SERVERS[0], 5000)])[OPEN, 3074]
    near = HOSTS[8]
    line.lan.run("ip", "address", "replace", f"{near}/24", "dev", "eth0")
    flows = endpoints(line, [udp(near, 1024 + at, elsewhere(at), 5000) for at in range(1500)])
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


def left(line, name):
    """Return the seconds that the elements of a map have left, of the one with the fewest."""
    return min(
        60 * int(minutes or 0) + int(seconds or 0)
        for minutes, seconds in re.findall(
            r"expires (?:(\d+)m(?!s))?(?:(\d+)s)?", line.elements(name, "map")
        )
    )


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


def test_only_echoes_have_ports(rules):
    """A LAN host's timestamp request has no port that could be looked for: it does not leave."""
    line = rules()
    asked = bytes([13, 0, 0, 0]) + bytes(16)
    packet = asked[:2] + checksum(asked).to_bytes(2, "big") + asked[4:]
    assert line.passed([ipv4(1, OTHER, TARGET, packet)]) == []
    assert line.untranslated() == 1


def test_answers_from_outside_find_their_way(rules):
    """Packets that come back are for those who asked, thousands of flows at once."""
    line = rules()
    packets = [udp(HOSTS[at % 8], 2000 + at, elsewhere(at), 4000) for at in range(2000)]
    inside = line.watch(line.lan, "eth0")
    line.send([answer(packet) for packet in line.passed(packets)], outside=True)
    got = {
        (packet.target, packet.dport, packet.source)
        for packet in inside.seen()
        if packet.sport == 4000
    }
    assert got == {(HOSTS[at % 8], 2000 + at, elsewhere(at)) for at in range(2000)}
