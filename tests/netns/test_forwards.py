"""Servers behind the router: by PPPoE, by MAP-E, by IPv6 without translation, and hairpin."""

import socket
import struct

import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED, SHUT
from scenes import NEIGHBOUR, OUTSIDE6, exchange, forward, from_lan, reconnect, with_ipv6
from space import until

SECOND, SECOND_ROUTER = "192.168.2.5", "192.168.2.1"
HOST6 = "2001:db8:1::10"


@pytest.fixture(name="made")
def _made(bare):
    """Return a function that makes a line with the given forwards, every slice applied."""

    def make(*forwards, config=CONFIG):
        line = bare(config=config + "".join(forwards))
        line.router.ip(f"""
            link add lan1 type veth peer name eth1 netns {line.lan.name}
            link set lan1 up
            address add {SECOND_ROUTER}/24 dev lan1
        """)
        line.lan.ip(f"""
            link set eth1 up
            address add {SECOND}/24 dev eth1
            address add {NEIGHBOUR}/24 dev eth0
        """)
        line.apply()
        return line

    return make


TWO_LANS = CONFIG.replace('["lan0"]', '["lan0", "lan1"]')


# --- by PPPoE ------------------------------------------------------------------------------


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


# --- hairpin -------------------------------------------------------------------------------


def test_the_lan_reaches_its_server_by_the_public_address(made):
    """By PPPoE's address, from another host and from the server itself; nothing goes outside."""
    line = made(forward("pppoe", to=f"{NEIGHBOUR}:80", more='from = ["192.0.2.0/24"]'))
    server = line.lan.listen(80, NEIGHBOUR)
    by_pppoe, by_mape = line.internet.sniff("ppp"), line.internet.sniff("mape")
    for source in (CLIENT, NEIGHBOUR):
        assert exchange(server, from_lan(line, PPPOE, 8080, source))[0] == ROUTER
    assert by_pppoe.sources() == by_mape.sources() == set()


def test_hairpin_follows_a_new_address(made):
    """Nothing names the address, so there is nothing to mend."""
    line = made(forward("pppoe", to=f"{NEIGHBOUR}:80"))
    server = line.lan.listen(80, NEIGHBOUR)
    reconnect(line, OTHER_PPPOE)
    exchange(server, from_lan(line, OTHER_PPPOE, 8080))


def test_hairpin_between_lan_networks(made):
    """A client of one LAN reaches the server in the other by the public address, UDP too."""
    line = made(
        forward("pppoe", to=SECOND, port=443), forward("pppoe", 53, SECOND, "udp"), config=TWO_LANS
    )
    server, dns = line.lan.listen(443, SECOND), line.lan.udp(SECOND, 53)
    exchange(server, from_lan(line, PPPOE, 443))
    client = line.lan.udp(CLIENT, timeout=2)
    client.sendto(b"question", (PPPOE, 53))
    text, peer = dns.recvfrom(64)
    assert text == b"question"
    dns.sendto(b"answer", peer)
    assert client.recvfrom(64) == (b"answer", (PPPOE, 53))


@pytest.mark.parametrize("address", [ROUTER, SECOND_ROUTER])
def test_the_routers_own_pages_stay_its_own(made, address):
    """Its LAN addresses, also the one of another LAN, are the router's on forwarded ports too."""
    line = made(forward("pppoe", port=80), config=TWO_LANS)
    line.lan.listen(80)
    page = line.router.listen(80)
    client = from_lan(line, address, 80)
    exchange(page, client)


def test_a_lan_host_that_takes_pppoe_comes_back_by_the_public_address(made):
    """via-pppoe is about the internet: PPPoE's own address leads back into the LAN."""
    config = CONFIG.replace("[mape]", f'via-pppoe = ["{CLIENT}"]\n[mape]')
    line = made(forward("pppoe", to=f"{NEIGHBOUR}:80"), config=config)
    server = line.lan.listen(80, NEIGHBOUR)
    exchange(server, from_lan(line, PPPOE, 8080))


