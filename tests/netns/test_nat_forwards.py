"""[[forward]] via = "mape": a port of the set that leads to a server in the LAN."""

import pytest
from burst import unlucky
from flows import HOSTS, TARGET, flow, mixed, strangers
from line import CLIENT, SERVERS, SHARED, SHUT
from natlab import OCN, V6PLUS, NatLine, config
from space import LIMIT

PORT, INNER = 5136, 8080  # outside, and on the server
NEIGHBOUR = HOSTS[1]


def forward(protocol, port=PORT, to=f"{CLIENT}:{INNER}"):
    """Return a [[forward]] of the configuration."""
    return f'\n[[forward]]\nvia = "mape"\nprotocol = "{protocol}"\nport = {port}\nto = "{to}"\n'


@pytest.fixture(name="both")
def _both(lab):
    """Return a line with a forward of TCP and UDP, and all slices."""
    return lab("firewall", "snat", "pbr", more=forward("tcp") + forward("udp"))


def talk(server, client):
    """Let two connected TCP sockets say something; return who the server thinks is there."""
    accepted, peer = server.accept()
    accepted.settimeout(LIMIT)
    client.sendall(b"question")
    assert accepted.recv(64) == b"question"
    accepted.sendall(b"answer")
    assert client.recv(64) == b"answer"
    return peer


@pytest.mark.parametrize(("shape", "port"), [(OCN, PORT), (V6PLUS, 4928)])
@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_other_flows_have_every_port_but_that_one(lab, shape, port, kind):
    """All of the set are used, with unrelated flows in between; the reserved one never is."""
    line = lab(shape=shape, mape="max-share = 100", more=forward("tcp", port))
    everything = set(line.all_ports())
    assert port in everything
    packets = [flow(kind, HOSTS[at % 4], 20000 + at) for at in range(len(everything) - 1)]
    seen = line.passed(mixed(packets, strangers()))
    assert {packet.sport for packet in seen if packet.target == TARGET} == everything - {port}
    assert port not in {packet.sport for packet in seen}
    assert not unlucky(seen, line.ports())


def test_of_more_flows_than_ports_none_gets_it(lab):
    """Also when no other port is free."""
    line = lab(mape="max-share = 100", more=forward("tcp"))
    for kind in ("tcp", "udp", "icmp"):
        seen = line.passed([flow(kind, HOSTS[0], 20000 + at) for at in range(1100)])
        assert len({packet.sport for packet in seen}) == 1007
        assert PORT not in {packet.sport for packet in seen}


def test_an_endpoint_that_had_the_port_before_loses_it(lab):
    """A forward for the very port of a mapping: the endpoint's next flow has another one."""
    line = lab("snat")
    [seen] = line.passed([flow("udp", HOSTS[0], 20000)])
    line.config.write_text(config(*OCN, more=forward("udp", seen.sport)))
    line.apply("snat")
    line.forget()
    for at in range(50):
        [again] = line.passed([flow("udp", HOSTS[0], 20000, dport=1000 + at)])
        assert again.sport != seen.sport
        assert again.sport in line.ports()


@pytest.mark.parametrize("server", SERVERS[:2])
def test_the_server_is_reached_from_outside(both, server):
    """By TCP, with the client's own address and port; the answer comes from the outer port."""
    line = both
    inner = line.lan.listen(INNER, CLIENT)
    watch = line.watch()
    client = line.internet.open_socket(2, 1)
    client.bind((server, 0))
    client.connect((SHARED, PORT))
    assert talk(inner, client) == client.getsockname()
    assert {(packet.source, packet.sport) for packet in watch.seen()} == {(SHARED, PORT)}


def test_the_server_is_reached_by_udp(both):
    """With the client's own address and port; the answer comes from the outer port."""
    line = both
    inner = line.lan.udp(CLIENT, INNER)
    client = line.internet.udp(SERVERS[0])
    client.sendto(b"question", (SHARED, PORT))
    text, peer = inner.recvfrom(64)
    assert (text, peer) == (b"question", client.getsockname())
    inner.sendto(b"answer", peer)
    assert client.recvfrom(64) == (b"answer", (SHARED, PORT))


def test_what_the_server_asks_by_itself_shares_the_ports(both):
    """A flow that the server opens does not take the reserved port: answers would be for it."""
    line = both
    seen = line.passed([flow("udp", CLIENT, INNER, dport=1000 + at) for at in range(100)])
    assert len(seen) == 100
    assert not unlucky(seen, line.ports())
    assert PORT not in {packet.sport for packet in seen}


def test_other_ports_of_the_set_stay_shut(both):
    """A connection to another port of the set is not answered, and reaches nobody."""
    line = both
    line.lan.listen(INNER, CLIENT)
    for port in (PORT + 1, PORT - 1, 1040, INNER):
        with pytest.raises(OSError, match="timed out"):
            line.internet.connect(SHARED, port, timeout=SHUT)


def test_another_address_by_the_tunnel_is_nobodys(both):
    """What the tunnel brings for an address that is not the shared one reaches no server."""
    line = both
    watch = line.watch(line.lan, "eth0")
    line.send(
        [
            flow(kind, SERVERS[0], 4000, address, PORT)
            for address in ("192.0.2.19", SHARED)
            for kind in ("tcp", "udp")
        ],
        outside=True,
    )
    assert sorted(packet.kind for packet in watch.seen() if packet.dport == INNER) == ["tcp", "udp"]


def test_lan_hosts_reach_the_server_by_the_outer_address(both):
    """Hairpinning: by TCP and UDP, and the server sees the outer address (RFC 4787 REQ-9a)."""
    line = both
    inner = line.lan.listen(INNER, CLIENT)
    client = line.lan.open_socket(2, 1)
    client.bind((NEIGHBOUR, 0))
    client.connect((SHARED, PORT))
    address, port = talk(inner, client)
    assert address == SHARED
    assert port in line.ports()
    server, asker = line.lan.udp(CLIENT, INNER), line.lan.udp(NEIGHBOUR)
    asker.sendto(b"question", (SHARED, PORT))
    text, peer = server.recvfrom(64)
    assert (text, peer[0]) == (b"question", SHARED)
    server.sendto(b"answer", peer)
    assert asker.recvfrom(64) == (b"answer", (SHARED, PORT))


def test_flows_to_the_server_take_no_port_from_others(both):
    """With a thousand clients at the server, the LAN still has every other port."""
    line = both
    watch = line.watch(line.lan, "eth0")
    line.send(
        [flow("tcp", f"1.0.{at >> 8}.{at & 255}", 4000, SHARED, PORT) for at in range(1000)],
        outside=True,
    )
    assert len([packet for packet in watch.seen() if packet.dport == INNER]) == 1000
    seen = line.passed([flow("tcp", HOSTS[at % 4], 20000 + at) for at in range(1007)])
    assert len({packet.sport for packet in seen if packet.target == TARGET}) == 1007


def test_a_port_of_others_is_refused_before_anything_changes(tmp_path):
    """The command says which ports are near, and where; the rules in force stay."""
    line = NatLine(tmp_path)
    try:
        line.apply("snat")
        before = line.router.run("nft", "list", "table", "ip", "dualwan_snat")
        line.config.write_text(config(*OCN, more=forward("tcp", 8080)))
        done = line.hook("--slice", "snat")
        assert done.returncode == 3
        assert (
            "forward.port: 8080 is no port of this line; the nearest are 7199 and 8208"
            in done.stderr
        )
        assert line.router.run("nft", "list", "table", "ip", "dualwan_snat") == before
    finally:
        line.close()
