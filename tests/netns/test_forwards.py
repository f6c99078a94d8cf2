"""Servers behind the router, reached by PPPoE from outside."""

import socket

import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED, SHUT
from scenes import (
    SECOND,
    SECOND_ROUTER,
    TWO_LANS,
    exchange,
    forward,
    from_lan,
    reconnect,
)


def test_a_web_server_answers_by_pppoe(made):
    """The server sees who asks; what it says leaves by ppp0 alone, from PPPoE's address."""
    line = made(forward("pppoe"))
    server = line.lan.listen(80)
    by_pppoe, by_mape = line.internet.sniff("ppp"), line.internet.sniff("mape")
    client = line.internet.connect(PPPOE, 8080)
    assert exchange(server, client)[0] not in {ROUTER, PPPOE}
    assert PPPOE in by_pppoe.sources()
    assert by_mape.sources() == set()


def test_a_server_of_another_lan_network_answers_too(made):
    """Whatever LAN address the server has: the mark of the connection leads its answers."""
    line = made(forward("pppoe", to=SECOND, port=443), config=TWO_LANS)
    server = line.lan.listen(443, SECOND)
    line.lan.ip(f"rule add from {SECOND} lookup 7\nroute add default via {SECOND_ROUTER} table 7")
    by_mape = line.internet.sniff("mape")
    exchange(server, line.internet.connect(PPPOE, 443))
    assert by_mape.sources() == set()


@pytest.mark.parametrize("fallback", ["mape", "none"])
def test_a_server_that_takes_pppoe_answers_by_mape_what_came_by_it(made, fallback):
    """`via-pppoe` is for what it begins itself, whatever it has while PPPoE is down."""
    chosen = f'via-pppoe = ["{CLIENT}"]\nfallback = "{fallback}"\n[mape]'
    line = made(forward("mape", 1040), config=CONFIG.replace("[mape]", chosen))
    by_pppoe = line.internet.sniff("ppp")
    exchange(line.lan.listen(80), line.internet.connect(SHARED, 1040, timeout=2))
    assert by_pppoe.sources() == set()


def test_datagrams_are_forwarded_both_ways(made):
    """UDP to another port inside; the answer comes from the address and port that was asked."""
    line = made(forward("pppoe", 51820, f"{CLIENT}:5000", "udp"))
    server, client = line.lan.udp(port=5000), line.internet.udp(SERVERS[0])
    client.sendto(b"question", (PPPOE, 51820))
    text, peer = server.recvfrom(64)
    assert (text, peer[0]) == (b"question", SERVERS[0])
    server.sendto(b"answer", peer)
    assert client.recvfrom(64) == (b"answer", (PPPOE, 51820))


def test_other_ports_and_the_other_protocol_stay_shut(made):
    """A forward opens its own port of its own protocol, on PPPoE's address only."""
    line = made(forward("pppoe"))
    exchange(line.lan.listen(80), line.internet.connect(PPPOE, 8080))
    line.lan.listen(8080)
    udp = line.lan.udp(port=80, timeout=SHUT)
    line.router.listen(8080)
    for address, port in ((PPPOE, 8081), (SHARED, 8080)):
        with pytest.raises(TimeoutError):
            line.internet.connect(address, port, timeout=SHUT)
    line.internet.udp(SERVERS[0]).sendto(b"x", (PPPOE, 8080))
    with pytest.raises(TimeoutError):
        udp.recv(1)


def test_a_forward_for_given_networks(made):
    """`from`: those are let through to the server, others find nothing there."""
    line = made(forward("pppoe", more=f'from = ["{SERVERS[0]}/32", "203.0.113.128/25"]'))
    server = line.lan.listen(80)
    line.router.listen(8080)
    for source, let_in in ((SERVERS[0], True), (SERVERS[1], False)):
        client = line.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=SHUT)
        client.bind((source, 0))
        if let_in:
            client.connect((PPPOE, 8080))
            exchange(server, client)
        else:
            with pytest.raises(TimeoutError):
                client.connect((PPPOE, 8080))


