"""Guests on an interface of their own: the internet by the way that is theirs, and nothing else.

The namespace tests have the whole matrix; here the ways are real ones, and so is the scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from guest import offloaded, product, router, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOST_V6,
    LAN_ADDRESS,
    MAPE_ADDRESS,
    PPP,
    TUNNEL,
)
from guest.behind import Network, heard, heard_now
from guest.capture import Capture
from guest.line import Line
from guest.scan import scan
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

GUESTS, DMZ = Network("guest", 5), Network("dmz", 6)
ZONES = f"""
[zone.guest]
interfaces = ["{GUESTS.device}"]
ways = ["pppoe", "ipv6"]
[zone.dmz]
interfaces = ["{DMZ.device}"]
services = []
ways = ["mape"]
"""
SERVED, SERVED_V6 = 80, 6080
SILENCE_SECONDS = 3.0  # after which nobody answers
SCANNED = {
    "tcp": "1-200,443,445,587,3306,6080,8080",
    "udp": "53,67,68,69,111,123,137,161,500,547,1900,5353",
}
OFFERED = {"tcp": {53}, "udp": {53, 67, 547}}


@pytest.fixture(scope="module", autouse=True)
def zones(line: Line, installed: object) -> Iterator[None]:
    """The WAN up with a LAN, guests and a DMZ, all with both families, and servers everywhere."""
    assert installed
    product.up_with(product.GOOD_CONFIG)
    with ExitStack() as stack:
        stack.enter_context(offloaded.ipv6_of_the_lan(line))
        for network in (GUESTS, DMZ):
            stack.enter_context(network.joined(line))
        product.apply(product.GOOD_CONFIG + ZONES)
        for space in (line.router, line.client, DMZ.space, GUESTS.space):
            stack.enter_context(Servers(space, tcp=(SERVED, SERVED_V6), v6=True))
        stack.enter_context(Servers(line.internet, tcp=(SERVED_V6,), v6=True))
        yield
        product.apply()


def _as_whom(network: Network, host: str, port: int = SERVED) -> str:
    """Return as whom ``host`` sees the network's host."""
    return traffic.ask_tcp(network.space, host, port).address


def _is_reached(network: Network, host: str, port: int = SERVED) -> bool:
    """Return whether ``host`` answers the network's host."""
    try:
        traffic.ask_tcp(network.space, host, port, limit=SILENCE_SECONDS)
    except traffic.NoAnswerError:
        return False
    return True


@contextmanager
def _each_no_is_said(line: Line) -> Iterator[None]:
    """Let the router send as many ICMP errors as there are reasons for, for a `with` block."""
    line.router.sysctl(ipv4__icmp_ratelimit=0, ipv6__icmp__ratelimit=0)
    try:
        yield
    finally:
        line.router.sysctl(ipv4__icmp_ratelimit=1000, ipv6__icmp__ratelimit=1000)


def test_guests_reach_the_internet_by_their_own_way(line: Line) -> None:
    """By PPPoE and with its address, by IPv6 with their own; nothing of it by MAP-E."""
    with Capture(line.router, TUNNEL) as mape:
        assert _as_whom(GUESTS, INTERNET_HOST) == FIRST_PPPOE_ADDRESS
        assert traffic.ask_udp(GUESTS.space, INTERNET_HOST).address == FIRST_PPPOE_ADDRESS
        assert traffic.ping(GUESTS.space, INTERNET_HOST, [1]) == {1}
        assert mape.packets() == []
    assert _as_whom(GUESTS, INTERNET_HOST_V6, SERVED_V6) == GUESTS.host[1]


def test_the_dmz_has_another_way(line: Line) -> None:
    """By MAP-E, and by no other; IPv6 of the line is not among its ways."""
    line.relay.reset()
    with Capture(line.router, PPP) as pppoe:
        assert _as_whom(DMZ, INTERNET_HOST) == MAPE_ADDRESS
        assert not _is_reached(DMZ, INTERNET_HOST_V6, SERVED_V6)
        assert pppoe.packets() == []
    assert line.relay.refused() == {}


def test_a_scan_from_the_guests_finds_what_is_offered(line: Line) -> None:
    """Names and addresses from the router by any of its addresses; not a packet gets further."""
    own = (*GUESTS.router, LAN_ADDRESS, DMZ.router[1], FIRST_PPPOE_ADDRESS, MAPE_ADDRESS)
    others = (CLIENT_ADDRESS, offloaded.CLIENT_V6, *DMZ.host)
    with heard(line.client, GUESTS), heard(DMZ.space, GUESTS):
        with _each_no_is_said(line):
            found = scan(GUESTS.space, (*own, *others), SCANNED)
        came = heard_now(line.client), heard_now(DMZ.space)
        # What has been counted can be: the answers of a guest come to the LAN that asks.
        for host in GUESTS.host:
            assert traffic.try_port(line.client, host, SERVED) == "open"
        answers = heard_now(line.client)
    reached = {asked: set(one.open | one.closed) for asked, one in found.items()}
    assert reached == {
        (target, protocol): OFFERED[protocol] if target in own else set()
        for target in (*own, *others)
        for protocol in SCANNED
    }
    assert came == ({"four": 0, "six": 0}, {"four": 0, "six": 0})
    assert min(answers.values()) > 0


def test_guests_have_no_way_while_theirs_is_down(line: Line) -> None:
    """PPPoE is cut: nothing of them takes MAP-E, which the LAN uses; IPv6 goes on."""
    line.isp.cut_pppoe()
    router.wait_for_no_ppp()
    with Capture(line.router, TUNNEL) as mape:
        assert not _is_reached(GUESTS, INTERNET_HOST)
        assert mape.packets() == []
    assert _as_whom(GUESTS, INTERNET_HOST_V6, SERVED_V6) == GUESTS.host[1]
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    router.forget_stamps()
    line.isp.open_pppoe()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    assert _as_whom(GUESTS, INTERNET_HOST) == FIRST_PPPOE_ADDRESS
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
