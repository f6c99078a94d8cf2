"""[[policy]]: the LAN's new flows take one of three ways, by who sends them and where they lead."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from guest import product, router, traffic
from guest.addresses import (
    CONSOLE,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    FIXED_ADDRESS,
    FIXED_ID,
    INTERNET_HOST,
    MAPE_ADDRESS,
    OTHER_BR,
    TUNNEL,
    UDP_PORTS,
)
from guest.capture import Capture
from guest.line import Line

pytestmark = pytest.mark.usefixtures("internet")

WAY = f"""
[way.fixed]
type = "ipip"
br = "{OTHER_BR}"
ipv4 = "{FIXED_ADDRESS}"
interface-id = "{FIXED_ID}"
"""
WEB, CALLS = 80, (UDP_PORTS[2], UDP_PORTS[4])
POLICIES = f"""
[[policy]]
source = "{CONSOLE}"
way = "fixed"
[[policy]]
port = [{WEB}, "{CALLS[0]}-{CALLS[1]}"]
way = "pppoe"
fallback = "none"
"""


@pytest.fixture(scope="module", autouse=True)
def policies(line: Line, installed: object) -> Iterator[None]:
    """The WAN up with three ways and these policies."""
    assert installed
    with line.fixed_address():
        product.up_with(product.GOOD_CONFIG + WAY + POLICIES)
        yield
        product.apply()


def _by_tcp(line: Line, port: int, source: str = "") -> str:
    return traffic.ask_tcp(line.client, INTERNET_HOST, port, source=source).address


def _by_udp(line: Line, port: int, source: str = "") -> str:
    with line.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(traffic.ANSWER_LIMIT)
        udp.bind((source, 0))
        udp.sendto(b"?" * 32, (INTERNET_HOST, port))
        return udp.recv(64).decode().split()[0]


def test_by_source(line: Line) -> None:
    """The console takes the fixed address, whatever it asks for: its policy stands first."""
    assert _by_tcp(line, ECHO_PORT, CONSOLE) == FIXED_ADDRESS
    assert _by_tcp(line, WEB, CONSOLE) == FIXED_ADDRESS
    assert _by_udp(line, CALLS[0], CONSOLE) == FIXED_ADDRESS


def test_by_port(line: Line) -> None:
    """A port and a range take PPPoE, by TCP and by UDP; all else takes MAP-E."""
    assert _by_tcp(line, WEB) == FIRST_PPPOE_ADDRESS
    assert {_by_udp(line, port) for port in CALLS} == {FIRST_PPPOE_ADDRESS}
    assert _by_udp(line, CALLS[0] - 1) == _by_udp(line, CALLS[1] + 1) == MAPE_ADDRESS
    assert _by_tcp(line, ECHO_PORT) == MAPE_ADDRESS


def test_while_a_way_is_down(line: Line) -> None:
    """What takes PPPoE or nothing is told so at once, and no other way has it."""
    line.isp.cut_pppoe()
    router.wait_for_no_ppp()
    with Capture(line.router, TUNNEL) as mape:
        with pytest.raises(traffic.NoAnswerError, match=r"unreachable|No route"):
            _by_tcp(line, WEB)
        assert mape.packets() == []
    assert _by_tcp(line, ECHO_PORT) == MAPE_ADDRESS
    assert _by_tcp(line, WEB, CONSOLE) == FIXED_ADDRESS
    router.forget_stamps()
    line.isp.open_pppoe()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    assert _by_tcp(line, WEB) == FIRST_PPPOE_ADDRESS


def test_a_flow_stays_where_it_began(line: Line) -> None:
    """The policies are taken out, and put back: a call goes on by the way that it has."""
    call = traffic.Conversation(line.client, INTERNET_HOST, WEB)
    game = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT, source=CONSOLE)
    product.apply(product.GOOD_CONFIG + WAY)
    assert _by_tcp(line, WEB) == _by_tcp(line, ECHO_PORT, CONSOLE) == MAPE_ADDRESS
    found = [one.goes_on() for one in (call, game)]
    product.apply(product.GOOD_CONFIG + WAY + POLICIES)
    found += [one.goes_on() for one in (call, game)]
    for one in (call, game):
        one.stop()
    assert found == [True] * 4, (call.error, game.error)
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
