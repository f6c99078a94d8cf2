"""The other IPv4 services of the same line, with PPPoE beside them: IPIP and DS-Lite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from guest import product, router, traffic
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    FIXED_ADDRESS,
    FIXED_CE,
    FIXED_ID,
    INTERNET_HOST,
    LAN,
    OTHER_BR,
    SECOND_PPPOE_ADDRESS,
    WAN,
    WAN_PREFIX,
)
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

AFTR_ADDRESS = "203.0.113.201"
HEAD = f"""\
[wan]
interface = "{WAN}"
[lan]
interfaces = ["{LAN}"]
[firewall]
inbound = ["http"]
[mape]
"""
AFTR_NAT = f"""
table ip aftr {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        oifname "inet" ip saddr 192.168.0.0/16 snat to {AFTR_ADDRESS}
    }}
}}
"""


@dataclass(frozen=True)
class Service:
    """One of them: the configuration, our end, what the provider routes to it, what is seen."""

    config: str
    end: str
    routed: tuple[str, ...]
    address: str
    is_ours: bool


SERVICES = {
    "ipip": Service(
        f'{HEAD}mode = "ipip"\nbr = "{OTHER_BR}"\nipv4 = "{FIXED_ADDRESS}"\n'
        f'interface-id = "{FIXED_ID}"\n',
        FIXED_CE,
        (FIXED_ADDRESS,),
        FIXED_ADDRESS,
        is_ours=True,
    ),
    "ds-lite": Service(
        f'{HEAD}mode = "ds-lite"\naftr = "{OTHER_BR}"\n',
        f"{WAN_PREFIX[:-1]}b4:0:0:2",
        ("192.0.0.2", "192.168.10.0/24"),
        AFTR_ADDRESS,
        is_ours=False,
    ),
}


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest, line: Line, installed: object) -> Iterator[Service]:
    """The provider's side of it, and an ifup with its configuration."""
    assert installed
    offered = SERVICES[request.param]
    relay = line.relay.space
    relay.run("nft", "-f", "-", text=AFTR_NAT)
    with line.other_softwire(offered.end, *offered.routed, seen_as=offered.address):
        if product.wan_is_up():
            product.take_down()
        product.configure(offered.config)
        product.bring_up()
        yield offered
        product.take_down()
        line.isp.reconnect(FIRST_PPPOE_ADDRESS)
    relay.run("nft", "delete", "table", "ip", "aftr")
    product.configure()


def test_the_lan_has_the_internet(line: Line, service: Service) -> None:
    """By TCP, UDP and ping, with the address that the service gives."""
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == service.address
    assert traffic.ask_udp(line.client, INTERNET_HOST).address == service.address
    assert traffic.ping(line.client, INTERNET_HOST, [1]) == {1}


def test_services_are_offered_on_an_address_of_our_own(line: Line, service: Service) -> None:
    """A fixed address is reached from outside as PPPoE's is; a shared one is not."""
    with Servers(line.router, tcp=(80,)):
        assert traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, 80) == "open"
        found = traffic.try_port(line.internet, service.address, 80)
    assert (found == "open") == service.is_ours


def test_pppoe_reconnects_beside_it(line: Line, service: Service) -> None:
    """The server answers on PPPoE's new address, and the LAN's way is as before."""
    before = traffic.ask_tcp(line.client, INTERNET_HOST).address
    router.forget_stamps()
    line.isp.reconnect(SECOND_PPPOE_ADDRESS)
    router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp_within(line.internet, SECOND_PPPOE_ADDRESS, 80, 10)
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == before == service.address
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
