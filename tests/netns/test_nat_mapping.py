"""Mappings: the same port outside towards everybody, as long as it is in use (RFC 4787)."""

import pytest
from burst import answer
from flows import HOSTS, TARGET, elsewhere, ipv4, tcp, udp
from line import SERVERS
from natlab import OCN, V6PLUS
from packets import checksum
from space import LIMIT

HOST, OTHER, THIRD = HOSTS[0], HOSTS[1], HOSTS[2]


@pytest.mark.parametrize("shape", [OCN, V6PLUS])
@pytest.mark.parametrize("make", [udp, tcp])
def test_an_endpoint_keeps_its_port_towards_everybody(rules, shape, make):
    """Ten endpoints of three hosts, 40 destinations: ten outer endpoints (REQ-1)."""
    line = rules(shape=shape)
    inner = [(HOSTS[at % 3], 5000 + at) for at in range(10)]
    packets = [
        make(*one, elsewhere(number), 3478 + number % 3) for number in range(40) for one in inner
    ]
    found = line.endpoints(packets)
    assert all(len(ports) == 1 for ports in found.values())
    assert len({port for ports in found.values() for port in ports}) == 10


def test_sixty_endpoints_of_a_host_have_sixty_ports(rules):
    """No port is given to two endpoints as long as there are others (REQ-3)."""
    line = rules()
    found = line.endpoints([udp(OTHER, 6000 + at, elsewhere(at), 5000) for at in range(60)])
    assert len({port for ports in found.values() for port in ports}) == 60


def test_hosts_do_not_take_each_others_ports(rules):
    """As long as many are nobody's: thirty endpoints of one host, 150 of another one."""
    line = rules()
    mine = line.endpoints([udp(HOST, 7000 + at, elsewhere(at), 5000) for at in range(30)])
    others = line.endpoints([udp(OTHER, 1024 + at, elsewhere(at), 5000) for at in range(150)])
    taken = {port for ports in mine.values() for port in ports}
    assert taken.isdisjoint(port for ports in others.values() for port in ports)


def test_ports_are_kept_while_another_host_needs_thousands(rules):
    """What one host does with all ports changes nothing for the endpoints of another one."""
    line = rules()
    packets = [udp(HOST, 7000 + at, elsewhere(at), 5000) for at in range(30)]
    before = line.endpoints(packets)
    others = line.endpoints([udp(OTHER, 1024 + at, elsewhere(at), 5001) for at in range(3000)])
    assert len(others) == 3000
    line.forget()
    assert line.endpoints(packets) == before


def test_a_mapping_outlives_its_flows(rules):
    """Conntrack has forgotten the flows; the endpoint is seen with the same port (REQ-5)."""
    line = rules()
    packets = [udp(OTHER, 6000, elsewhere(at), 5000) for at in range(5)]
    before = line.endpoints(packets)
    line.forget()
    assert line.endpoints(packets) == before


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
    before = line.endpoints([udp(OTHER, 6000, elsewhere(1), 5000)])
    crowd = [udp(THIRD, 10000 + at, TARGET, 5000) for at in range(1007)]
    assert len(line.passed(crowd)) == 1007
    after = line.endpoints([udp(OTHER, 6000, TARGET, 5000)])
    assert len(after[OTHER, 6000]) == 1
    assert line.endpoints([udp(OTHER, 6000, elsewhere(3), 5000)]) == before


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
