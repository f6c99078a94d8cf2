import socket

import pytest
from line import CLIENT, CONFIG, ROUTER, SERVERS, SHUT
from scenes import OUTSIDE6, mark_what_comes_by_pppoe, passes, with_ipv6
from sniffer import SYN, SYN_ACK, mss
from space import until


@pytest.mark.parametrize("how", ["down", "gone"])
def test_the_lan_reaches_the_router_with_every_wan_down(line, how):
    """Whatever happens outside, its owner can log in, use its DNS and ping it."""
    for device in ("wan0", "mape0", "ppp0"):
        line.router.run(
            *(
                ("ip", "link", "set", device, "down")
                if how == "down"
                else ("ip", "link", "del", device)
            )
        )
    line.event("ppp-down", PPP_IFACE="ppp0")
    ssh, dns = line.router.listen(22), line.router.udp(port=53)
    line.lan.connect(ROUTER, 22)
    ssh.accept()
    line.lan.udp().sendto(b"query", (ROUTER, 53))
    assert dns.recv(5) == b"query"
    assert line.lan.ping(ROUTER) == {1}
    back = line.lan.listen(80)
    line.router.connect(CLIENT, 80)
    back.accept()


def test_segments_fit_the_tunnel_both_ways(line):
    """A client's SYN and the server's answer both name 1420, the tunnel's 1460 less 40."""
    server = line.internet.listen(80)
    outside, inside = line.internet.sniff("mape"), line.lan.sniff("eth0")
    line.lan.connect(SERVERS[0], 80)
    server.accept()
    assert {mss(header) for header in outside.segments(SYN, dport=80)} == {1420}
    assert {mss(header) for header in inside.segments(SYN, dport=80)} == {1460}
    assert {mss(header) for header in inside.segments(SYN_ACK, sport=80)} == {1420}


def test_segments_fit_pppoe_both_ways(line):
    """What takes PPPoE names 1414, FLET'S 1454 less 40."""
    line.router.run("ip", "route", "add", SERVERS[0], "dev", "ppp0")
    server = line.internet.listen(80)
    outside, inside = line.internet.sniff("ppp"), line.lan.sniff("eth0")
    line.lan.connect(SERVERS[0], 80)
    server.accept()
    assert {mss(header) for header in outside.segments(SYN, dport=80)} == {1414}
    assert {mss(header) for header in inside.segments(SYN_ACK, sport=80)} == {1414}


@pytest.mark.parametrize(("near", "far", "size"), [("wan0", "wan", 1440), ("ppp0", "ppp", 1394)])
def test_segments_of_ipv6_fit_too(line, near, far, size):
    """On PPPoE 1454 less 60; on the line itself IPv6 keeps what its ends agreed on."""
    with_ipv6(line, near, far)
    server = line.internet.listen(80, "::", socket.AF_INET6)
    outside = line.internet.sniff(far)
    line.lan.connect(OUTSIDE6, 80)
    server.accept()
    assert {mss(header) for header in outside.segments(SYN, dport=80)} == {size}


def test_a_small_segment_stays_small(line):
    """Clamping never raises what an end has asked for."""
    server = line.internet.listen(80)
    outside = line.internet.sniff("mape")
    client = line.lan.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
    client.connect((SERVERS[0], 80))
    server.accept()
    assert {mss(header) for header in outside.segments(SYN, dport=80)} == {500}


@pytest.mark.parametrize("port", [135, 137, 138, 139, 445])
def test_file_sharing_never_crosses(line, port):
    """SMB and its kin do not leave by TCP or UDP; what follows on another port does."""
    line.internet.listen(port)
    tap = line.internet.sniff("mape")
    with pytest.raises(TimeoutError):
        line.lan.connect(SERVERS[0], port, timeout=SHUT)
    line.lan.udp().sendto(b"secret", (SERVERS[0], port))
    line.lan.udp().sendto(b"public", (SERVERS[0], port + 1000))
    assert until(lambda: any(b"public" in packet for packet in tap.packets()))
    assert not any(b"secret" in packet for packet in tap.packets())
    assert not tap.segments(SYN, dport=port)


def test_file_sharing_within_the_lan_is_nobody_elses_business(line):
    """The router itself may be a file server."""
    server = line.router.listen(445)
    line.lan.connect(ROUTER, 445)
    server.accept()


