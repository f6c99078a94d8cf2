"""Routing by source and mark on the real devices: only the default route is replaced."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import command, product, router, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    NEIGHBOUR,
    PORT_BLOCKS,
    PPP,
    PPPOE_HOST,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    UDP_PORTS,
    WAN,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers
from guest.waiting import until

SERVICE, OUTSIDE, WEB, ANSWERED = 4443, 8081, 8000, 8002
FORWARDED = PORT_BLOCKS[3][5]
KEYS = {"lan": f'via-pppoe = ["{PPPOE_HOST}"]', "wan": "failover = true"}
FORWARDS = f"""
[[forward]]
via = "pppoe"
protocol = "tcp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
[[forward]]
via = "pppoe"
protocol = "udp"
port = {ANSWERED}
to = "{NEIGHBOUR}:{ANSWERED}"
[[forward]]
via = "mape"
protocol = "tcp"
port = {FORWARDED}
to = "{NEIGHBOUR}:{WEB}"
"""
FULL = 1472  # bytes of UDP payload in 1500 bytes of IPv4
IP_TTL, IP_MTU_DISCOVER, IP_RECVERR, IP_MTU = 2, 10, 11, 14
IP_PMTUDISC_DO = 2


@pytest.fixture(scope="module", autouse=True)
def web(line: Line, installed: object) -> Iterator[Servers]:
    """The WAN up with these forwards, a server in the LAN and one on the router."""
    assert installed
    product.up_with(product.with_keys(**KEYS, more=FORWARDS))
    with (
        Servers(line.client, tcp=(WEB,)) as servers,
        Servers(line.router, tcp=(SERVICE,), udp=(ECHO_PORT,)),
    ):
        yield servers
    product.apply()


def _address() -> str:
    """The address that PPPoE has now."""
    [address] = [
        one for one in router.addresses(PPP) if one in {FIRST_PPPOE_ADDRESS, SECOND_PPPOE_ADDRESS}
    ]
    return address


@pytest.mark.parametrize("source", [CLIENT_ADDRESS, PPPOE_HOST])
def test_a_lan_host_uses_the_routers_service_by_pppoes_address(line: Line, source: str) -> None:
    """TCP, UDP and ping are answered to the LAN, and nothing of it leaves by PPPoE."""
    address = _address()
    with Capture(line.router, PPP) as pppoe:
        assert traffic.ask_tcp(line.client, address, SERVICE, source=source).address == source
        assert traffic.ask_udp(line.client, address, source=(source, 0)).address == source
        assert traffic.ping(line.client, address, [7]) == {7}
        left = [one for one in pppoe.packets() if one.outgoing]
    assert left == []


def test_the_router_reaches_its_servers_by_its_public_addresses(line: Line, web: Servers) -> None:
    """A program on the router uses the names that everybody uses."""
    for address, port in ((_address(), OUTSIDE), (MAPE_ADDRESS, FORWARDED)):
        web.forget()
        traffic.ask_tcp(line.router, address, port)
        assert [flow.local for flow in web.seen()] == [NEIGHBOUR]


@pytest.mark.parametrize(
    ("kind", "source", "host", "mtu"),
    [
        ("failover", CLIENT_ADDRESS, INTERNET_HOSTS[1], 1460),
        ("chosen", PPPOE_HOST, INTERNET_HOSTS[2], 1454),
        ("forward", NEIGHBOUR, INTERNET_HOSTS[3], 1454),
    ],
)
@pytest.mark.usefixtures("internet")
def test_errors_of_the_router_reach_the_lan(
    line: Line, kind: str, source: str, host: str, mtu: int
) -> None:
    """Fragmentation needed, and time exceeded, about a flow of each kind that has begun.

    The LAN's one machine remembers the size for each host outside.
    """
    with (
        line.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        line.internet.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        udp.settimeout(traffic.ANSWER_LIMIT)
        udp.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        udp.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        udp.bind((source, ANSWERED if kind == "forward" else 0))
        udp.connect(_asked(udp, far, host) if kind == "forward" else (host, UDP_PORTS[0]))
        udp.send(b"?" * 100)
        if kind != "forward":
            assert udp.recv(2000)
        udp.send(b"?" * FULL)
        assert _error(udp) == errno.EMSGSIZE
        assert udp.getsockopt(socket.IPPROTO_IP, IP_MTU) == mtu
        udp.setsockopt(socket.IPPROTO_IP, IP_TTL, 1)
        udp.send(b"short-lived")
        assert _error(udp) == errno.EHOSTUNREACH


def _error(udp: socket.socket) -> int | None:
    """What an ICMP error says to a socket that waits."""
    try:
        udp.recv(2000)
    except OSError as error:
        return error.errno
    return None


def _asked(udp: socket.socket, far: socket.socket, host: str) -> tuple[str, int]:
    """Let a host outside ask the server behind PPPoE; return who asked.

    The caller keeps `far` open: a closed port would answer with an ICMP error of its own.
    """
    far.bind((host, 0))
    far.sendto(b"question", (_address(), ANSWERED))
    assert udp.recvfrom(64)[0] == b"question"
    peer: tuple[str, int] = far.getsockname()
    return peer


def test_a_failover_is_never_without_a_default_route(line: Line) -> None:
    """Without an IPv6 router the command moves the route; rtnetlink shows one at each moment."""
    told = Path("/run/lab-routes")
    monitor = line.router.start("sh", "-c", f"exec stdbuf -oL ip -4 monitor route >{told}")
    try:
        line.isp.stop_announcing()
        until(lambda: not _ipv6_default(), "the end of the IPv6 default route", 20)
        assert product.run().returncode == 0
        moved = _by_tunnel(line)
        line.isp.announce()
        until(_ipv6_default, "an IPv6 default route", 20)
        assert product.run().returncode == 0
        until(lambda: "metric" not in _by_tunnel(line), "the route back", 5)
    finally:
        monitor.terminate()
        monitor.wait()
    assert "metric 4096" in moved
    ours = [text for text in told.read_text().splitlines() if f"default dev {TUNNEL}" in text]
    moves = [text.startswith("Deleted") for text in ours if "table" not in text]
    assert moves == [False, True, False, True]


def _ipv6_default() -> str:
    return command.run(["ip", "-6", "route", "show", "default", "dev", WAN])


def _by_tunnel(line: Line) -> str:
    return line.router.run("ip", "route", "show", "default", "dev", TUNNEL)
