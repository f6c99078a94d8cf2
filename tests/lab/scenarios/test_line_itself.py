"""The line without the product: plain commands do what the old scripts did.

What is shown here is the lab's, so that a failure elsewhere is the product's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guest import command, router, traffic, waiting
from guest.addresses import (
    BR,
    CE,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOST_V6,
    LAN_ADDRESS,
    MAPE_ADDRESS,
    OTHER_WAN_PREFIX,
    PORT_BLOCKS,
    PORT_SET,
    PPP,
    PPPOE_PEER,
    SECOND_PPPOE_ADDRESS,
    WAN,
    WAN_PREFIX,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

_SNAT = f"""
table ip by_hand {{
    chain nat {{
        type nat hook postrouting priority srcnat;
        oifname map_by_hand meta l4proto {{ tcp, udp, icmp }} snat ip to \
            numgen inc mod {len(PORT_BLOCKS)} map {{ {
    ", ".join(
        f"{index} : {MAPE_ADDRESS} . {block.start}-{block.stop - 1}"
        for index, block in enumerate(PORT_BLOCKS)
    )
} }}
    }}
}}
"""


@pytest.fixture(scope="module")
def by_hand(line: Line) -> Iterator[Line]:
    """MAP-E and PPPoE set up with plain commands, and taken down again."""
    command.run(["ifup", WAN])
    line.router.sysctl(ipv6__conf__wan0__accept_ra=2, ipv4__ip_forward=1)
    line.router.ip(
        f"address add {CE}/128 dev {WAN} nodad preferred_lft 0",
        f"link add name map_by_hand type ip6tnl mode ipip6 local {CE} remote {BR} encaplimit none",
        "link set dev map_by_hand mtu 1460 up",
        f"address add {MAPE_ADDRESS} dev map_by_hand",
        "route add default dev map_by_hand",
    )
    line.router.run("nft", "-f", "-", text=_SNAT)
    command.run(["pon", PPPOE_PEER])
    router.wait_for_ppp(FIRST_PPPOE_ADDRESS)
    yield line
    command.run(["poff", PPPOE_PEER])
    router.wait_for_no_ppp()
    line.isp.cut_pppoe()
    line.isp.open_pppoe()
    line.router.run("nft", "delete", "table", "ip", "by_hand")
    line.router.ip("link del dev map_by_hand", f"address del {CE}/128 dev {WAN}")
    line.router.sysctl(ipv4__ip_forward=0)
    command.run(["ifdown", WAN])


def test_ipv6_reaches_the_internet(by_hand: Line) -> None:
    """The router's own IPv6 goes by the default route that the line announces."""
    by_hand.router.run("ping", "-6", "-c", "1", "-W", "5", INTERNET_HOST_V6)


def test_client_is_seen_with_the_shared_address(by_hand: Line) -> None:
    """TCP, UDP and ping through the tunnel come out at the relay with address and port set."""
    by_hand.relay.reset()
    for ask in (traffic.ask_tcp, traffic.ask_udp):
        seen = ask(by_hand.client, INTERNET_HOST)
        assert seen.address == MAPE_ADDRESS
        assert seen.port in PORT_SET
    assert traffic.ping(by_hand.client, INTERNET_HOST, range(100, 110)) == set(range(100, 110))
    assert by_hand.relay.refused() == {}
    assert by_hand.relay.counters()["passed"] > 0


def test_relay_counts_what_is_not_of_the_port_set(by_hand: Line) -> None:
    """A packet with a foreign port or echo id is refused and counted: the guard is awake."""
    foreign = next(port for port in range(40000, 41000) if port not in PORT_SET)
    by_hand.relay.reset()
    by_hand.router.run("nft", "flush", "table", "ip", "by_hand")
    try:
        with pytest.raises(traffic.NoAnswerError):
            traffic.ask_udp(by_hand.router, INTERNET_HOST, source=("", foreign), limit=1)
        assert not traffic.ping(by_hand.router, INTERNET_HOST, [1], limit=1)
        with pytest.raises(traffic.NoAnswerError):
            traffic.ask_udp(by_hand.client, INTERNET_HOST, limit=1)
    finally:
        by_hand.router.run("nft", "delete", "table", "ip", "by_hand")
        by_hand.router.run("nft", "-f", "-", text=_SNAT)
    refused = by_hand.relay.refused()
    assert set(refused) == {"foreign_port", "foreign_echo_id", "foreign_source"}


@pytest.mark.parametrize(
    ("address", "silently"), [(SECOND_PPPOE_ADDRESS, False), (FIRST_PPPOE_ADDRESS, True)]
)
def test_pppoe_comes_back_with_another_address(by_hand: Line, address: str, silently: bool) -> None:
    """After a cut, with or without a goodbye, the router dials again and gets the new address."""
    by_hand.isp.reconnect(address, silently=silently)
    router.wait_for_ppp(address)
    rule = ("rule", "add", "from", address, "lookup", "100", "priority", "100")
    by_hand.router.run("ip", *rule)
    by_hand.router.run("ip", "route", "add", "default", "dev", PPP, "table", "100")
    with Servers(by_hand.router, tcp=(80,)), Capture(by_hand.router, PPP) as capture:
        seen = traffic.ask_tcp(by_hand.internet, address, 80)
        packets = capture.packets()
    by_hand.router.run("ip", "rule", "del", *rule[2:])
    assert seen.address.startswith("192.0.2.")
    assert any(packet.outgoing and packet.source == address for packet in packets)


def test_a_download_through_the_relay(by_hand: Line) -> None:
    """Full-size packets pass the tunnel in both directions of discovery."""
    download = traffic.Download(by_hand.client, INTERNET_HOST, total=400_000, rate=2_000_000)
    download.finish()


def test_announced_prefix_can_change(by_hand: Line) -> None:
    """The line announces another prefix and the router takes an address of it."""
    by_hand.isp.announce(OTHER_WAN_PREFIX)
    try:
        waiting.until(
            lambda: router.has_address(WAN, OTHER_WAN_PREFIX.removesuffix(":")),
            "an address of the new prefix",
            20,
        )
    finally:
        by_hand.isp.announce(WAN_PREFIX)


def test_the_lan_reaches_the_router(by_hand: Line) -> None:
    """The client's cable is plugged in."""
    assert traffic.ping(by_hand.client, LAN_ADDRESS, [7]) == {7}
    assert (
        json.loads(by_hand.router.run("ip", "-j", "link", "show", "lan0"))[0]["operstate"] == "UP"
    )
