"""What a packet of an established flow costs the router with `offload = true`, beside without.

A ratio of this guest, shown at the end of the run, and held against nothing: an emulated
processor has times of its own.

    tests/lab/run.py test --long -k offload_cost
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest
from guest import command, offloaded, product
from guest.addresses import ECHO_PORT, INTERNET_HOST, INTERNET_HOST_V6, PPPOE_HOST
from guest.line import Line
from guest.servers import Servers

ROUNDS, PACKETS = 9, 1500
PORT_V6 = 8007
ESTABLISHED_SECONDS = 3.0  # UDP is a flow in both directions after two
# What has left the router is dropped as it arrives, or the far end would cost more than it.
_DROPPED = """
table netdev far {
    chain end {
        type filter hook ingress device wan priority 0;
        meta protocol { ip6, 0x8864 } meta length > 1000 drop
    }
}
"""


@pytest.fixture(scope="module", autouse=True)
def up(line: Line, installed: object, internet: Servers) -> Iterator[None]:
    """The WAN up with the flowtable, a host by PPPoE, IPv6 in the LAN; nobody mends."""
    assert installed
    assert internet
    keys = product.with_keys(lan=f'via-pppoe = ["{PPPOE_HOST}"]', firewall="offload = true")
    product.up_with(keys)
    with product.without_watcher(), offloaded.ipv6_of_the_lan(line), _echo_of_ipv6(line):
        yield
    product.up_with(product.GOOD_CONFIG)


@pytest.mark.parametrize("way", ["PPPoE", "IPv6"])
def test_the_cost_of_a_packet(line: Line, way: str, measured: Callable[[str], None]) -> None:
    """Rounds with the flowtable and without it by turns, of one flow."""
    with _flow(line, way) as flow:
        pairs = []
        for _ in range(ROUNDS):
            product.run()
            with_it = _cost(line, flow, offload=True)
            command.run(["nft", "delete", "table", "inet", offloaded.TABLE])
            pairs.append((with_it, _cost(line, flow, offload=False)))
    ratio = median(one / other for one, other in pairs)
    shown = " and ".join(f"{median(times) * 1e6:.1f}" for times in zip(*pairs, strict=True))
    measured(f"an established packet by {way}, with the flowtable and without: {shown} us")
    measured(f"the same as a ratio, median of {ROUNDS} pairs: {ratio:.2f} (below 1 is the aim)")


def _flow(line: Line, way: str) -> socket.socket:
    """Return a socket of the LAN that is connected to the internet's echo."""
    v6 = way == "IPv6"
    udp = line.client.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(2)
    udp.bind((offloaded.CLIENT_V6 if v6 else PPPOE_HOST, 0))
    udp.connect((INTERNET_HOST_V6, PORT_V6) if v6 else (INTERNET_HOST, ECHO_PORT))
    return udp


def _cost(line: Line, flow: socket.socket, *, offload: bool) -> float:
    """Return the seconds that it takes to send a packet through the router, all on one processor.

    The packets are answered until the flow is established.
    """
    source = flow.getsockname()[0]
    began = time.monotonic()
    while time.monotonic() < began + ESTABLISHED_SECONDS or (
        offload and not offloaded.flows(source)
    ):
        assert time.monotonic() < began + 20, f"{source} is not in the flowtable"
        flow.send(b"?")
        flow.recv(64)
        time.sleep(0.1)
    assert bool(offloaded.flows(source)) is offload
    line.isp.space.run("nft", "-f", "-", text=_DROPPED)
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})  # also for what the kernel puts off
    try:
        payload = b"!" * 1200
        started = time.perf_counter()
        for _ in range(PACKETS):
            flow.send(payload)
        return (time.perf_counter() - started) / PACKETS
    finally:
        os.sched_setaffinity(0, processors)
        line.isp.space.run("nft", "delete", "table", "netdev", "far")


@contextmanager
def _echo_of_ipv6(line: Line) -> Iterator[None]:
    """The internet sends back what comes by UDP, for the length of a `with` block."""
    with line.internet.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.bind((INTERNET_HOST_V6, PORT_V6))
        udp.settimeout(0.5)
        over = threading.Event()
        thread = threading.Thread(target=_echo, args=(udp, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _echo(udp: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        try:
            said, peer = udp.recvfrom(2048)
            udp.sendto(said, peer)
        except TimeoutError:
            continue
