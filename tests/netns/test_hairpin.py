"""LAN hosts reach servers of the LAN by the router's addresses outside."""

import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, ROUTER, SHARED
from scenes import (
    NEIGHBOUR,
    SECOND,
    SECOND_ROUTER,
    TWO_LANS,
    exchange,
    forward,
    from_lan,
    reconnect,
)


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
