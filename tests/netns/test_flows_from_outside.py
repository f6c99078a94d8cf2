"""Flows that began outside while somebody else had flushed the rules do not live on."""

import socket

import pytest
from line import BY_NAME, PPPOE, SERVERS, SHUT, named

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
