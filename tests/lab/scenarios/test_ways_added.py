"""Ways are added to a running router: a second PPPoE session, then a fixed address by IPIP.

What runs by the others meanwhile are paced flows of which each datagram is answered. Both sessions
then reconnect, each by itself, with another address each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from guest import peers, product, router, snapshot, traffic
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    FIXED_ADDRESS,
    FIXED_ID,
    INTERNET_HOST,
    MAPE_ADDRESS,
    NEIGHBOUR,
    OTHER_BR,
    PPP,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    UDP_PORTS,
)
from guest.capture import Capture
from guest.customers import Customers
from guest.isp import USER
from guest.line import Line
from guest.paced import Stream
from guest.peers import SECOND_USER
from guest.servers import Servers

SECOND_ADDRESS, SECOND_NEXT = "203.0.113.20", "203.0.113.21"
FIXED_DEVICE = "fixed0"
WEB = 8000
OUTSIDE = {"pppoe": 8081, "second": 8082, "fixed": 8083}
DEVICES = {"pppoe": PPP, "second": peers.SECOND_DEVICE, "fixed": FIXED_DEVICE}
ENOUGH = 40  # datagrams of a flow, for its loss to say anything


def _forward(way: str) -> str:
    """Lead a port of this way to the server in the LAN, by TCP and by UDP."""
    return "".join(
        f"""
[[forward]]
via = "{way}"
protocol = "{protocol}"
port = {OUTSIDE[way]}
to = "{NEIGHBOUR}:{WEB}"
"""
        for protocol in ("tcp", "udp")
    )


SECOND = f"""
[way.second]
type = "pppoe"
peer = "{peers.SECOND}"
interface = "{peers.SECOND_DEVICE}"
"""
FIXED = f"""
[way.fixed]
type = "ipip"
br = "{OTHER_BR}"
ipv4 = "{FIXED_ADDRESS}"
interface-id = "{FIXED_ID}"
"""
TWO = product.with_keys(more=_forward("pppoe"))
THREE = product.with_keys(more=SECOND + _forward("pppoe") + _forward("second"))
# The new one stands before the one that runs: nothing of that may move.
FOUR = product.with_keys(more=FIXED + SECOND + "".join(map(_forward, OUTSIDE)))


@pytest.fixture(scope="module", autouse=True)
def running(line: Line, internet: Servers, installed: object) -> Iterator[Customers]:
    """Bring up MAP-E and PPPoE, with servers; the provider has more to offer."""
    assert installed
    assert internet
    product.up_with(TWO)
    customers = Customers(line.isp, {USER: FIRST_PPPOE_ADDRESS, SECOND_USER: SECOND_ADDRESS})
    router.forget_stamps()
    with (
        customers.serving(),
        line.fixed_address(),
        peers.second_provider(),
        Servers(line.client, tcp=(WEB,), udp=(WEB,)),
        Servers(line.router, tcp=(80,)),
    ):
        router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
        yield customers
        product.take_down()
        router.wait_for_no_ppp(device=peers.SECOND_DEVICE)
    product.configure()


@pytest.fixture(scope="module")
def second(line: Line, running: Customers) -> dict[str, Stream]:
    """Add the second session as the manual has it; the flows that ran meanwhile, by their way."""
    with flows(line, running, "pppoe") as ran:
        router.forget_stamps()
        product.configure(THREE)
        assert product.run("check").returncode == 0
        done = product.run()
        assert done.returncode == 0, done.stdout + done.stderr
        router.wait_for_hooks(SECOND_ADDRESS)
    return ran


@pytest.fixture(scope="module")
def fixed(line: Line, running: Customers, second: object) -> dict[str, Stream]:
    """Add the fixed address to these; the flows that ran meanwhile, by their way."""
    assert second
    with flows(line, running, "pppoe", "second") as ran:
        product.configure(FOUR)
        done = product.run()
        assert done.returncode == 0, done.stdout + done.stderr
    return ran


@contextmanager
def flows(line: Line, customers: Customers, *ways: str) -> Iterator[dict[str, Stream]]:
    """Send a paced flow by MAP-E, and one from outside to the server behind each of ``ways``."""
    by_way = {"mape": Stream(line.client, INTERNET_HOST, UDP_PORTS[0])}
    for way in ways:
        by_way[way] = Stream(line.internet, _address(customers, way), OUTSIDE[way])
    with ExitStack() as stack:
        for stream in by_way.values():
            stack.enter_context(stream)
        yield by_way
        for stream in by_way.values():
            stream.until_sent(ENOUGH)


def _address(customers: Customers, way: str) -> str:
    """Return the address that the router has by a way now."""
    if way == "fixed":
        return FIXED_ADDRESS
    return customers.addresses[USER if way == "pppoe" else SECOND_USER]


def assert_nothing_lost(ran: dict[str, Stream]) -> None:
    """Each datagram of each flow was answered, and none was seen as somebody else's."""
    for way, stream in ran.items():
        assert stream.sent >= ENOUGH, f"{way}: {stream}"
        assert stream.lost == 0, f"{way}: {stream}"
        assert len(stream.seen_as) == 1, f"{way}: {stream}"
    assert next(iter(ran["mape"].seen_as)).startswith(f"{MAPE_ADDRESS} ")


