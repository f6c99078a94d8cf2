"""Sources of the LAN: a host sends from what is routed to the LAN, and from nothing else."""

import socket

import pytest
from line import CLIENT, CONFIG, ROUTER, SERVERS, SHUT
from packets import Packet
from scenes import HOST6, OUTSIDE6, TWO_LANS, put, with_ipv6
from space import until

CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
FAR_HOST, LAN_ROUTER = "10.9.0.5", "192.168.1.254"
WITNESS = """
    table inet witness {{
        counter seen {{ }}
        chain input {{
            type filter hook input priority 200; policy accept;
            {match} counter name seen
        }}
    }}
"""


def from_lan(line, packet):
    """Send PACKET from the LAN's one machine to the router."""
    put(line.lan, "eth0", line.router.mac("lan0"), packet)


def leaves(line, source, far="mape", target=SERVERS[0]):
    """Return whether a datagram of SOURCE leaves by the internet's end FAR; an honest one must."""
    honest = HOST6 if ":" in source else CLIENT
    tap = line.internet.sniff(far)
    from_lan(line, Packet(source, target, "udp", 40000, 4000, payload=b"doubtful"))
    from_lan(line, Packet(honest, target, "udp", 40001, 4000, payload=b"honest"))
    assert until(lambda: any(b"honest" in packet for packet in tap.packets()))
    return any(b"doubtful" in packet for packet in tap.packets())


@pytest.mark.parametrize("source", ["10.66.66.66", "8.8.8.8", SERVERS[2], ROUTER])
def test_a_made_up_source_does_not_leave(line, source):
    """Neither a private one of nowhere, nor a stranger's, nor the router's own."""
    assert not leaves(line, source)
    line.open()
    assert leaves(line, source) == (source != ROUTER)  # the kernel's own check


@pytest.mark.parametrize("source", ["2001:db8:bad::1", OUTSIDE6, "2001:db8:1::1"])
def test_a_made_up_ipv6_source_does_not_leave(line, source):
    """There the kernel checks nothing itself."""
    with_ipv6(line, "wan0", "wan")
    assert not leaves(line, source, "wan", OUTSIDE6)
    line.open()
    assert leaves(line, source, "wan", OUTSIDE6)


@pytest.fixture(name="tunnel")
def _tunnel(line):
    """Return a line on which conntrack has seen packets of the tunnel both ways."""
    with_ipv6(line, "wan0", "wan")
    line.router.ip(f"address add {CE}/128 dev wan0 nodad")
    line.internet.ip(f"route add {CE}/128 via 2001:db8:2::2 dev wan")
    tap = line.internet.sniff("wan")
    raw = line.router.open_socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPIP)
    raw.bind((CE, 0))
    raw.sendto(Packet("192.0.2.18", SERVERS[0], "udp", 1040, 53).build(), (BR, 0))
    assert until(lambda: any(packet[6] == socket.IPPROTO_IPIP for packet in tap.packets()))
    put(line.internet, "wan", line.router.mac("wan0"), in_tunnel(BR, CE, SERVERS[0]))
    assert until(
        lambda: "UNREPLIED" not in line.router.run("conntrack", "-L", "-f", "ipv6", "-d", BR)
    )
    return line


def in_tunnel(source, target, inner_source):
    """Return a packet of the tunnel."""
    inner = Packet(inner_source, SERVERS[0], "udp", 22, 53, payload=b"inner").build()
    return Packet(source, target, "ipip", payload=inner).build()


def test_no_lan_host_sends_as_this_router_to_the_border_relay(tunnel):
    """Past translation, with any source port; conntrack would know it as the router's own."""
    tap = tunnel.internet.sniff("wan")
    from_lan(tunnel, in_tunnel(CE, BR, "192.0.2.18"))
    assert not until(lambda: any(b"inner" in packet for packet in tap.packets()), SHUT)
    tunnel.open()
    from_lan(tunnel, in_tunnel(CE, BR, "192.0.2.18"))
    assert until(lambda: any(b"inner" in packet for packet in tap.packets()))


def arrivals(line):
    """Return how many packets of the tunnel the router has taken in."""
    text = line.router.run("nft", "list", "counter", "inet", "witness", "seen")
    return int(text.split("packets ")[1].split()[0])


def test_no_lan_host_is_the_border_relay(tunnel):
    """Its packets would be those of the flow that conntrack knows; the true one's arrive."""
    tunnel.router.nft(WITNESS.format(match=f"ip6 daddr {CE} meta l4proto 4"))
    from_lan(tunnel, in_tunnel(BR, CE, SERVERS[0]))
    assert not until(lambda: arrivals(tunnel), SHUT)
    put(tunnel.internet, "wan", tunnel.router.mac("wan0"), in_tunnel(BR, CE, SERVERS[0]))
    assert until(lambda: arrivals(tunnel)) == 1


