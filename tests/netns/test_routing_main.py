"""Routing by source and mark replaces the default route alone: what main knows better goes first.

Answers to LAN hosts, VPNs, private networks at the WAN; and routes that only look better.
"""

import socket

import pytest
from line import CLIENT, CONFIG, PPPOE, SERVERS
from scenes import NEIGHBOUR, TWO_LANS, exchange, forward, from_lan
from unnamed_vpn import VPN_HOST, VPN_NETWORK, with_vpn

CHOSEN = CONFIG.replace("[mape]", f'via-pppoe = ["{CLIENT}"]\n[mape]')
GATEWAY, AT_GATEWAY = "192.168.100.1", "192.168.100.2"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")  # as OpenVPN's redirect-gateway def1 writes a default route
EIGHTHS = tuple(f"{part * 32}.0.0.0/3" for part in range(8))


@pytest.fixture(name="chosen")
def _chosen(bare):
    """Return a line whose LAN host takes PPPoE, with a VPN by wg0 and a private network at wan0."""
    line = bare(config=CHOSEN)
    with_vpn(line)
    with_gateway(line)
    line.apply()
    return line


def with_gateway(line):
    """Give the WAN a private network with the page of a home gateway."""
    line.router.ip(f"address add {AT_GATEWAY}/24 dev wan0")
    line.internet.ip(f"""
        address add {GATEWAY}/24 dev wan
        route add 192.168.1.0/24 via {AT_GATEWAY}
    """)


@pytest.mark.parametrize("strict", ["1", "2"])
def test_a_lan_host_uses_a_service_of_the_router_by_pppoes_address(line, strict):
    """A DDNS name works at home: TCP, UDP and ping, answered to the LAN alone.

    Also where the LAN's interface takes a source only by the route back to it (rp_filter 1).
    """
    line.router.sysctl("net/ipv4/conf/lan0/rp_filter", strict)
    line.router.sysctl("net/ipv4/conf/all/rp_filter", "0")
    by_pppoe = line.internet.sniff("ppp")
    exchange(line.router.listen(443), from_lan(line, PPPOE, 443))
    service, client = line.router.udp(PPPOE, 51820), line.lan.udp(CLIENT, timeout=2)
    client.sendto(b"question", (PPPOE, 51820))
    text, peer = service.recvfrom(64)
    service.sendto(text, peer)
    assert client.recvfrom(64) == (b"question", (PPPOE, 51820))
    assert line.lan.ping(PPPOE, timeout=2) == {1}
    assert by_pppoe.sources() == set()


def test_a_host_that_takes_pppoe_does_so_too(chosen):
    """via-pppoe leads to the internet, not from the router back to the LAN."""
    exchange(chosen.router.listen(443), from_lan(chosen, PPPOE, 443))
    assert chosen.lan.ping(PPPOE, timeout=2) == {1}


def test_a_service_by_pppoes_address_is_reached_from_a_vpn(chosen):
    """The answer goes back by wg0; the firewall knows wg0 only for what is allowed there."""
    chosen.open()
    server = chosen.router.listen(443)
    client = chosen.vpn.connect(PPPOE, 443, timeout=2)
    exchange(server, client)


def test_a_lan_host_that_takes_pppoe_reaches_a_vpn(chosen):
    """A network of wg0, which [lan] does not name, is no internet."""
    by_pppoe = chosen.internet.sniff("ppp")
    exchange(chosen.vpn.listen(80), from_lan(chosen, VPN_HOST, 80))
    assert chosen.lan.ping(VPN_HOST, timeout=2) == {1}
    assert by_pppoe.sources() == set()


def test_a_lan_host_that_takes_pppoe_reaches_the_home_gateway(chosen):
    """Its page is on a private network at the WAN."""
    by_pppoe = chosen.internet.sniff("ppp")
    exchange(chosen.internet.listen(80, GATEWAY), from_lan(chosen, GATEWAY, 80))
    assert by_pppoe.sources() == set()


def test_a_static_route_goes_before_pppoe(chosen):
    """Another router of the LAN leads to a network of its own."""
    chosen.lan.ip(f"address add {NEIGHBOUR}/24 dev eth0\naddress add 172.20.0.1/32 dev lo")
    chosen.router.ip(f"route add 172.20.0.0/16 via {NEIGHBOUR}")
    service = chosen.router.udp(PPPOE, 5000)
    far = chosen.lan.udp("172.20.0.1", timeout=2)
    far.sendto(b"question", (PPPOE, 5000))
    text, peer = service.recvfrom(64)
    service.sendto(text, peer)
    assert far.recv(64) == b"question"


@pytest.mark.parametrize("parts", [HALVES, EIGHTHS])
def test_a_default_route_in_parts_is_a_default_route(chosen, parts):
    """A VPN client that writes it as 0.0.0.0/1 and 128.0.0.0/1 takes only what has no way.

    What came by PPPoE is answered by PPPoE, what chose PPPoE stays there, and the rest of the
    LAN goes by the VPN.
    """
    chosen.router.ip("".join(f"route add {part} dev wg0\n" for part in parts))
    exchange(chosen.router.listen(443), chosen.internet.connect(PPPOE, 443, timeout=2))
    server = chosen.internet.listen(80)
    assert exchange(server, from_lan(chosen, SERVERS[0], 80))[0] == PPPOE
    chosen.lan.ip(f"address add {NEIGHBOUR}/24 dev eth0")
    by_vpn = chosen.vpn.listen(80)
    assert exchange(by_vpn, from_lan(chosen, SERVERS[0], 80, NEIGHBOUR))[0] == NEIGHBOUR


def test_the_other_end_of_the_session_is_reached_by_it(chosen):
    """Pppd writes a route to it in main; the session's answers take it as any other."""
    peer = "203.0.113.1"
    chosen.internet.ip(f"address add {peer}/32 dev ppp")
    chosen.router.ip(f"route add {peer} dev ppp0 src {PPPOE}")
    by_mape = chosen.internet.sniff("mape")
    exchange(chosen.internet.listen(80, peer), from_lan(chosen, peer, 80))
    service = chosen.router.listen(443)
    client = chosen.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.bind((peer, 0))
    client.connect((PPPOE, 443))
    exchange(service, client)
    assert by_mape.sources() == set()


def test_only_what_is_ours_is_led(made):
    """A rule of somebody else for another source goes on leading past main."""
    line = made(forward("pppoe"), config=TWO_LANS)
    with_vpn(line)
    line.router.ip(f"""
        rule add priority 1000 from {CLIENT} lookup 50
        route add unreachable {VPN_NETWORK} table 50
    """)
    with pytest.raises(OSError, match=r"unreachable|No route"):
        from_lan(line, VPN_HOST, 80)
    line.router.run("ip", "rule", "del", "priority", "1000")
    exchange(line.vpn.listen(80), from_lan(line, VPN_HOST, 80))