def assert_in_order() -> None:
    """Nothing is left to do."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr


def test_adding_a_session_loses_no_packet_of_the_others(second: dict[str, Stream]) -> None:
    """A peer is written, the configuration edited, and `dualwan-hook` typed."""
    assert_nothing_lost(second)
    assert_in_order()


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize("way", ["pppoe", "second"])
def test_a_server_on_each_session_answers_by_its_own(
    line: Line, running: Customers, way: str
) -> None:
    """The router's own and the one in the LAN, and nothing of it by another way."""
    _answers_by_its_own(line, way, _address(running, way))


def _answers_by_its_own(line: Line, way: str, address: str) -> None:
    others = {TUNNEL, *DEVICES.values()} - {DEVICES[way]}
    with ExitStack() as stack:
        mine = stack.enter_context(Capture(line.router, DEVICES[way]))
        taps = [
            stack.enter_context(Capture(line.router, device))
            for device in others
            if router.addresses(device)
        ]
        for port in (80, OUTSIDE[way]):
            traffic.ask_tcp(line.internet, address, port)
        assert {one.source for one in mine.packets() if one.outgoing} == {address}
        by_others = {one.source for tap in taps for one in tap.packets() if one.outgoing}
        assert not by_others & {address, NEIGHBOUR}
    elsewhere = [port for name, port in OUTSIDE.items() if name != way]
    found = traffic.try_ports(line.internet, address, elsewhere, 1)
    assert "open" not in found.values(), found


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(
    ("way", "name", "address"),
    [("second", SECOND_USER, SECOND_NEXT), ("pppoe", USER, SECOND_PPPOE_ADDRESS)],
)
def test_a_session_reconnects_and_the_others_lose_no_packet(
    line: Line, running: Customers, way: str, name: str, address: str
) -> None:
    """It is there with another address, and nothing names the one before."""
    before = _address(running, way)
    assert DEVICES[way] == peers.device_of(before)
    other = "pppoe" if way == "second" else "second"
    with flows(line, running, other) as ran:
        router.forget_stamps()
        running.reconnect(name, address)
        router.wait_for_hooks(address)
        _answers_by_its_own(line, way, address)
    assert_nothing_lost(ran)
    assert DEVICES[way] == peers.device_of(address)
    assert snapshot.take().naming(f'"{before}"') == []
    assert snapshot.conntrack(before) == []
    assert_in_order()


def test_adding_a_fixed_address_loses_no_packet_of_the_others(fixed: dict[str, Stream]) -> None:
    """Put before the second session into the file, whose connections keep their mark and table."""
    assert_nothing_lost(fixed)
    assert_in_order()


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("way", OUTSIDE)
def test_each_way_has_its_server(line: Line, running: Customers, way: str) -> None:
    """Four ways are up, and each address leads to what is forwarded by it."""
    _answers_by_its_own(line, way, _address(running, way))
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