def test_no_lan_host_answers_for_a_stranger(line):
    """What the router itself asks outside is answered from there."""
    with_ipv6(line, "wan0", "wan")
    asking = line.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM, timeout=SHUT)
    asking.bind(("2001:db8:2::2", 5300))
    asking.sendto(b"question", (OUTSIDE6, 53))
    false, true = (
        Packet(OUTSIDE6, "2001:db8:2::2", "udp", 53, 5300, payload=word)
        for word in (b"false", b"true")
    )
    from_lan(line, false)
    with pytest.raises(TimeoutError):
        asking.recv(64)
    put(line.internet, "wan", line.router.mac("wan0"), true)
    assert asking.recv(64) == b"true"
    line.open()
    from_lan(line, false)
    assert asking.recv(64) == b"false"


def test_no_neighbour_on_the_wan_is_this_router(tunnel):
    """Nor does one get its packets to the border relay, or to the router, with our address."""
    tap = tunnel.internet.sniff("wan")
    tunnel.config.write_text(
        tunnel.config.read_text() + '[firewall]\ninbound = [{ service = "http", via = "ipv6" }]\n'
    )
    tunnel.apply()
    tunnel.router.nft(WITNESS.format(match="tcp dport 80"))
    mac = tunnel.router.mac("wan0")
    put(tunnel.internet, "wan", mac, in_tunnel(CE, BR, "192.0.2.18"))
    put(tunnel.internet, "wan", mac, Packet("2001:db8:2::2", "2001:db8:2::2", "tcp", 40000, 80))
    assert not until(lambda: arrivals(tunnel), SHUT)
    assert sum(b"inner" in packet for packet in tap.packets()) == 1  # as it was sent
    put(tunnel.internet, "wan", mac, Packet(OUTSIDE6, "2001:db8:2::2", "tcp", 40000, 80))
    assert until(lambda: arrivals(tunnel)) == 1


def test_a_host_without_an_address_asks_for_one(line):
    """DHCP with 0.0.0.0, detection of duplicates with ::, and what has a link-local address."""
    server = line.router.udp(port=67)
    from_lan(line, Packet("0.0.0.0", "255.255.255.255", "udp", 68, 67, payload=b"discover"))  # noqa: S104 - as DHCP asks
    assert server.recv(64) == b"discover"
    line.router.nft(WITNESS.format(match="icmpv6 type nd-neighbor-solicit ip6 saddr ::"))
    from_lan(line, Packet("::", "2001:db8:1::1", "icmpv6", kind="neighbor-solicit", hop=255))
    assert until(lambda: arrivals(line)) == 1
    mdns = line.router.udp(port=5353)
    from_lan(line, Packet("169.254.7.7", ROUTER, "udp", 5353, 5353, payload=b"local"))
    assert mdns.recv(64) == b"local"
    resolver = line.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    resolver.bind(("::", 53))
    from_lan(line, Packet("fe80::7", "2001:db8:1::1", "udp", 5000, 53, payload=b"question"))
    assert resolver.recv(64) == b"question"


def test_a_link_local_address_goes_no_further(line):
    """As RFC 3927 section 7 has it."""
    line.router.ip("route add 169.254.0.0/16 dev lan0")
    assert not leaves(line, "169.254.7.7")


def test_a_network_behind_a_router_of_the_lan_goes_out(line):
    """A route to it by the LAN is enough."""
    assert not leaves(line, FAR_HOST)
    line.router.ip(f"route add 10.9.0.0/24 via {LAN_ROUTER} dev lan0")
    assert leaves(line, FAR_HOST)
    with_ipv6(line, "wan0", "wan")
    line.router.ip("route add 2001:db8:9::/64 via 2001:db8:1::fe dev lan0")
    assert leaves(line, "2001:db8:9::5", "wan", OUTSIDE6)


def test_a_host_with_two_legs_may_send_by_either(bare):
    """With the address of the one by the other, as hosts do whose default route is one."""
    line = bare(config=TWO_LANS)
    line.router.ip("""
        link add lan1 type veth peer name lan1far
        link set lan1far up
        link set lan1 up
        address add 192.168.2.1/24 dev lan1
        address add 2001:db8:12::1/64 dev lan1 nodad
    """)
    line.apply()
    with_ipv6(line, "wan0", "wan")
    assert leaves(line, "192.168.2.5")
    assert leaves(line, "2001:db8:12::5", "wan", OUTSIDE6)


def test_the_prefix_of_the_line_may_be_the_lans_too(line):
    """As where a proxy of neighbour discovery stands between; the router's own are its own."""
    with_ipv6(line, "wan0", "wan")
    line.router.ip("address add 2001:db8:0:100::1/64 dev wan0 nodad")
    assert leaves(line, "2001:db8:0:100::77", "wan", OUTSIDE6)
    assert not leaves(line, "2001:db8:0:100::1", "wan", OUTSIDE6)
    assert not leaves(line, CE, "wan", OUTSIDE6)


def test_a_device_of_the_lan_by_a_pattern(bare):
    """Sources are asked for with patterns as with names."""
    line = bare(config=CONFIG.replace('"lan0"', '"lan*"'))
    line.apply()
    assert not leaves(line, "10.66.66.66")