def test_hairpin_by_the_shared_address(made):
    """A port of the set that is forwarded by MAP-E, from outside and from the LAN."""
    line = made(forward("mape", 1040, f"{NEIGHBOUR}:80"), forward("pppoe", 1041))
    server = line.lan.listen(80, NEIGHBOUR)
    exchange(server, line.internet.connect(SHARED, 1040))
    assert exchange(server, from_lan(line, SHARED, 1040))[0] == SHARED
    with pytest.raises((TimeoutError, ConnectionRefusedError)):
        from_lan(line, SHARED, 1041)


def test_hairpin_is_not_for_strangers(made):
    """An interface that is not in the configuration does not get to the server.

    With its name in it, the same host does.
    """
    line = made(forward("pppoe"), config=CONFIG)  # lan1 is not named
    server = line.lan.listen(80)
    line.lan.ip(f"rule add from {SECOND} lookup 7\nroute add default via {SECOND_ROUTER} table 7")
    with pytest.raises(TimeoutError):
        from_lan(line, PPPOE, 8080, SECOND)
    line.config.write_text(TWO_LANS + forward("pppoe"))
    line.apply()
    from_lan(line, PPPOE, 8080, SECOND)
    server.accept()  # this one, or the one before, whose SYN is sent again


# --- pinholes ------------------------------------------------------------------------------


def reached(line, address, port, source=OUTSIDE6):
    """Return whether a connection from outside to ADDRESS is made."""
    client = line.internet.open_socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=SHUT)
    client.bind((source, 0))
    try:
        client.connect((address, port))
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(("near", "far"), [("wan0", "wan"), ("ppp0", "ppp")])
@pytest.mark.parametrize("to", [HOST6, "::10"])
def test_a_pinhole_opens_one_port_of_one_host(made, near, far, to):
    """By the line's IPv6 and by PPPoE's; by its whole address or its lower half."""
    line = made(forward(to=to, port=8080))
    with_ipv6(line, near, far)
    line.lan.ip("address add 2001:db8:1::11/64 dev eth0 nodad")
    for port in (8080, 8081):
        line.lan.listen(port, "::", socket.AF_INET6)
        line.router.listen(port, "::", socket.AF_INET6)
    assert until(lambda: reached(line, HOST6, 8080))
    for address, port in (
        (HOST6, 8081),
        ("2001:db8:1::11", 8080),
        ("2001:db8:1::1", 8080),
        ("2001:db8:2::2", 8080),
    ):
        assert not reached(line, address, port)


def test_a_pinhole_follows_the_homes_prefix(made):
    """The lower half is what counts: after a new prefix the host is reached as before."""
    line = made(forward(to="::10", port=80))
    with_ipv6(line, "wan0", "wan")
    line.lan.listen(80, "::", socket.AF_INET6)
    line.router.ip("address add 2001:db8:9::1/64 dev lan0 nodad")
    line.lan.ip("address add 2001:db8:9::10/64 dev eth0 nodad")
    line.internet.ip("route add 2001:db8:9::/64 via 2001:db8:2::2")
    assert until(lambda: reached(line, "2001:db8:9::10", 80))


@pytest.mark.parametrize("to", [HOST6, "::10"])
def test_a_pinhole_for_given_networks(made, to):
    """`from` in IPv6."""
    line = made(forward(to=to, port=80, more='from = ["2001:db8:2:1::/64"]'))
    with_ipv6(line, "wan0", "wan")
    line.lan.listen(80, "::", socket.AF_INET6)
    line.internet.ip("address add 2001:db8:2:1::1/64 dev lo nodad")
    line.router.ip("route add 2001:db8:2:1::/64 via 2001:db8:2::1")
    assert until(lambda: reached(line, HOST6, 80, "2001:db8:2:1::1"))
    assert not reached(line, HOST6, 80)
