"""`offload = true`: established flows pass by the chains, and what is changed still counts."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from guest import command, offloaded, product, router, snapshot, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOST_V6,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    NEIGHBOUR,
    PORT_SET,
    PPP,
    PPPOE_HOST,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
)
from guest.capture import Capture, Packet
from guest.line import Line
from guest.servers import Servers

OUTSIDE, WEB, V6_PORT = 8081, 8000, 8006
CHOSEN, ON = f'via-pppoe = ["{PPPOE_HOST}"]', "offload = true"
FORWARD = f"""
[[forward]]
via = "pppoe"
protocol = "tcp"
port = {OUTSIDE}
to = "{NEIGHBOUR}:{WEB}"
"""
USUAL = product.with_keys(lan=CHOSEN, firewall=ON, more=FORWARD)
TAKEN_IN_SECONDS = 1.0
# What the provider's side gets from an address that its customer no longer has.
_STALE = f"""
table inet stale {{
    counter seen {{ }}
    chain early {{
        type filter hook prerouting priority raw; policy accept;
        iifname "ppp*" ip saddr {FIRST_PPPOE_ADDRESS} counter name seen
    }}
}}
"""


@pytest.fixture(scope="module", autouse=True)
def web(line: Line, installed: object, internet: Servers) -> Iterator[Servers]:
    """The WAN up with the flowtable, a host by PPPoE, and a server in the LAN."""
    assert installed
    assert internet
    product.up_with(USUAL)
    with Servers(line.client, tcp=(WEB,)) as servers:
        yield servers
    product.up_with(product.GOOD_CONFIG)


@pytest.fixture
def by_pppoe(line: Line) -> Iterator[traffic.Conversation]:
    """A connection of the chosen host, in the flowtable."""
    product.apply(USUAL)
    talk = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT, source=PPPOE_HOST)
    try:
        offloaded.wait_for(PPPOE_HOST)
        yield talk
    finally:
        talk.stop()


def test_the_flowtable_stands_and_all_is_in_order() -> None:
    """It has the WAN and the LAN; a dry run has nothing to do."""
    assert offloaded.flowtable()
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refuses a flowtable" not in product.run("status").stdout


def test_a_flow_by_pppoe_is_in_it_and_leaves_with_its_address(
    line: Line, by_pppoe: traffic.Conversation
) -> None:
    """The connection goes on; nothing else than the session's address leaves."""
    with Capture(line.router, PPP) as capture:
        assert by_pppoe.goes_on()
        left = _left(capture)
    assert {packet.source for packet in left} == {FIRST_PPPOE_ADDRESS}


def test_its_packets_meet_no_chain(line: Line, by_pppoe: traffic.Conversation) -> None:
    """A counter in the forward hook stands still while the connection goes on."""
    line.router.run(
        "nft",
        "-f",
        "-",
        text="table inet watched { counter met { }\n"
        "chain forward { type filter hook forward priority 0;\n"
        f"ip saddr {PPPOE_HOST} tcp dport {ECHO_PORT} counter name met\n}}\n}}\n",
    )
    try:
        before = line.router.counters("watched")
        echoes = by_pppoe.echoes
        assert by_pppoe.goes_on()
        met = line.router.counters("watched")["met"] - before["met"]
        assert met < by_pppoe.echoes - echoes
    finally:
        line.router.run("nft", "delete", "table", "inet", "watched")


def test_a_caller_of_a_lan_server_is_in_it(line: Line) -> None:
    """The flow began outside; its answers leave by PPPoE, with PPPoE's address."""
    product.apply(USUAL)
    talk = traffic.Conversation(line.internet, FIRST_PPPOE_ADDRESS, OUTSIDE)
    try:
        offloaded.until(
            lambda: bool(_offloaded_to(FIRST_PPPOE_ADDRESS)), "a caller's flow in the flowtable", 15
        )
        with Capture(line.router, PPP) as capture:
            assert talk.goes_on()
            sources = {packet.source for packet in _left(capture)}
    finally:
        talk.stop()
    assert sources == {FIRST_PPPOE_ADDRESS}


def _offloaded_to(address: str) -> list[str]:
    listed = command.run(["conntrack", "-L", "-f", "ipv4", "--orig-dst", address])
    return [one for one in listed.splitlines() if "[OFFLOAD]" in one]


def test_a_flow_of_ipv6_is_in_it(line: Line) -> None:
    """It keeps its own address; there is no translation."""
    product.apply(USUAL)
    with (
        offloaded.ipv6_of_the_lan(line),
        Servers(line.internet, tcp=(V6_PORT,), v6=True) as servers,
    ):
        talk = traffic.Conversation(
            line.client, INTERNET_HOST_V6, V6_PORT, source=offloaded.CLIENT_V6
        )
        try:
            offloaded.wait_for(offloaded.CLIENT_V6)
            assert talk.goes_on()
            assert offloaded.CLIENT_V6 in {flow.peer for flow in servers.seen()}
        finally:
            talk.stop()


def test_a_flow_by_the_tunnel_is_never_in_it(line: Line) -> None:
    """It is translated by the port set's rules, and each packet held against them."""
    talk = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT, source=CLIENT_ADDRESS)
    try:
        began = time.monotonic()
        while time.monotonic() < began + 4:  # UDP and TCP by PPPoE are in it by then
            assert talk.goes_on()
            assert offloaded.flows(CLIENT_ADDRESS) == []
    finally:
        talk.stop()


