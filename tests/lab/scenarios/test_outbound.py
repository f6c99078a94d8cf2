"""From the LAN to the internet: through MAP-E, with the shared address and its port set."""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Callable

import pytest
from guest import traffic
from guest.addresses import (
    DOWNLOAD_PORT,
    INTERNET_HOST,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    PORT_BLOCKS,
    PORT_SET,
    UDP_PORTS,
)
from guest.capture import Capture
from guest.line import Line
from guest.namespace import Namespace
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("up", "internet")

_ICMP = 1
_TCP_SYN = 0x02
# Sockets. All hops of a guest share the queue of its one processor, which takes 1000 packets.
AT_ONCE = 56


@pytest.mark.parametrize("ask", [traffic.ask_tcp, traffic.ask_udp])
def test_the_internet_sees_the_shared_address(
    line: Line, ask: Callable[[Namespace, str], traffic.Endpoint]
) -> None:
    """By TCP and by UDP, repeatedly, the port is always one of ours."""
    line.relay.reset()
    seen = [ask(line.client, host) for host in INTERNET_HOSTS]
    assert {endpoint.address for endpoint in seen} == {MAPE_ADDRESS}
    assert {endpoint.port for endpoint in seen} <= PORT_SET
    assert line.relay.refused() == {}


def test_ping_is_answered_and_its_ids_are_of_the_port_set(line: Line) -> None:
    """An echo id is mapped as a port is: the relay refuses none, and answers come back."""
    line.relay.reset()
    ids = range(1, 64)
    with Capture(line.internet, "br") as capture:
        assert traffic.ping(line.client, INTERNET_HOST, ids) == set(ids)
        packets = [packet for packet in capture.packets() if packet.protocol == _ICMP]
    arrived = {packet.source_port for packet in packets if packet.source == MAPE_ADDRESS}
    assert arrived
    assert arrived <= PORT_SET
    assert line.relay.refused() == {}


def test_the_routers_own_traffic_keeps_to_the_port_set(line: Line) -> None:
    """The router itself pings, and the relay finds nothing to refuse."""
    line.relay.reset()
    assert traffic.ping(line.router, INTERNET_HOST, range(1, 5)) == set(range(1, 5))
    assert line.relay.refused() == {}


def test_a_thousand_flows_at_once_are_spread_over_the_blocks(line: Line, internet: Servers) -> None:
    """1008 UDP flows held open together arrive; each socket has a port of its own in the set.

    The ports are drawn: that 504 of 1008 leave out three whole blocks of 16 happens to nobody.
    """
    line.relay.reset()
    internet.forget()
    destinations = [(host, UDP_PORTS[-1]) for host in INTERNET_HOSTS[:2]]  # asked by no other test
    sockets = [
        line.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _number in range(16 * len(PORT_BLOCKS) // len(destinations))
    ]
    wanted = len(sockets) * len(destinations)
    assert wanted == 1008
    try:
        answers = sum(
            _answers(sockets[first : first + AT_ONCE], destinations)
            for first in range(0, len(sockets), AT_ONCE)
        )
    finally:
        for udp in sockets:
            udp.close()
    seen = internet.seen()
    ports = Counter(flow.peer_port for flow in seen)
    assert answers == wanted
    assert {flow.peer for flow in seen} == {MAPE_ADDRESS}
    assert set(ports) <= PORT_SET
    used = [sum(ports[port] for port in block) for block in PORT_BLOCKS]
    assert len(used) == 63
    assert len(ports) == len(sockets)
    assert sum(number > 0 for number in used) > len(used) - 3
    assert line.relay.refused() == {}


def _answers(sockets: list[socket.socket], destinations: list[tuple[str, int]]) -> int:
    """Send a datagram of each socket to each destination; return the number of answers."""
    for udp in sockets:
        for destination in destinations:
            udp.sendto(b"?", destination)
    deadline = time.monotonic() + 20
    answers, wanted = 0, len(sockets) * len(destinations)
    while answers < wanted and time.monotonic() < deadline:
        for udp in select.select(sockets, [], [], 1)[0]:
            udp.recv(256)
            answers += 1
    return answers


def test_segments_fit_the_tunnel_in_both_directions(line: Line) -> None:
    """Whoever opens the connection, both ends are told a segment size that needs no fragments."""
    with Capture(line.internet, "br") as there, Capture(line.client, "lan") as here:
        download = traffic.Download(line.client, INTERNET_HOST, total=200_000, rate=4_000_000)
        download.finish()
        outward = [packet for packet in there.packets() if packet.destination_port == DOWNLOAD_PORT]
        inward = [packet for packet in here.packets() if packet.source_port == DOWNLOAD_PORT]
    syn = [packet.mss for packet in outward if packet.tcp_flags & _TCP_SYN]
    syn_ack = [packet.mss for packet in inward if packet.tcp_flags & _TCP_SYN]
    assert syn, "no SYN was seen"
    assert syn_ack, "no SYN-ACK was seen"
    assert max(size or 1460 for size in syn + syn_ack) <= 1460 - 40
