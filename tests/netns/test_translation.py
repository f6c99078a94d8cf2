import socket
import struct
from collections import Counter

import pytest
from golden_cases import GOLDEN, nft_cases
from line import CONFIG, SERVERS, SHARED
from space import until

FLOWS = 1200


def warm(line):
    """Let neighbours find each other, so that no burst waits for ARP."""
    for server in SERVERS:
        line.internet.listen(7, server)
        line.lan.connect(server, 7).close()


def test_a_thousand_flows_at_once_use_every_block(line):
    """1200 UDP flows to 8 destinations all arrive, from the set only, each block in use."""
    warm(line)
    servers = [line.internet.udp(server, 5000, timeout=2) for server in SERVERS]
    for at in range(FLOWS):
        line.lan.udp().sendto(b"", (SERVERS[at % len(SERVERS)], 5000))
    seen = [server.recvfrom(1)[1] for server in servers for _ in range(FLOWS // len(servers))]
    ports = line.ports()
    assert {address for address, _ in seen} == {SHARED}
    assert all(port in ports for _, port in seen)
    blocks = Counter(port >> 10 for _, port in seen)
    assert set(blocks) == {low >> 10 for low, _ in ports.ranges()}
    assert line.untranslated() == 0


def test_tcp_connections_come_from_the_set(line):
    """200 connections that are open at once work both ways, from ports of the set."""
    warm(line)
    server = line.internet.listen(5000)
    clients = [line.lan.connect(SERVERS[at % 4], 5000) for at in range(200)]
    peers = []
    for _ in clients:
        accepted, peer = server.accept()
        accepted.sendall(b"answer")
        accepted.close()
        peers.append(peer)
    assert all(client.recv(6) == b"answer" for client in clients)
    assert {address for address, _ in peers} == {SHARED}
    assert all(port in line.ports() for _, port in peers)


def test_echo_identifiers_are_of_the_set(line):
    """Pings leave with an identifier of the set and come back with their own."""
    warm(line)
    tap = line.internet.sniff("mape")
    sent = set(range(100, 200))
    assert line.lan.ping(SERVERS[0], sent) == sent
    outside = {
        struct.unpack("!H", packet[24:26])[0]
        for packet in tap.packets()
        if packet[9] == socket.IPPROTO_ICMP and packet[20] == 8
    }
    assert len(outside) == len(sent)
    assert all(identifier in line.ports() for identifier in outside)


def test_the_routers_own_traffic_is_translated_too(line):
    """The router shares the ports: its DNS query does not leave from any port it likes."""
    server = line.internet.udp(SERVERS[0], 53, timeout=2)
    for _ in range(70):
        line.router.udp().sendto(b"", (SERVERS[0], 53))
    assert all(server.recvfrom(1)[1][1] in line.ports() for _ in range(70))


def test_nothing_else_leaves_by_the_tunnel(line):
    """What cannot be translated is dropped and counted; no private address shows outside."""
    warm(line)
    tap = line.internet.sniff("mape")
    strange = line.lan.open_socket(socket.AF_INET, socket.SOCK_RAW, 253)  # RFC 3692: experiments
    for _ in range(3):
        strange.sendto(bytes(12), (SERVERS[0], 0))
    assert until(lambda: line.untranslated() == 3)
    line.lan.udp().sendto(b"after", (SERVERS[0], 5000))
    assert until(lambda: any(b"after" in packet for packet in tap.packets()))
    assert tap.sources() - set(SERVERS) == {SHARED}


def test_answers_that_find_no_way_into_the_lan_do_not_go_back_by_the_tunnel(line):
    """Without the LAN's route the default route has them, with the server's address as source."""
    server = line.internet.udp(SERVERS[0], 5000)
    client = line.lan.udp()
    client.sendto(b"ask", (SERVERS[0], 5000))
    _, outer = server.recvfrom(10)
    tap = line.internet.sniff("mape")
    line.router.ip("route del 192.168.1.0/24 dev lan0")
    server.sendto(b"answer", outer)
    assert until(lambda: line.untranslated() == 1)
    assert {socket.inet_ntoa(packet[16:20]) for packet in tap.packets() if packet[0] >> 4 == 4} == {
        SHARED
    }


def test_lan_devices_come_and_go(line):
    """The egress filter lets them pass by index; a table that does so still is as it should be."""

    def egress_filter():
        return line.router.run("nft", "list", "chain", "ip", "dualwan_snat", "egress_filter")

    assert 'oif "lan0" accept' in egress_filter()
    line.router.ip("link del lan0")
    assert line.settled("snat")
    line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
    line.apply("snat")  # loads without the device
    assert "oif " not in egress_filter()
    line.router.ip("link add lan0 type veth peer name other")
    assert line.settled("snat")


@pytest.mark.parametrize(
    ("table", "chain"), [("ip dualwan_snat", "egress_filter"), ("inet dualwan_firewall", "output")]
)
def test_somebody_elses_rule_for_a_device_is_noticed(line, table, chain):
    """A way around the egress filter or the firewall is seen, and gone with the next run."""
    line.router.run("nft", "insert", "rule", *table.split(), chain, "oif", "ppp0", "accept")
    assert not line.settled()
    line.apply()
    assert line.settled()
    assert 'ppp0" accept' not in line.router.run("nft", "list", "chain", *table.split(), chain)


def test_flows_that_were_forgotten_are_translated_anew(line):
    """After `conntrack -F` a running connection goes on or ends; it never leaks."""
    warm(line)
    tap = line.internet.sniff("mape")
    server = line.internet.listen(5000)
    client = line.lan.connect(SERVERS[0], 5000)
    accepted, _ = server.accept()
    line.router.run("conntrack", "-F")
    client.sendall(b"more")
    assert until(lambda: any(b"more" in packet for packet in tap.packets()) or line.untranslated())
    assert tap.sources() - set(SERVERS) == {SHARED}
    accepted.close()


def test_the_whole_golden_texts_load(bare):
    """As they are written down, by name: with every map, and every comment."""
    line = bare()
    for text in sorted((GOLDEN / "nft" / "128-ports").glob("*.nft")):
        line.router.nft(text.read_text().replace("enp1s0", "wan0").replace("enp3s0", "lan0"))
    assert line.tables() == ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"]
    listed = line.router.run("nft", "list", "table", "ip", "dualwan_snat")
    assert 'comment "64 = 50 % of 128 ports"' in listed


@pytest.mark.parametrize("case", nft_cases(), ids=lambda case: case.name)
def test_the_golden_configurations_load(bare, case):
    """What each asks for is taken by this machine's nft, and a second time too."""
    line = bare(config=case.text)
    assert not line.settled()
    line.apply()
    assert line.settled()
    assert line.tables() == ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"]


@pytest.mark.parametrize(
    ("offset", "length", "psid"),
    [(0, 16, 5000), (0, 8, 7), (12, 4, 3), (6, 10, 1023), (4, 8, 255), (1, 0, 0)],
)
def test_port_sets_of_every_shape_load_and_translate(bare, offset, length, psid):
    """One port, one block, blocks of one port, all ports: the first flow leaves from the set."""
    line = bare(
        config=CONFIG.replace(
            "psid = 1\npsid-length = 6",
            f"psid = {psid}\npsid-length = {length}\npsid-offset = {offset}",
        )
    )
    line.apply()
    server = line.internet.udp(SERVERS[0], 53, timeout=2)
    line.lan.udp().sendto(b"", (SERVERS[0], 53))
    address, port = server.recvfrom(1)[1]
    assert address == SHARED
    assert port in line.ports()
