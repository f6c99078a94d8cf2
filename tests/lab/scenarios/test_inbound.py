"""From the internet to the router: through PPPoE, to what is offered and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from guest import router, traffic
from guest.addresses import (
    CE,
    FIRST_PPPOE_ADDRESS,
    LAN_ADDRESS,
    MAPE_ADDRESS,
    PORT_BLOCKS,
    PPP,
    TUNNEL,
    WAN,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("up")

OFFERED = (22, 80, 443)
NOT_OFFERED = (23, 25, 8081, PORT_BLOCKS[0].start)


@pytest.fixture(scope="module")
def services(line: Line) -> Iterator[Servers]:
    """Servers on the router, on ports that are offered and on others."""
    with Servers(line.router, tcp=(*OFFERED, *NOT_OFFERED)) as servers:
        yield servers


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("port", OFFERED)
def test_an_offered_service_answers_by_pppoe(line: Line, port: int) -> None:
    """The answer leaves where the question came in, and nothing of it goes through MAP-E."""
    with Capture(line.router, PPP) as pppoe, Capture(line.router, TUNNEL) as mape:
        caller = traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, port)
        by_pppoe = [packet for packet in pppoe.packets() if packet.outgoing]
        by_mape = mape.packets()
    assert {packet.source for packet in by_pppoe} == {FIRST_PPPOE_ADDRESS}
    assert caller.address in {packet.destination for packet in by_pppoe}
    assert by_mape == []


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("host", [FIRST_PPPOE_ADDRESS, MAPE_ADDRESS])
def test_other_ports_stay_shut(line: Line, host: str) -> None:
    """A server that isn't offered can't be reached, by PPPoE or by MAP-E."""
    found = traffic.try_ports(line.internet, host, NOT_OFFERED, 1)
    assert "open" not in found.values(), found


@pytest.mark.usefixtures("services")
def test_offered_services_are_offered_on_pppoe_only(line: Line) -> None:
    """The shared address offers nothing: its ports are for answers."""
    found = traffic.try_ports(line.internet, MAPE_ADDRESS, OFFERED, 1)
    assert "open" not in found.values(), found


def test_ipv6_ports_stay_shut(line: Line) -> None:
    """IPv6 is no way around the firewall, neither to the router's address nor to the CE."""
    address = next(
        item for item in router.addresses(WAN) if item.startswith("2400:") and item != CE
    )
    with line.router.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
        server.bind(("::", 8082))
        server.listen()
        found = {host: traffic.try_port(line.internet, host, 8082, 1) for host in (address, CE)}
    assert "open" not in found.values(), found


@pytest.mark.usefixtures("services")
def test_the_lan_reaches_every_service(line: Line) -> None:
    """From the LAN the router is open."""
    found = traffic.try_ports(line.client, LAN_ADDRESS, NOT_OFFERED)
    assert set(found.values()) == {"open"}, found
