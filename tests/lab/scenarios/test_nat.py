"""The ports of the set on the real tunnel: all of them used, shared fairly, and open inwards.

One configuration serves all, so each test leaves the next one the line as it is.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from guest import flows, product, traffic
from guest.addresses import (
    CE,
    CLIENT_ADDRESS,
    CONSOLE,
    INTERNET_HOST,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    NEIGHBOUR,
    OTHER_SINK,
    PORT_BLOCKS,
    PORT_SET,
    PPPOE_HOST,
    PSID,
    PSID_LENGTH,
    PSID_OFFSET,
    SINK,
    UDP_PORTS,
    port_blocks,
)
from guest.capture import Capture, Packet
from guest.flows import NUMBERS, Flow
from guest.line import Line
from guest.servers import Servers

OPEN_NAT = f'open-nat = ["{CONSOLE}"]'
FORWARDED = PORT_BLOCKS[5][7]
WEB = 8000
FORWARD = f"""
[[forward]]
via = "mape"
protocol = "tcp"
port = {FORWARDED}
to = "{NEIGHBOUR}:{WEB}"
"""
# The shape of v6plus; its ports are all of the usual set as well.
V6PLUS_BLOCKS = port_blocks(PSID, 4, 8)
V6PLUS_SET = frozenset(port for block in V6PLUS_BLOCKS for port in block)
TOO_MANY = 4
# Connections that the kernel can leave out of a count, where the machine stands still for some
# ticks in the middle of a packet: an emulated one does.
MISCOUNTED = 2
REFUSED_LIMIT_SECONDS = 2.0
SHUT_SECONDS = 1.0  # a packet that isn't there by then was dropped
_RST, _UNREACHABLE = 0x04, 3


@pytest.fixture(scope="module", autouse=True)
def nat(line: Line, installed: object, internet: Servers) -> Iterator[None]:
    """The WAN up, with one host that asks for an open NAT; the usual again at the end."""
    assert installed
    assert internet
    product.up_with(product.with_keys(mape=OPEN_NAT))
    yield
    line.relay.serve(CE, PORT_BLOCKS)
    product.apply()


@dataclass(frozen=True)
class Arrivals:
    """Outer ports of the flows that arrived, by host, and whether the first was refused any."""

    first: list[int]
    second: list[int]
    refused: bool


def _open_flows(line: Line, kind: str, share: int, sink: str) -> Arrivals:
    """Open flows of one host to `sink`, some more than `share`; then `share` of another one.

    All are among flows of a third host to elsewhere.
    """
    others = flows.strangers(PPPOE_HOST)
    first = [Flow(kind, CLIENT_ADDRESS, 20000 + at, sink) for at in range(share + TOO_MANY)]
    second = [Flow(kind, NEIGHBOUR, 20000 + at, sink) for at in range(share)]

    def is_mine(packet: Packet) -> bool:
        return (packet.protocol, packet.destination) == (NUMBERS[kind], sink)

    def is_refusal(packet: Packet) -> bool:
        return packet.destination == CLIENT_ADDRESS and (
            bool(packet.tcp_flags & _RST) if kind == "tcp" else packet.icmp_type == _UNREACHABLE
        )

    with Capture(line.internet, "br") as there, Capture(line.client, "lan") as here:
        flows.send(line.client, flows.mixed(first, others))
        refused = here.gather(is_refusal, 1, REFUSED_LIMIT_SECONDS)
        of_first = there.gather(is_mine, share)
        flows.send(line.client, flows.mixed(second, others))
        of_second = there.gather(is_mine, 2 * share - len(of_first))
    assert {packet.source for packet in of_first + of_second} == {MAPE_ADDRESS}
    return Arrivals(
        [packet.source_port for packet in of_first],
        [packet.source_port for packet in of_second],
        bool(refused),
    )


def _check(found: Arrivals, ports: frozenset[int]) -> None:
    """All ports are in use, each once, and the first host has its half of them."""
    everything = found.first + found.second
    assert set(everything) == ports
    shares = (len(found.first), len(found.second), found.refused)
    assert shares in {
        (len(ports) // 2 + extra, len(ports) // 2 - extra, True) for extra in range(MISCOUNTED + 1)
    }


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_port_is_used_and_no_host_has_more_than_its_share(
    line: Line, kind: str, measured: Callable[[str], None]
) -> None:
    """1008 flows of two hosts to one destination, one packet each: all arrive, each on its port.

    Who wants more than half is refused the rest quickly, and not by silence.
    """
    line.relay.reset()
    found = _open_flows(line, kind, len(PORT_SET) // 2, SINK)
    arrived = len({*found.first, *found.second})
    measured(f"{kind}: {arrived} of {len(PORT_SET)} flows have a port")
    _check(found, PORT_SET)
    assert line.relay.refused() == {}


def test_status_shows_what_is_in_use() -> None:
    """The ports, the busiest destination, its hosts, and who was refused."""
    ports = json.loads(product.run("status", "--json").stdout)["ports"]
    assert ports["size"] == ports["used"]["tcp"] == ports["used"]["udp"] == len(PORT_SET)
    assert (SINK, len(PORT_SET)) in {(one["address"], one["used"]) for one in ports["destinations"]}
    assert {CLIENT_ADDRESS, NEIGHBOUR} <= {one["address"] for one in ports["hosts"]}
    assert ports["refused"].keys() == {CLIENT_ADDRESS}
    assert ports["untranslated"] == 0
    assert ports["no-port"] <= 2 * MISCOUNTED


@pytest.mark.parametrize(
    ("kind", "port"), [(socket.SOCK_DGRAM, UDP_PORTS[0]), (socket.SOCK_STREAM, 80)]
)
def test_an_endpoint_is_seen_with_one_port_by_all(
    line: Line, kind: socket.SocketKind, port: int
) -> None:
    """Ten servers see the same outer port of one inner port, by UDP and by TCP.

    They are servers that no other test asks: a port that another endpoint has there is taken.
    """
    seen = []
    for host in INTERNET_HOSTS[2:12]:
        with line.client.socket(socket.AF_INET, kind) as inner:
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            inner.settimeout(traffic.ANSWER_LIMIT)
            inner.bind((CLIENT_ADDRESS, 5060))
            inner.connect((host, port))
            if kind == socket.SOCK_DGRAM:
                inner.send(b"?")
            seen.append(inner.recv(64).decode().split())
    assert len(set(map(tuple, seen))) == 1
    assert seen[0][0] == MAPE_ADDRESS
    assert int(seen[0][1]) in PORT_SET


@pytest.mark.parametrize("host", [CONSOLE, NEIGHBOUR])
def test_a_host_that_asked_for_it_has_an_open_nat(line: Line, host: str) -> None:
    """The console's test: another port of a server it knows may answer, a stranger may not.

    For a host that did not ask, neither may.
    """
    known, stranger = INTERNET_HOSTS[:2]

    def is_heard(inner: socket.socket, address: str, outer: tuple[str, int]) -> bool:
        with line.internet.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((address, 9999))
            sender.sendto(b"hello", outer)
        with suppress(TimeoutError):
            return inner.recv(64) == b"hello"
        return False

    with line.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as inner:
        inner.settimeout(traffic.ANSWER_LIMIT)
        inner.bind((host, 3074))
        inner.sendto(b"?", (known, UDP_PORTS[0]))
        address, port = inner.recv(64).decode().split()
        outer = (address, int(port))
        inner.settimeout(SHUT_SECONDS)
        assert is_heard(inner, known, outer) == (host == CONSOLE)
        assert not is_heard(inner, stranger, outer)


def _download_on(line: Line, internet: Servers, ports: frozenset[int]) -> traffic.Download:
    """A download whose outer port is one of `ports`."""
    while True:
        internet.forget()
        download = traffic.Download(line.client, INTERNET_HOST, rate=100_000)
        while not download.received and download.running:
            time.sleep(0.05)
        peer = next(flow for flow in internet.seen() if flow.protocol == "download")
        if peer.peer_port in ports:
            return download
        download.stop()


def test_a_forward_is_added_under_a_running_download(
    line: Line, internet: Servers, pause_limit: float, measured: Callable[[str], None]
) -> None:
    """The table is another one after it, and neither the download nor a mapping is lost."""
    before = traffic.ask_udp(line.client, INTERNET_HOST, source=(CONSOLE, 3075))
    download = _download_on(line, internet, PORT_SET)
    product.apply(product.with_keys(mape=OPEN_NAT, more=FORWARD))
    after = traffic.ask_udp(line.client, INTERNET_HOST, source=(CONSOLE, 3075))
    alive = download.goes_on()
    download.stop()
    measured(f"longest pause of a download while a forward is added: {download.longest_gap:.2f} s")
    assert alive
    assert download.longest_gap < pause_limit
    assert after == before


def test_a_forward_is_reached_from_the_internet_and_from_the_lan(line: Line) -> None:
    """A LAN server on a port of the set; a LAN host by the outer address has the same."""
    line.relay.reset()
    with Servers(line.client, tcp=(WEB,)) as servers:
        caller = traffic.ask_tcp(line.internet, MAPE_ADDRESS, FORWARDED)
        inside = traffic.ask_tcp(line.client, MAPE_ADDRESS, FORWARDED)
        seen = {flow.local for flow in servers.seen()}
    assert caller.address.startswith("192.0.2.")
    assert inside.address == MAPE_ADDRESS
    assert seen == {NEIGHBOUR}
    assert line.relay.refused() == {}


def test_another_port_set_is_used_up_too(line: Line, internet: Servers) -> None:
    """The shape of v6plus: 240 of 240, by each protocol.

    A download whose port the new set has goes on under the change.
    """
    download = _download_on(line, internet, V6PLUS_SET)
    line.relay.serve(CE, V6PLUS_BLOCKS)
    text = product.with_keys(mape=OPEN_NAT)
    for old, new in (
        (f"psid-offset = {PSID_OFFSET}", "psid-offset = 4"),
        (f"psid-length = {PSID_LENGTH}", "psid-length = 8"),
    ):
        assert old in text
        text = text.replace(old, new)
    assert len(V6PLUS_SET) == 240
    product.apply(text)
    assert download.goes_on()
    download.stop()
    line.relay.reset()
    for kind in NUMBERS:
        _check(_open_flows(line, kind, len(V6PLUS_SET) // 2, OTHER_SINK), V6PLUS_SET)
    assert line.relay.refused() == {}
