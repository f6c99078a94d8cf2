"""The router itself reaches servers behind it by its own public addresses."""

import pytest
from line import OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED
from scenes import NEIGHBOUR, exchange, forward, reconnect


@pytest.fixture(name="behind")
def _behind(made):
    """Return a line with a server behind each address."""
    return made(
        forward("pppoe", 8080, f"{NEIGHBOUR}:80", more='from = ["192.0.2.0/24"]'),
        forward("pppoe", 5000, f"{NEIGHBOUR}:53", "udp"),
        forward("mape", 1040, f"{NEIGHBOUR}:80"),
        forward("mape", 1041, f"{NEIGHBOUR}:53", "udp"),
    )


def answer(server, client, address):
    """Let a server of UDP answer a client that asks ``address``."""
    client.sendto(b"question", address)
    text, peer = server.recvfrom(64)
    server.sendto(text, peer)
    assert client.recvfrom(64) == (b"question", address)


@pytest.mark.parametrize(("address", "port"), [(PPPOE, 8080), (SHARED, 1040)])
def test_it_reaches_a_server_by_its_public_address(behind, address, port):
    """A program on the router uses the DDNS name as any host does; nothing goes outside."""
    server = behind.lan.listen(80, NEIGHBOUR)
    by_pppoe, by_mape = behind.internet.sniff("ppp"), behind.internet.sniff("mape")
    exchange(server, behind.router.connect(address, port, timeout=2))
    answer(
        behind.lan.udp(NEIGHBOUR, 53),
        behind.router.udp(timeout=2),
        (address, 5000 if address == PPPOE else 1041),
    )
    assert by_pppoe.sources() == by_mape.sources() == set()


def test_it_follows_a_new_address(behind):
    """Nothing names the address, so there is nothing to mend."""
    server = behind.lan.listen(80, NEIGHBOUR)
    reconnect(behind, OTHER_PPPOE)
    exchange(server, behind.router.connect(OTHER_PPPOE, 8080, timeout=2))


@pytest.mark.parametrize("address", [ROUTER, "127.0.0.1", "127.8.0.9"])
def test_its_own_pages_stay_its_own(behind, address):
    """By its LAN addresses and by loopback the ports are the router's."""
    behind.lan.listen(80, NEIGHBOUR)
    page = behind.router.listen(8080)
    exchange(page, behind.router.connect(address, 8080, timeout=2))


def test_other_ports_of_its_public_addresses_are_its_own(behind):
    """Only what is forwarded goes to a server."""
    page = behind.router.listen(443)
    for address in (PPPOE, SHARED):
        exchange(page, behind.router.connect(address, 443, timeout=2))


def test_the_same_port_of_a_host_outside_is_that_hosts(behind):
    """What the router asks of others is not its servers'."""
    server = behind.internet.listen(8080)
    behind.router.run("nft", "insert", "rule", "inet", "dualwan_firewall", "output", "accept")
    exchange(server, behind.router.connect(SERVERS[0], 8080, timeout=2))
