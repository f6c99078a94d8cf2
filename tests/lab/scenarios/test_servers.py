"""Servers in the LAN, reached by PPPoE's address and by IPv6, from outside and from inside."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from guest import product, router, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    FIRST_PPPOE_ADDRESS,
    LAN,
    LAN_ADDRESS,
    NEIGHBOUR,
    PPP,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    WAN,
    WAN_PREFIX,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers

OUTSIDE, WEB, SHUT = 8081, 8000, 8001
# The next /64 of the line, for the LAN.
LAN_PREFIX = f"{WAN_PREFIX[:-4]}01::"
SERVER_V6, ROUTER_V6 = f"{LAN_PREFIX}80", f"{LAN_PREFIX}1"
FORWARDS = f"""
[[forward]]
via = "pppoe"
protocol = "tcp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
[[forward]]
via = "pppoe"
protocol = "udp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
[[forward]]
protocol = "tcp"
port = {WEB}
to = "::80"
"""


@pytest.fixture(scope="module")
def ipv6_lan(line: Line) -> Iterator[None]:
    """IPv6 for the LAN."""
    way = next(item for item in router.addresses(WAN) if item.startswith("2400:"))
    line.isp.space.ip(f"route add {LAN_PREFIX}/64 via {way}")
    line.router.ip(f"address add {ROUTER_V6}/64 dev {LAN} nodad")
    line.client.ip(
        f"address add {SERVER_V6}/64 dev lan nodad", f"route add default via {ROUTER_V6}"
    )
    yield
    line.client.ip(f"route del default via {ROUTER_V6}", f"address del {SERVER_V6}/64 dev lan")
    line.router.ip(f"address del {ROUTER_V6}/64 dev {LAN}")
    line.isp.space.ip(f"route del {LAN_PREFIX}/64")


@pytest.fixture(scope="module", autouse=True)
def web(line: Line, installed: object) -> Iterator[Servers]:
    """The WAN up with these forwards, and a server in the LAN."""
    assert installed
    product.up_with(product.with_keys(more=FORWARDS))
    with Servers(line.client, tcp=(WEB, SHUT), udp=(WEB,)) as servers:
        yield servers
    product.apply()


def test_a_lan_server_answers_by_pppoe(line: Line, web: Servers) -> None:
    """It sees the caller's own address; the answer goes back by PPPoE, nothing by MAP-E."""
    web.forget()
    with Capture(line.router, PPP) as pppoe, Capture(line.router, TUNNEL) as mape:
        caller = traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, OUTSIDE)
        by_pppoe = {packet.source for packet in pppoe.packets() if packet.outgoing}
        by_mape = mape.packets()
    assert by_pppoe == {FIRST_PPPOE_ADDRESS}
    assert by_mape == []
    assert [(flow.local, flow.peer) for flow in web.seen()] == [(NEIGHBOUR, caller.address)]
    assert traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, WEB, 1) != "open"


def test_lan_hosts_reach_it_by_the_public_address(line: Line, web: Servers) -> None:
    """The server sees the router, so that its answer comes back the same way."""
    web.forget()
    seen = traffic.ask_tcp(line.client, FIRST_PPPOE_ADDRESS, OUTSIDE, source=CLIENT_ADDRESS)
    assert seen.address == LAN_ADDRESS
    assert [flow.local for flow in web.seen()] == [NEIGHBOUR]


@pytest.mark.usefixtures("ipv6_lan")
def test_a_pinhole_reaches_one_port_of_one_host(line: Line) -> None:
    """By IPv6, without translation; another port of the host stays shut."""
    with Servers(line.client, tcp=(WEB + 100,), v6=True), _v6_only(line, WEB):
        assert traffic.try_port(line.internet, SERVER_V6, WEB) == "open"
        assert traffic.try_port(line.internet, SERVER_V6, WEB + 100, 1) != "open"
        assert traffic.try_port(line.client, SERVER_V6, WEB + 100) == "open"


def _v6_only(line: Line, port: int) -> socket.socket:
    """A server beside the one of IPv4 with the same port."""
    listener = line.client.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("::", port))
    listener.listen()
    return listener


def test_it_answers_on_a_new_address_at_once(
    line: Line, web: Servers, answer_limit: float, measured: Callable[[str], None]
) -> None:
    """PPPoE comes back with another address; nothing of the forwards names the old one."""
    router.forget_stamps()
    line.isp.reconnect(SECOND_PPPOE_ADDRESS)
    router.wait_for_ppp(SECOND_PPPOE_ADDRESS)
    traffic.ask_tcp_within(line.internet, SECOND_PPPOE_ADDRESS, OUTSIDE, 20)
    answered = time.clock_gettime(time.CLOCK_BOOTTIME)
    router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
    elapsed = answered - router.last_stamp(SECOND_PPPOE_ADDRESS)
    measured(f"from ip-up to a LAN server's first answer: {elapsed:.2f} of {answer_limit:.2f} s")
    inside = traffic.ask_tcp(line.client, SECOND_PPPOE_ADDRESS, OUTSIDE, source=CLIENT_ADDRESS)
    in_order = product.run("--dry-run", "--exit-code")
    router.forget_stamps()
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)  # which the others expect
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    assert web.seen()
    assert elapsed < answer_limit
    assert inside.address == LAN_ADDRESS
    assert in_order.returncode == 0, in_order.stdout + in_order.stderr