@pytest.mark.usefixtures("by_pppoe")
def test_a_forward_that_is_taken_out_is_shut_at_once(line: Line) -> None:
    """For new callers; the flows before are judged anew, by another flowtable."""
    before = offloaded.flowtable()
    product.apply(product.with_keys(lan=CHOSEN, firewall=ON))
    assert traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, OUTSIDE, 1) != "open"
    assert offloaded.flowtable() not in ("", before)


def test_a_host_that_is_no_longer_chosen_begins_by_mape(
    line: Line, by_pppoe: traffic.Conversation, answer_limit: float
) -> None:
    """Within a second; what it began before stays with PPPoE, and each way has its own address."""
    before = offloaded.flowtable()
    product.apply(product.with_keys(firewall=ON, more=FORWARD))
    with Capture(line.router, TUNNEL) as tunnel, Capture(line.router, PPP) as session:
        seen = traffic.ask_tcp(
            line.client, INTERNET_HOSTS[1], source=PPPOE_HOST, limit=answer_limit
        )
        assert by_pppoe.goes_on()
        by_tunnel, by_session = _left(tunnel), _left(session)
    assert offloaded.flowtable() not in ("", before)
    assert seen.address == MAPE_ADDRESS
    assert {packet.source for packet in by_session} == {FIRST_PPPOE_ADDRESS}
    assert {packet.source for packet in by_tunnel} == {MAPE_ADDRESS}
    assert {packet.source_port for packet in by_tunnel} <= PORT_SET


def test_a_host_that_is_chosen_anew_begins_by_pppoe(line: Line, answer_limit: float) -> None:
    """Within a second; what it began by the tunnel never leaves by PPPoE, nor is offloaded."""
    product.apply(product.with_keys(firewall=ON, more=FORWARD))
    talk = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT, source=PPPOE_HOST)
    try:
        product.apply(USUAL)
        seen = traffic.ask_tcp(
            line.client, INTERNET_HOSTS[1], source=PPPOE_HOST, limit=answer_limit
        )
        assert seen.address == FIRST_PPPOE_ADDRESS
        with Capture(line.router, TUNNEL) as tunnel, Capture(line.router, PPP) as session:
            talk.goes_on(2)  # it may, or be dropped: its packets are translated for the tunnel
            by_tunnel, by_session = _left(tunnel), _left(session)
    finally:
        talk.stop()
    assert {packet.source for packet in by_tunnel} <= {MAPE_ADDRESS}
    assert {packet.source for packet in by_session} <= {FIRST_PPPOE_ADDRESS}
    assert not [one for one in offloaded.flows(PPPOE_HOST) if f"dst={MAPE_ADDRESS} " in one]


def _left(capture: Capture) -> list[Packet]:
    """Return the packets of TCP that have left the router by a capture's interface."""
    return [
        packet
        for packet in capture.packets()
        if packet.outgoing and packet.protocol == socket.IPPROTO_TCP
    ]


@pytest.mark.usefixtures("by_pppoe")
def test_nothing_leaves_with_the_address_before(line: Line) -> None:
    """PPPoE comes back with another one while a connection in the flowtable sends."""
    router.forget_stamps()
    line.isp.cut_pppoe()
    line.isp.space.run("nft", "-f", "-", text=_STALE)
    try:
        line.isp.open_pppoe(SECOND_PPPOE_ADDRESS)
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
        time.sleep(TAKEN_IN_SECONDS)
        assert snapshot.conntrack(FIRST_PPPOE_ADDRESS) == []
        talk = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT, source=PPPOE_HOST)
        try:
            offloaded.wait_for(PPPOE_HOST)
            assert talk.goes_on()
            assert snapshot.conntrack(SECOND_PPPOE_ADDRESS)
        finally:
            talk.stop()
        assert line.isp.space.counters("stale") == {"seen": 0}
    finally:
        line.isp.space.run("nft", "delete", "table", "inet", "stale")
        router.forget_stamps()
        line.isp.reconnect(FIRST_PPPOE_ADDRESS)
        router.wait_for_hooks(FIRST_PPPOE_ADDRESS)


def test_one_that_somebody_deletes_is_put_back(by_pppoe: traffic.Conversation) -> None:
    """By the watcher, or by the next run; meanwhile the flow passes the chains."""
    command.run(["nft", "delete", "table", "inet", offloaded.TABLE])
    if not product.watcher_runs():
        product.run()
    offloaded.until(lambda: bool(offloaded.flowtable()), "the flowtable", 20)
    offloaded.wait_for(PPPOE_HOST)
    assert by_pppoe.goes_on()


@pytest.mark.usefixtures("by_pppoe")
def test_down_leaves_nothing_of_it() -> None:
    """Neither the table nor a flow in it, nor anything else of ours."""
    product.take_down()
    # pppd's hook still runs as its device goes, and the kernel ends flows in the background.
    offloaded.until(lambda: not snapshot.ours(), "the end of all that is ours", 20)
    offloaded.until(_none_offloaded, "the end of all flows in a flowtable", 10)


def _none_offloaded() -> bool:
    return "[OFFLOAD]" not in command.run(["conntrack", "-L"])
