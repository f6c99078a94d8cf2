"""Servers of the LAN that are reached by IPv6, without translation."""

import socket

import pytest
from line import SHUT
from scenes import (
    HOST6,
    OUTSIDE6,
    forward,
    with_ipv6,
)
from space import until


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
