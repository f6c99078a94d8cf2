"""WAN and LAN on one wire (the scripts' author thought of it): by interface and network."""

import socket

import pytest
from line import CLIENT, CONFIG, NO_TUNNEL, OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED, SHUT, Line
from packets import Packet
from scenes import (
    NEIGHBOUR,
    OUTSIDE6,
    exchange,
    forward,
    from_lan,
    mark_what_comes_by_pppoe,
    passes,
    put,
    reconnect,
)
from space import until

ONE = CONFIG.replace('["lan0"]', '["wan0"]')
STRANGER = "198.18.0.9"  # on the same wire, with no address of the LAN


class OneWire(Line):
    """A line whose LAN hangs on wan0, where the line's IPv6 router is too."""

    def _build(self):
        super()._build()
        self.router.run("ip", "link", "del", "lan0")
        self.router.run("ip", "link", "del", "wan0")
        # A switch outside the router: the line's end, the LAN's machine and the router's NIC.
        self.internet.ip(f"""
            link add wire type bridge
            link set wire up
            link add wan0 type veth peer name port1
            link set wan0 netns {self.router.name}
            link set port1 master wire up
            link add eth0 type veth peer name port2
            link set eth0 netns {self.lan.name}
            link set port2 master wire up
            address add {OUTSIDE6}/64 dev wire nodad
            address add {STRANGER}/32 dev wire
            route add 192.168.1.0/24 dev wire src {STRANGER}
        """)
        self.router.ip(f"""
            link set wan0 up
            address add {ROUTER}/24 dev wan0
            address add 2001:db8:2::2/64 dev wan0 nodad
            route add default via {OUTSIDE6} dev wan0
            route add {STRANGER} dev wan0
        """)
        self.lan.ip(f"""
            link set eth0 up
            address add {CLIENT}/24 dev eth0
            address add {NEIGHBOUR}/24 dev eth0
            address add 2001:db8:2::10/64 dev eth0 nodad
            route add default via {ROUTER}
            route add {STRANGER} dev eth0
        """)


@pytest.fixture(name="wire")
def _wire(tmp_path):
    """Return a function that makes such a line, every slice applied."""
    made = []

    def make(*forwards, config=ONE):
        made.append(OneWire(tmp_path, config=config + "".join(forwards)))
        made[-1].apply()
        return made[-1]

    yield make
    for line in made:
        line.close()


def test_the_lan_goes_out_translated(wire):
    """In and out by one NIC, from the shared address and a port of the set."""
    line = wire()
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, peer = server.accept()
    assert peer[0] == SHARED
    assert peer[1] in line.ports()
    accepted.sendall(b"answer")
    assert client.recv(6) == b"answer"
    assert line.lan.ping(SERVERS[1]) == {1}


def test_the_lan_reaches_the_router_and_is_reached(wire):
    """Its services, DHCP by who has no address yet, and from the router back."""
    line = wire()
    ssh, dhcp = line.router.listen(22), line.router.udp(port=67)
    line.lan.connect(ROUTER, 22)
    ssh.accept()
    asking = line.lan.udp(port=68)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    line.lan.ip("address flush dev eth0")
    line.lan.ip("route add default dev eth0")
    asking.sendto(b"discover", ("255.255.255.255", 67))
    assert dhcp.recvfrom(8) == (b"discover", ("0.0.0.0", 68))  # noqa: S104 - as DHCP asks
    line.lan.ip(f"address add {CLIENT}/24 dev eth0")
    back = line.lan.listen(8080)
    line.router.connect(CLIENT, 8080)
    back.accept()


def test_what_is_not_of_the_lan_is_shut_out(wire):
    """Another host on the wire, by IPv4 or IPv6, reaches neither router nor internet."""
    line = wire()
    line.router.listen(22, "::", socket.AF_INET6)
    for space, address in (
        (line.internet, ROUTER),
        (line.internet, "2001:db8:2::2"),
        (line.lan, "2001:db8:2::2"),
    ):
        with pytest.raises(TimeoutError):
            space.connect(address, 22, timeout=SHUT)
    outside = line.internet.sniff("mape")
    line.internet.ip(f"route add 203.0.113.200 via {ROUTER} dev wire src {STRANGER}")
    line.internet.udp(STRANGER).sendto(b"through", ("203.0.113.200", 5000))
    line.lan.udp(CLIENT).sendto(b"after", (SERVERS[0], 5000))
    assert until(lambda: any(b"after" in packet for packet in outside.packets()))
    assert not any(b"through" in packet for packet in outside.packets())


def test_the_networks_of_the_lan_can_be_given(wire):
    """Then others are not of it, private or not."""
    line = wire(config=ONE.replace("[mape]", 'networks = ["192.168.1.0/28"]\n[mape]'))
    server = line.router.listen(22)
    line.lan.connect(ROUTER, 22)
    server.accept()
    client = line.lan.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=SHUT)
    client.bind((NEIGHBOUR, 0))
    with pytest.raises(TimeoutError):
        client.connect((ROUTER, 22))


@pytest.mark.parametrize("device", ["mape", "ppp"])
def test_a_lan_source_from_outside_is_spoofed(wire, device):
    """It is dropped on tunnel and PPPoE, before anything else sees it."""
    line = wire()
    ear = line.router.udp(ROUTER, 5000, timeout=SHUT)
    line.internet.ip(f"""
        address add {CLIENT}/32 dev lo
        route replace {ROUTER} dev {device} src {CLIENT}
    """)
    near = {"mape": "mape0", "ppp": "ppp0"}[device]
    line.internet.run(
        "ip", "neigh", "replace", ROUTER, "lladdr", line.router.mac(near), "dev", device
    )
    line.internet.udp(CLIENT).sendto(b"spoofed", (ROUTER, 5000))
    with pytest.raises(TimeoutError):
        ear.recv(8)


