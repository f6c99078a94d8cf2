"""Flows that began outside while somebody else had flushed the rules do not live on."""

import socket
from contextlib import closing

import pytest
from line import BY_NAME, CLIENT, CONFIG, PPPOE, SERVERS, SHUT, named
from scenes import HOST6, NEIGHBOUR, forward, with_ipv6
from zoned import DMZ, GUEST, GUEST6, ZONES, Zoned

OFFERED, CLOSED = 80, 9999
ROUTER_V6, FAR_V6 = "2001:db8:77::1", "2001:db8:77::2"
# As a flush leaves the router, but that something else has flows tracked.
OPEN = """
flush ruleset
table inet open {
	chain input { type filter hook input priority 0; ct state new accept; }
	chain forward { type filter hook forward priority 0; ct state new accept; }
}
"""


def connected(client, server, port, address):
    """Return both ends of a TCP connection from CLIENT to ADDRESS of SERVER."""
    listener = server.listen(port)
    near = client.open_socket()
    near.connect((address, port))
    far = server.keep(listener.accept()[0])
    far.settimeout(SHUT)
    return near, far


def still(near, far):
    """Return whether what one end sends arrives at the other."""
    near.sendall(b"still there")
    try:
        return far.recv(64) == b"still there"
    except TimeoutError:
        return False


@pytest.fixture(name="asks", params=["IPv4", "IPv6"])
def _asks(line, request):
    """Return a function that says whether a datagram from outside is answered, on one flow."""
    family, own, far = socket.AF_INET, PPPOE, SERVERS[0]
    if request.param == "IPv6":
        family, own, far = socket.AF_INET6, ROUTER_V6, FAR_V6
        line.router.ip(f"address add {ROUTER_V6}/64 dev wan0 nodad")
        line.internet.ip(f"address add {FAR_V6}/64 dev wan nodad")
    server = line.router.open_socket(family, socket.SOCK_DGRAM, timeout=SHUT)
    server.bind((own, CLOSED))
    client = line.internet.open_socket(family, socket.SOCK_DGRAM, timeout=SHUT)
    client.bind((far, 0))

    def asks():
        client.sendto(b"question", (own, CLOSED))
        try:
            server.sendto(b"answer", server.recvfrom(64)[1])
            return client.recv(64) == b"answer"
        except TimeoutError:
            return False

    return asks


def test_a_flow_of_the_open_minutes_ends_with_them(line, asks):
    """It is judged anew; flows of the LAN and those to a service on offer go on."""
    outwards = connected(line.lan, line.internet, OFFERED, SERVERS[0])
    inwards = connected(line.internet, line.router, OFFERED, PPPOE)
    assert not asks()
    line.router.nft(OPEN)
    assert asks()
    done = line.hook(*named(BY_NAME))
    assert "- conntrack entries of flows from outside" in done.stdout
    assert not asks()
    assert still(*outwards)
    assert still(*inwards)
    assert line.settled()


def test_a_flow_to_a_host_ends_though_its_port_is_open_on_the_router(line):
    """By IPv6 the host was open too, and no pinhole leads there."""
    with_ipv6(line, "wan0", "wan")
    listener = line.lan.listen(OFFERED, "::", socket.AF_INET6)
    line.router.nft(OPEN)
    near = line.internet.open_socket(socket.AF_INET6)
    near.connect((HOST6, OFFERED))
    far = line.lan.keep(listener.accept()[0])
    far.settimeout(SHUT)
    assert still(near, far)
    line.hook(*named(BY_NAME))
    assert not still(near, far)


def test_a_flow_that_another_program_translates_ends(line):
    """As to a port that a container publishes; one that our forward leads in goes on."""
    line.config.write_text(CONFIG + forward("pppoe", 8080, f"{CLIENT}:8080"))
    line.apply()
    ours = connected(line.internet, line.lan, 8080, PPPOE)
    published = f"tcp dport 9999 dnat to {NEIGHBOUR}:9999"
    line.lan.ip(f"address add {NEIGHBOUR}/24 dev eth0")
    line.router.nft(
        OPEN
        + f"""
        table ip published {{
            chain prerouting {{ type nat hook prerouting priority -100; {published}; }}
        }}
        """
    )
    theirs = connected(line.internet, line.lan, CLOSED, PPPOE)
    assert still(*theirs)
    line.hook(*named(BY_NAME))
    assert not still(*theirs)
    assert still(*ours)


@pytest.fixture(name="house")
def _house(tmp_path):
    """Return a line with guests and a DMZ whose slices are up."""
    with closing(Zoned(tmp_path, CONFIG + ZONES)) as line:
        line.apply()
        line.event("ppp-up", PPP_IFACE="ppp0")
        yield line


@pytest.mark.parametrize(("own", "far"), [(CLIENT, GUEST), (HOST6, GUEST6), (CLIENT, DMZ)])
def test_a_flow_of_a_zone_to_what_is_inside_ends_too(house, own, far):
    """The DMZ has an interface by pattern; what a guest has with the internet goes on."""
    family = socket.AF_INET6 if ":" in own else socket.AF_INET
    zone = house.dmz if far == DMZ else house.guest
    server, client = (
        space.open_socket(family, socket.SOCK_DGRAM, timeout=SHUT) for space in (house.lan, zone)
    )
    server.bind((own, 22))  # the port is open outside

    def asks():
        client.sendto(b"question", (own, 22))
        try:
            server.sendto(b"answer", server.recvfrom(64)[1])
            return client.recv(64) == b"answer"
        except TimeoutError:
            return False

    outwards = connected(house.guest, house.internet, OFFERED, SERVERS[0])
    inwards = connected(house.lan, zone, OFFERED, DMZ if far == DMZ else GUEST)
    assert not asks()
    house.router.nft(OPEN)
    assert asks()
    house.hook(*named(BY_NAME))
    assert not asks()
    assert still(*outwards)
    assert still(*inwards)
