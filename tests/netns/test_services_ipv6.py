"""The router's own services by IPv6 of the line, and services without ports."""

import socket

import pytest
from line import CONFIG, PPPOE, SERVERS, SHUT
from scenes import FIVE_OF_TWENTY, OUTSIDE6, forward, with_ipv6
from space import until

ROUTER6, ROUTER6_LAN = "2001:db8:2::2", "2001:db8:1::1"
OTHER_64 = "2001:db8:3::66"
OFFERS = """
[firewall]
inbound = [
    "http",
    { service = "ssh", via = ["pppoe", "ipv6"] },
    { service = "https", via = "ipv6" },
    { service = "tcp/8443", via = "ipv6", from = ["2001:db8:3::/64"] },
    { service = "udp/51820", via = "ipv6" },
]
"""


@pytest.fixture(name="offering")
def _offering(bare):
    """Return a line with IPv6 whose router offers some services by it."""
    line = bare(config=CONFIG + OFFERS)
    with_ipv6(line, "wan0", "wan")
    line.internet.ip(
        f"address add {OTHER_64}/128 dev lo nodad\n"
        + "".join(f"address add {OUTSIDE6}00{at}/64 dev wan nodad\n" for at in range(5))
    )
    line.router.run("ip", "route", "add", "2001:db8:3::/64", "via", OUTSIDE6)
    line.apply()
    return line


def connect(line, port, source=OUTSIDE6, target=ROUTER6, timeout=SHUT):
    """Return a connection from outside."""
    client = line.internet.open_socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=timeout)
    client.bind((source, 0))
    client.connect((target, port))
    return client


@pytest.mark.parametrize("target", [ROUTER6, ROUTER6_LAN])
def test_a_service_is_reached_by_ipv6_of_the_line(offering, target):
    """By each address of the router: where a prefix is delegated, the LAN's is the only one."""
    server = offering.router.listen(443, "::", socket.AF_INET6)
    client = connect(offering, 443, target=target, timeout=5)
    accepted, _ = server.accept()
    accepted.sendall(b"welcome")
    assert client.recv(7) == b"welcome"


def test_udp_is_too(offering):
    """WireGuard, say."""
    server = offering.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind((ROUTER6, 51820))
    client = offering.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.connect((ROUTER6, 51820))
    client.send(b"question")
    text, peer = server.recvfrom(64)
    server.sendto(text, peer)
    assert client.recv(64) == b"question"


def test_an_address_of_the_router_does_not_come_in_from_outside(offering):
    """To a service that is open to everybody; IPv6 of the kernel has no martians, as IPv4 has."""
    server = offering.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind(("::", 51820))
    offering.internet.ip(f"address add {ROUTER6}/128 dev lo nodad")
    spoofer = offering.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    spoofer.bind((ROUTER6, 0))
    honest = offering.internet.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    honest.bind((OUTSIDE6, 0))
    for each in (spoofer, honest):
        each.sendto(b"question", (ROUTER6_LAN, 51820))
    assert server.recvfrom(64)[1][0] == OUTSIDE6
    offering.open()
    spoofer.sendto(b"question", (ROUTER6_LAN, 51820))
    assert server.recvfrom(64)[1][0] == ROUTER6


@pytest.mark.parametrize("port", [80, 8443, 8080])
def test_what_is_not_for_everybody_by_ipv6_stays_shut(offering, port):
    """A service of PPPoE, one for another network, and one that no list has."""
    offering.router.listen(port, "::", socket.AF_INET6)
    with pytest.raises(TimeoutError):
        connect(offering, port)
    offering.open()
    connect(offering, port, timeout=5)


def test_a_service_for_a_network_is_for_that(offering):
    """And a service by IPv6 alone is not on PPPoE."""
    server = offering.router.listen(8443, "::", socket.AF_INET6)
    connect(offering, 8443, source=OTHER_64, timeout=5)
    server.accept()
    offering.router.listen(443)
    with pytest.raises(TimeoutError):
        offering.internet.connect(PPPOE, 443, timeout=SHUT)


def test_the_guard_counts_a_64_as_one(offering):
    """Each address of a subscriber's /64 is the same one to it; another /64 is another."""
    offering.router.listen(22, "::", socket.AF_INET6)
    opened = []
    for turn in range(20):
        try:
            connect(offering, 22, source=f"{OUTSIDE6}00{turn % 5}", timeout=0.2)
        except OSError:
            opened.append(False)
        else:
            opened.append(True)
    assert opened == FIVE_OF_TWENTY
    connect(offering, 22, source=OTHER_64, timeout=5)


@pytest.mark.parametrize(
    ("name", "number"), [("esp", 50), ("gre", 47), ("6in4", 41), ("proto/115", 115)]
)
def test_a_protocol_without_ports_is_offered(bare, name, number):
    """A raw socket gets it from the network that it is for alone, and its answer leaves."""
    source = SERVERS[1]
    config = f'[firewall]\ninbound = [{{ service = "{name}", from = ["{source}/32"] }}]\n'
    line = bare(config=CONFIG + config)
    line.apply()
    peer = line.router.open_socket(socket.AF_INET, socket.SOCK_RAW, number, timeout=2)
    peer.bind((PPPOE, 0))
    for sender in (SERVERS[0], source):
        raw = line.internet.open_socket(socket.AF_INET, socket.SOCK_RAW, number)
        raw.bind((sender, 0))
        raw.sendto(bytes(4) + sender.encode(), (PPPOE, 0))
    assert peer.recv(128)[24:] == source.encode()
    by_pppoe = line.internet.sniff("ppp")
    peer.sendto(bytes(8), (source, 0))
    assert until(lambda: by_pppoe.sources() == {PPPOE})


@pytest.mark.parametrize(("to", "address"), [(ROUTER6_LAN, ROUTER6_LAN), ("::2", ROUTER6)])
def test_a_forward_to_the_router_itself_is_refused_by_check(offering, to, address):
    """It would open nothing; the sentence says what opens it. Other hosts are forwarded to."""
    assert offering.hook("check").returncode == 0
    offering.config.write_text(CONFIG + forward(port=443, to=to))
    done = offering.hook("check")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"({address} on " in done.stderr
    assert '{ service = "tcp/443", via = "ipv6" }' in done.stderr
    assert "obstacle: " in offering.hook("status").stdout
    offering.config.write_text(CONFIG + forward(port=443, to="::80"))
    assert offering.hook("check").returncode == 0


def test_a_network_that_is_routed_to_pppoe_is_refused_by_check(offering):
    """As it is not served: the sentence says so, and what is."""
    offering.router.run("ip", "address", "add", "198.51.100.65/29", "dev", "lan0")
    done = offering.hook("check")
    assert done.returncode == 3
    assert "lan0 has 198.51.100.64/29, a public network" in done.stderr


def test_ipsec_can_be_accepted_and_clear_packets_stay_out(bare):
    """The kernel takes the rules, and finds them as they were; nothing else opens."""
    line = bare(config=CONFIG + '[firewall]\nipsec = "accept"\n')
    line.apply()
    assert line.settled()
    line.router.listen(8080)
    with pytest.raises(TimeoutError):
        line.internet.connect(PPPOE, 8080, timeout=SHUT)
    server = line.internet.listen(80)
    line.lan.connect(SERVERS[0], 80)
    server.accept()