def test_a_source_of_no_network_of_the_lan_does_not_leave(wire):
    """A private address without a route is invented, also where all private networks are LAN."""
    line = wire()
    tap, mac = line.internet.sniff("mape"), line.router.mac("wan0")
    for source, word in (("10.66.66.66", b"doubtful"), (NEIGHBOUR, b"honest")):
        packet = Packet(source, SERVERS[0], "udp", 40000, 4000, payload=word)
        put(line.lan, "eth0", mac, packet)
    assert until(lambda: any(b"honest" in packet for packet in tap.packets()))
    assert not any(b"doubtful" in packet for packet in tap.packets())


def tracked(line, relay):
    """Return what conntrack has of the tunnel's packets."""
    return line.router.run("conntrack", "-L", "-f", "ipv6", "-d", relay)


def test_no_host_sends_tunnel_packets_by_way_of_the_router(wire):
    """Not with the CE address, which conntrack knows as the tunnel's, and not with its own."""
    line = wire()
    ce, relay = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
    line.router.ip(f"address add {ce}/128 dev wan0 nodad")
    tap, mac = line.internet.sniff("wire"), line.router.mac("wan0")
    raw = line.router.open_socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPIP)
    raw.bind((ce, 0))
    raw.sendto(b"E of the router's own", (relay, 0))
    assert until(lambda: any(b"router's own" in packet for packet in tap.packets()))
    put(line.internet, "wire", mac, Packet(relay, ce, "ipip", payload=b"E of the relay"))
    assert until(lambda: "UNREPLIED" not in tracked(line, relay))
    for source in (ce, "2001:db8:2::10"):
        put(line.lan, "eth0", mac, Packet(source, relay, "ipip", payload=b"E of a host's"))
    assert not until(lambda: any(b"host's" in packet for packet in tap.packets()), SHUT)


def test_a_mark_of_somebody_else_hides_no_spoofed_source(wire):
    """As with two interfaces: whose an address is does not hang on marks."""
    nets = 'networks = ["192.168.1.0/24", "198.51.100.128/25"]\n[mape]'
    line = wire(config=ONE.replace("[mape]", nets))
    line.router.ip("address add 198.51.100.129/25 dev wan0")
    mark_what_comes_by_pppoe(line)
    line.internet.run("ip", "address", "add", "198.51.100.177", "dev", "lo")
    assert until(lambda: passes(line, "ppp", SERVERS[0], CLIENT))
    assert not passes(line, "ppp", "198.51.100.177", CLIENT)
    line.open()
    assert passes(line, "ppp", "198.51.100.177", CLIENT)


def test_forward_and_hairpin(wire):
    """The server is reached from outside, after a reconnect, and from the LAN itself."""
    line = wire(forward("pppoe", to=f"{NEIGHBOUR}:80"))
    server = line.lan.listen(80, NEIGHBOUR)
    by_mape = line.internet.sniff("mape")
    exchange(server, line.internet.connect(PPPOE, 8080))
    reconnect(line, OTHER_PPPOE)
    exchange(server, line.internet.connect(OTHER_PPPOE, 8080))
    assert exchange(server, from_lan(line, OTHER_PPPOE, 8080))[0] == ROUTER
    assert by_mape.sources() == set()


def test_the_routers_own_pages_stay_its_own(wire):
    """Also on a port that is forwarded."""
    line = wire(forward("pppoe", to=f"{NEIGHBOUR}:80"))
    exchange(line.router.listen(8080), from_lan(line, ROUTER, 8080))


def test_a_lan_host_may_take_pppoe(wire):
    """via-pppoe works by address, whatever the interface."""
    line = wire(config=ONE.replace("[mape]", f'via-pppoe = ["{CLIENT}"]\n[mape]'))
    line.internet.ip(f"route add {SERVERS[0]} dev lo")
    server = line.internet.listen(80)
    line.lan.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == PPPOE


def test_file_sharing_stays_inside(wire):
    """Between networks of the LAN it may pass the router; outside it never goes."""
    line = wire()
    line.router.ip("address add 192.168.7.1/24 dev wan0")
    line.lan.ip("address add 192.168.7.5/24 dev eth0")
    line.lan.ip(f"rule add from {CLIENT} lookup 7\nroute add default via {ROUTER} table 7")
    line.lan.run("ip", "route", "del", "local", "192.168.7.5", "table", "local")
    line.router.run(
        "ip", "neigh", "replace", "192.168.7.5", "lladdr", line.lan.mac("eth0"), "dev", "wan0"
    )
    inside, outside = line.lan.sniff("eth0"), line.internet.sniff("mape")
    line.lan.udp(CLIENT).sendto(b"share", ("192.168.7.5", 445))
    line.lan.udp(CLIENT).sendto(b"secret", (SERVERS[0], 445))
    line.lan.udp(CLIENT).sendto(b"public", (SERVERS[0], 446))
    assert until(
        lambda: any(
            b"share" in packet and packet[8] == 63  # one hop less: forwarded
            for packet in inside.packets()
        )
    )
    assert until(lambda: any(b"public" in packet for packet in outside.packets()))
    assert not any(b"secret" in packet for packet in outside.packets())


def test_both_hooks_of_the_interface_are_one(wire):
    """Both bring and take everything; nothing is left to another interface."""
    line = wire()
    line.event("ifdown", IFACE="wan0", PHASE="pre-down")
    assert line.tables() == ["dualwan_firewall"]
    assert line.complaint("ifup", IFACE="wan0", PHASE="post-up") == NO_TUNNEL
    assert line.tables() == ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"]
