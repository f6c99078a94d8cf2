"""MAP-E and a fixed address by IPIP side by side, without PPPoE: a line of 10 Gbit/s.

The fixed address has what PPPoE has elsewhere: the servers, whose answers go by the way the request
came, and the LAN while MAP-E's relay does not answer.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from guest import command, product, router, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    ECHO_PORT,
    FIXED_ADDRESS,
    FIXED_CE,
    FIXED_ID,
    INTERNET_HOST,
    LAN,
    MAPE_ADDRESS,
    NEIGHBOUR,
    OTHER_BR,
    PORT_SET,
    TUNNEL,
    WAN,
)
from guest.capture import Capture
from guest.line import Line
from guest.paced import Stream
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

DEVICE = "fixed0"
OUTSIDE, WEB = 8081, 8000
PROBES = 3  # in a row, before MAP-E is taken as broken, or as mended
CONFIG = (
    product.with_keys(wan=f'failover = true\nprobe = ["{INTERNET_HOST}"]\nhold-down = 0').replace(
        "dial = true", "dial = false"
    )
    + f"""
[way.fixed]
type = "ipip"
br = "{OTHER_BR}"
ipv4 = "{FIXED_ADDRESS}"
interface-id = "{FIXED_ID}"
[[forward]]
via = "fixed"
protocol = "tcp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
[[forward]]
via = "fixed"
protocol = "udp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
"""
)


@pytest.fixture(scope="module", autouse=True)
def web(line: Line, installed: object) -> Iterator[Servers]:
    """An ifup of the line with both tunnels; a server in the LAN, and one on the router."""
    assert installed
    if product.wan_is_up():
        product.take_down()
    product.configure(CONFIG)
    with (
        line.fixed_address(),
        Servers(line.client, tcp=(WEB,), udp=(WEB,)) as servers,
        Servers(line.router, tcp=(80,)),
    ):
        command.run(["ifup", WAN], limit=120)
        for device, address in ((TUNNEL, MAPE_ADDRESS), (DEVICE, FIXED_ADDRESS)):
            router.wait_for_address(device, address)
        yield servers
        product.take_down()
    product.configure()


def test_the_lan_takes_mape(line: Line) -> None:
    """By TCP, UDP and ping, with ports of the set; nothing of it leaves by the other tunnel."""
    line.relay.reset()
    with Capture(line.router, DEVICE) as other:
        for seen in (
            traffic.ask_tcp(line.client, INTERNET_HOST),
            traffic.ask_udp(line.client, INTERNET_HOST),
        ):
            assert seen.address == MAPE_ADDRESS
            assert seen.port in PORT_SET
        assert traffic.ping(line.client, INTERNET_HOST, [1]) == {1}
        assert other.packets() == []
    assert line.relay.refused() == {}


@pytest.mark.parametrize("port", [80, OUTSIDE])
def test_servers_answer_by_the_fixed_address(line: Line, web: Servers, port: int) -> None:
    """The router's own, and the one in the LAN, which sees the caller's own address."""
    web.forget()
    with Capture(line.router, DEVICE) as fixed, Capture(line.router, TUNNEL) as mape:
        caller = traffic.ask_tcp(line.internet, FIXED_ADDRESS, port)
        assert {one.source for one in fixed.packets() if one.outgoing} == {FIXED_ADDRESS}
        assert mape.packets() == []
    if port == OUTSIDE:
        assert [(flow.local, flow.peer) for flow in web.seen()] == [(NEIGHBOUR, caller.address)]
    assert traffic.try_port(line.internet, MAPE_ADDRESS, port, 1) != "open"


def test_what_is_not_offered_stays_shut(line: Line) -> None:
    """On the fixed address as on PPPoE's: another port of the router, and that of the LAN."""
    with Servers(line.router, tcp=(8082,)):
        found = traffic.try_ports(line.internet, FIXED_ADDRESS, (8082, WEB), 1)
    assert "open" not in found.values(), found


def test_the_lan_reaches_the_server_by_the_fixed_address(line: Line, web: Servers) -> None:
    """The server sees that address, so that its answer comes back the same way."""
    web.forget()
    seen = traffic.ask_tcp(line.client, FIXED_ADDRESS, OUTSIDE, source=CLIENT_ADDRESS)
    assert seen.address == FIXED_ADDRESS
    assert [flow.local for flow in web.seen()] == [NEIGHBOUR]


def test_the_routers_own_socket_goes_by_its_source(line: Line) -> None:
    """A program that is bound to the fixed address leaves by it, any other one by MAP-E."""
    seen = traffic.ask_tcp(line.router, INTERNET_HOST, 80, source=FIXED_ADDRESS)
    assert seen.address == FIXED_ADDRESS
    assert traffic.ask_tcp(line.router, INTERNET_HOST, 80).address == MAPE_ADDRESS


def test_the_lan_takes_the_fixed_address_while_the_relay_is_silent(
    line: Line, measured: Callable[[str], None]
) -> None:
    """Established flows stay where they began, there and back; the server loses no packet."""
    with (
        Stream(line.internet, FIXED_ADDRESS, OUTSIDE) as served,
        line.client.socket(socket.AF_INET, socket.SOCK_STREAM) as older,
    ):
        older.settimeout(traffic.ANSWER_LIMIT)
        older.connect((INTERNET_HOST, ECHO_PORT))
        assert older.recv(64).decode().split()[0] == MAPE_ADDRESS
        line.relay.fall_silent()
        try:
            _probe()
            assert _way() == DEVICE
            assert traffic.ask_tcp(line.client, INTERNET_HOST).address == FIXED_ADDRESS
            later = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT)
            older.sendall(b"meanwhile ")
        finally:
            line.relay.speak()
        _probe()
        assert _way() == TUNNEL
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
        with Capture(line.router, DEVICE) as fixed:
            assert later.goes_on()
            assert fixed.gather(lambda one: one.source_port == ECHO_PORT, 2)
        later.stop()
        assert older.recv(64) == b"meanwhile "
        older.sendall(b"still here")
        assert older.recv(64) == b"still here"
    measured(f"a server's flow while the LAN fell over and back: {served}")
    assert served.sent > PROBES
    assert served.lost == 0


def _probe() -> None:
    """What the timer does."""
    for _time in range(PROBES):
        command.run(["systemctl", "start", "dualwan-probe.service"])


def _way() -> str:
    """The device by which LAN traffic leaves now."""
    asked = ["ip", "-j", "route", "get", INTERNET_HOST, "from", CLIENT_ADDRESS, "iif", LAN]
    return str(json.loads(command.run(asked))[0]["dev"])


def test_all_is_in_order(line: Line) -> None:
    """Nothing is left to do, `status` has both addresses, and the ends are no sources of ours."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
    told = product.run("status", "--json").stdout
    assert {item["state"] for item in json.loads(told)["slices"].values()} == {"in order"}
    assert FIXED_ADDRESS in told
    assert MAPE_ADDRESS in told
    listed = line.router.run("ip", "-6", "-o", "address", "show", "dev", WAN, "to", FIXED_CE)
    assert "deprecated" in listed