def test_ipv6_of_the_lan_goes_out_and_nothing_comes_in(line):
    """A LAN client connects outside; the outside does not connect to it or to the router."""
    with_ipv6(line, "wan0", "wan")
    server = line.internet.listen(80, "::", socket.AF_INET6)
    line.lan.connect(OUTSIDE6, 80)
    server.accept()
    line.lan.listen(80, "::", socket.AF_INET6)
    line.router.listen(22, "::", socket.AF_INET6)
    for address, port in (("2001:db8:1::10", 80), ("2001:db8:2::2", 22)):
        with pytest.raises(TimeoutError):
            line.internet.connect(address, port, timeout=SHUT)


def test_ipv6_of_pppoe_has_what_a_link_needs(line):
    """Neighbours find the router by PPPoE too, and there what is on offer and nothing else.

    A veth asks for neighbours, which a real PPP link need not.
    """
    with_ipv6(line, "ppp0", "ppp")
    line.internet.run("ip", "neigh", "del", "2001:db8:2::2", "dev", "ppp")
    server = line.router.listen(80, "::", socket.AF_INET6)  # on offer
    line.internet.connect("2001:db8:2::2", 80)
    server.accept()
    line.router.listen(8080, "::", socket.AF_INET6)
    with pytest.raises(TimeoutError):
        line.internet.connect("2001:db8:2::2", 8080, timeout=SHUT)


def test_the_router_uses_only_what_is_listed(bare):
    """A service of `outbound` is reached, another is not, and the LAN is not bound by it."""
    line = bare(config=CONFIG + '[firewall]\noutbound = ["https"]\n')
    line.apply()
    servers = {port: line.internet.listen(port) for port in (443, 80)}
    line.router.connect(SERVERS[0], 443)
    servers[443].accept()
    with pytest.raises((TimeoutError, PermissionError)):
        line.router.connect(SERVERS[0], 80, timeout=SHUT)
    line.lan.connect(SERVERS[0], 80)
    servers[80].accept()


def test_an_interface_that_is_not_named_is_closed(line):
    """Whatever is neither LAN nor WAN reaches neither the router nor what is behind it.

    It is the firewall that keeps it: without it the same servers answer.
    """
    line.router.ip("""
        link add guest0 type veth peer name guest
        address add 10.0.0.1/24 dev guest0
        link set guest0 up
    """)
    line.router.run("ip", "link", "set", "guest", "netns", line.internet.name)
    line.internet.ip("""
        address add 10.0.0.2/24 dev guest
        link set guest up
        route add 192.168.1.0/24 via 10.0.0.1
    """)
    servers = {("10.0.0.1", 22): line.router.listen(22), (CLIENT, 80): line.lan.listen(80)}
    for address, port in servers:
        with pytest.raises(TimeoutError):
            line.internet.connect(address, port, timeout=SHUT)
    line.open()
    for (address, port), server in servers.items():
        line.internet.connect(address, port)
        server.accept()


@pytest.mark.parametrize(
    ("honest", "spoofed", "target"),
    [(OUTSIDE6, "2001:db8:1::77", "2001:db8:2::2"), (SERVERS[0], "198.51.100.177", CLIENT)],
)
def test_a_mark_of_somebody_else_hides_no_spoofed_source(bare, honest, spoofed, target):
    """Whose an address is does not hang on marks, by which others may lead packets elsewhere."""
    line = bare()
    line.router.ip("address add 198.51.100.129/25 dev lan0")  # public, or it would be a bogon
    line.apply()
    with_ipv6(line, "ppp0", "ppp")
    mark_what_comes_by_pppoe(line)
    line.internet.run("ip", "address", "add", spoofed, "dev", "lo")
    assert until(lambda: passes(line, "ppp", honest, target))
    assert not passes(line, "ppp", spoofed, target)
    line.open()
    assert passes(line, "ppp", spoofed, target)


def test_the_firewall_stands_before_the_wan(bare):
    """The table is there, and shut, before the device that it names."""
    line = bare()
    line.router.run("ip", "link", "del", "ppp0")
    line.apply()
    line.router.ip("""
        link add ppp0 type veth peer name late
        link set ppp0 up
        address add 203.0.113.50/32 dev ppp0
    """)
    line.router.run("ip", "link", "set", "late", "netns", line.internet.name)
    line.internet.ip("link set late up\nroute replace 203.0.113.0/24 dev late")
    line.router.listen(8080)
    with pytest.raises(TimeoutError):
        line.internet.connect("203.0.113.50", 8080, timeout=SHUT)