def test_a_new_address_is_served_at_once(made):
    """After a reconnect the server is reached by the new address; no table was touched."""
    line = made(forward("pppoe"))
    server = line.lan.listen(80)
    exchange(server, line.internet.connect(PPPOE, 8080))
    before = line.texts()
    reconnect(line, OTHER_PPPOE)
    exchange(server, line.internet.connect(OTHER_PPPOE, 8080))
    assert line.texts() == before
    assert line.settled()


def test_a_long_connection_survives_a_reload_and_a_short_cut(made):
    """Another forward is added, PPPoE is gone and back with its address: it goes on."""
    line = made(forward("pppoe"))
    server = line.lan.listen(80)
    client = line.internet.connect(PPPOE, 8080)
    _, accepted = exchange(server, client)
    line.config.write_text(line.config.read_text() + forward("pppoe", 9999))
    line.apply()
    accepted.sendall(b"still")
    assert client.recv(5) == b"still"
    reconnect(line, PPPOE)
    accepted.sendall(b"there")
    assert client.recv(5) == b"there"
    client.sendall(b"here too")
    assert accepted.recv(8) == b"here too"


def test_a_connection_that_conntrack_forgot_ends(made):
    """What is new and does not open a connection is dropped, translated or not."""
    line = made(forward("pppoe"))
    server = line.lan.listen(80)
    client = line.internet.connect(PPPOE, 8080)
    exchange(server, client)
    line.router.run("conntrack", "-F")
    inside = line.lan.sniff("eth0")
    client.sendall(b"late")
    line.internet.connect(PPPOE, 8080)
    assert not any(b"late" in packet for packet in inside.packets())


def test_what_others_publish_is_not_opened(made):
    """A DNAT rule of somebody else, a container's say, does not pass by our forwards.

    It is the firewall that keeps it: without it the same server answers.
    """
    line = made(forward("pppoe"))
    line.router.nft(f"""
        table ip theirs {{
            chain prerouting {{
                type nat hook prerouting priority dstnat - 10; policy accept;
                tcp dport 9000 dnat to {CLIENT}:9000
            }}
        }}
    """)
    server = line.lan.listen(9000)
    with pytest.raises(TimeoutError):
        line.internet.connect(PPPOE, 9000, timeout=SHUT)
    line.open()
    line.internet.connect(PPPOE, 9000)
    server.accept()  # this one, or the one before, whose SYN is sent again


def test_the_routers_public_address_in_the_lan_is_its_own(made):
    """A LAN host that asks the router by an address of lan0 gets the router, not the server."""
    line = made(forward("pppoe"))
    line.lan.listen(80)
    line.router.ip("address add 203.0.113.129/25 dev lan0")
    own = line.router.listen(8080)
    exchange(own, from_lan(line, "203.0.113.129", 8080))


def test_hundreds_of_forwards_stand_in_a_map(made):
    """The last of 300 is served as the first, and the rules are no more than with one."""
    line = made(*(forward("pppoe", 10000 + at, f"{CLIENT}:{1000 + at}") for at in range(300)))
    server = line.lan.listen(1299)
    exchange(server, line.internet.connect(PPPOE, 10299))
    assert (
        line.router.run("nft", "list", "chain", "ip", "dualwan_snat", "pppoe_inbound").count("dnat")
        == 1
    )


def test_another_address_by_pppoe_is_not_forwarded(made):
    """A packet by ppp0 for an address that the router has elsewhere reaches no server."""
    line = made(forward("pppoe", protocol="udp"))
    server, client = line.lan.udp(CLIENT, 80, timeout=SHUT), line.internet.udp(SERVERS[0])
    line.internet.ip(f"route replace {SHARED}/32 dev ppp src {SERVERS[0]}")
    client.sendto(b"elsewhere", (SHARED, 8080))
    with pytest.raises(TimeoutError):
        server.recv(64)
    client.sendto(b"here", (PPPOE, 8080))
    assert server.recv(64) == b"here"
