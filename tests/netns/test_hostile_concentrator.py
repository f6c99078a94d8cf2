"""An access concentrator that gives an address which is not its to give."""

import re

import pytest
from line import CLIENT, OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED
from scenes import NEIGHBOUR, exchange, from_lan, reconnect


@pytest.fixture(name="talking")
def _talking(line):
    """Return a line with a connection of the LAN by MAP-E, both ends."""
    server = line.internet.listen(80)
    client = from_lan(line, SERVERS[0], 80)
    _, accepted = exchange(server, client)
    return line, client, accepted


def goes_on(client, accepted):
    """Let both ends talk."""
    accepted.settimeout(3)
    client.sendall(b"still")
    assert accepted.recv(5) == b"still"
    accepted.sendall(b"there")
    assert client.recv(5) == b"there"


@pytest.mark.parametrize("address", [ROUTER, SHARED, SERVERS[0]])
def test_it_does_not_harm_what_is_there(talking, address):
    """Of the router in the LAN, MAP-E's own, or a server's: also while it changes."""
    line, client, accepted = talking
    reconnect(line, address)
    if address != SERVERS[0]:
        goes_on(client, accepted)
        exchange(line.internet.listen(81), from_lan(line, SERVERS[1], 81))
    exchange(line.router.listen(22), from_lan(line, ROUTER, 22))
    reconnect(line, OTHER_PPPOE)
    goes_on(client, accepted)
    exchange(line.router.listen(23), from_lan(line, ROUTER, 23))


def identity(line):
    """Return the numbers that conntrack gives the connections of the LAN host."""
    listed = line.router.run("conntrack", "-L", "-p", "tcp", "-s", CLIENT, "-o", "id")
    return set(re.findall(r"\bid=\d+", listed))


def test_the_flows_of_mape_are_not_forgotten_with_its_address(talking):
    """They are not the session's, which had the address for a while."""
    line, client, accepted = talking
    before = identity(line)
    assert before
    reconnect(line, SHARED)
    reconnect(line, OTHER_PPPOE)
    goes_on(client, accepted)
    assert identity(line) == before


@pytest.mark.parametrize(("own", "other"), [(CLIENT, "203.0.113.1"), (PPPOE, CLIENT)])
def test_an_address_of_a_lan_host_is_named(line, own, other):
    """The kernel prefers the session's for that one host; all others, and MAP-E, go on."""
    line.lan.ip(f"address add {NEIGHBOUR}/24 dev eth0")
    line.router.ip(f"""
        address flush dev ppp0
        address add {own} peer {other}/32 dev ppp0
    """)
    line.event("ppp-up", PPP_IFACE="ppp0")
    exchange(line.router.listen(22), from_lan(line, ROUTER, 22, NEIGHBOUR))
    exchange(line.internet.listen(80), from_lan(line, SERVERS[0], 80, NEIGHBOUR))
    told = line.hook("status").stdout
    assert f"{CLIENT} on ppp0, which is of 192.168.1.0/24 on lan0" in told
    assert "hang up" in told
    reconnect(line, OTHER_PPPOE)
    exchange(line.router.listen(23), from_lan(line, ROUTER, 23))
    assert f"{CLIENT} on ppp0" not in line.hook("status").stdout
