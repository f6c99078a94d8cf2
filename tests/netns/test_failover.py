"""What was MAP-E's does not leave by PPPoE, whatever the routes say."""

import json

import pytest
from line import CLIENT, CONFIG, NO_TUNNEL, PPPOE, SERVERS, SHARED, SHUT
from space import until

from dualwan.slices import marks

FAILOVER = CONFIG.replace("[lan]", "failover = true\n[lan]")

PPPOE_MARK = 0x01000000
FORGET = f"""
from dualwan.host.kernel import KernelHost
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Flows
KernelHost().apply(Step(Action.REMOVE, Flows("{SHARED}", udp=True)))
"""


@pytest.fixture(name="moved")
def _moved(bare):
    """Return a line with failover, and a function that leads the default route to PPPoE."""
    line = bare(config=FAILOVER)
    line.apply()

    def move(device="ppp0"):
        line.router.run("ip", "route", "replace", "default", "dev", device)

    return line, move


def misplaced(line):
    """Return how many packets were kept from leaving by PPPoE."""
    found = line.router.run("nft", "-j", "list", "counter", "ip", "dualwan_pbr", "misplaced")
    return next(
        item["counter"]["packets"] for item in json.loads(found)["nftables"] if "counter" in item
    )


def test_a_connection_stays_with_mape(moved):
    """After failover it goes on by the tunnel, as long as there is one; new ones take PPPoE."""
    line, move = moved
    line.router.run("ip", "route", "add", "default", "dev", "mape0", "table", "101")
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, peer = server.accept()
    asked = line.internet.udp(SERVERS[0], 5000)
    asking = line.lan.udp(CLIENT, 5000)
    asking.sendto(b"one", (SERVERS[0], 5000))
    assert peer[0] == asked.recvfrom(8)[1][0] == SHARED
    move()
    client.sendall(b"still")
    assert accepted.recv(5) == b"still"
    accepted.sendall(b"here")
    assert client.recv(4) == b"here"
    asking.sendto(b"two", (SERVERS[0], 5000))
    assert asked.recvfrom(8)[1][0] == SHARED
    line.lan.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == PPPOE


def test_without_the_tunnel_a_connection_of_mape_ends_quickly(moved):
    """It is reset at once, new ones take PPPoE; nothing wrong leaves by ppp0."""
    line, move = moved
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, peer = server.accept()
    assert peer[0] == SHARED
    tap = line.internet.sniff("ppp")
    move()
    client.sendall(b"late")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    line.lan.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == PPPOE
    assert SHARED not in tap.sources()
    accepted.close()


@pytest.mark.parametrize("answered", [True, False])
def test_without_the_tunnel_a_datagram_of_mape_is_refused_until_it_is_back(moved, answered):
    """Its sender is told; conntrack keeps the flow, which goes on by MAP-E afterwards."""
    line, move = moved
    server = line.internet.udp(SERVERS[0], 5000, timeout=2)
    client = line.lan.udp(CLIENT, 5000, timeout=2)
    client.connect((SERVERS[0], 5000))
    client.send(b"one")
    peer = server.recvfrom(8)[1]
    if answered:
        server.sendto(b"answer", peer)
        assert client.recv(8) == b"answer"
    tap = line.internet.sniff("ppp")
    move()
    client.send(b"two")
    with pytest.raises(OSError, match=r"refused|unreachable|No route"):
        client.recv(1)
    move("mape0")
    client.send(b"three")
    assert server.recvfrom(8) == (b"three", peer)
    assert tap.sources() == set()


def test_what_sends_on_from_one_port_takes_pppoe_once_it_is_forgotten(moved):
    """As a VPN does: its packets would keep the flow on MAP-E; a connection of TCP stays there."""
    line, move = moved
    line.router.run("ip", "route", "add", "default", "dev", "mape0", "table", "101")
    listener = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, _ = listener.accept()
    server, vpn = line.internet.udp(SERVERS[0], 5000), line.lan.udp(CLIENT, 5000)
    vpn.sendto(b"one", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == SHARED
    move()
    vpn.sendto(b"two", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == SHARED
    done = line.python(FORGET)
    assert (done.returncode, done.stderr) == (0, "")
    vpn.sendto(b"three", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == PPPOE
    client.sendall(b"still")
    assert accepted.recv(5) == b"still"


def test_what_is_pppoes_stays_there(moved):
    """A connection that began by PPPoE goes on by PPPoE when the LAN is back on MAP-E."""
    line, move = moved
    move()
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, peer = server.accept()
    assert peer[0] == PPPOE
    move("mape0")
    by_mape = line.internet.sniff("mape")
    client.sendall(b"still")
    assert accepted.recv(5) == b"still"
    assert not any(b"still" in packet for packet in by_mape.packets())


def test_an_unanswered_flow_of_the_router_is_not_given_away(bare):
    """While the default route leads to PPPoE it is stopped; when it is back, it goes on."""
    line = bare()
    line.apply()
    server, client = line.internet.udp(SERVERS[0], 53, timeout=2), line.router.udp()
    client.connect((SERVERS[0], 53))
    client.send(b"one")
    text, peer = server.recvfrom(8)
    assert (text, peer[0]) == (b"one", SHARED)
    line.router.run("ip", "route", "replace", "default", "dev", "ppp0")
    with pytest.raises(PermissionError):
        client.send(b"two")
    assert misplaced(line) == 1
    line.router.run("ip", "route", "replace", "default", "dev", "mape0")
    client.send(b"three")
    assert server.recvfrom(8) == (b"three", peer)


def test_what_comes_out_of_the_tunnel_is_mapes_whatever_its_mark(bare):
    """The packet around it may have had PPPoE's mark, which the kernel leaves on the inner one."""
    line = bare()
    line.apply()
    line.router.nft(f"""
        table ip outer {{
            chain prerouting {{
                type filter hook prerouting priority raw; policy accept;
                iifname "mape0" {marks.assign("meta mark", PPPOE_MARK)}
            }}
        }}
    """)
    server, client = line.internet.udp(SERVERS[0], 5000), line.lan.udp(CLIENT, timeout=SHUT)
    client.sendto(b"question", (SERVERS[0], 5000))
    text, peer = server.recvfrom(64)
    assert (text, peer[0]) == (b"question", SHARED)
    by_pppoe = line.internet.sniff("ppp")
    server.sendto(b"answer", peer)
    assert client.recv(64) == b"answer"
    assert by_pppoe.sources() == set()


def test_only_pppoes_own_address_leaves_by_pppoe(bare):
    """Also without failover: a flow of MAP-E, or one that was not translated, is counted."""
    line = bare()
    line.apply()
    server = line.internet.udp(SERVERS[0], 5000, timeout=SHUT)
    client = line.lan.udp(CLIENT, 5000)
    client.sendto(b"one", (SERVERS[0], 5000))
    server.recv(8)
    tap = line.internet.sniff("ppp")
    line.router.run("ip", "route", "replace", "default", "dev", "ppp0")
    client.sendto(b"two", (SERVERS[0], 5000))
    assert until(lambda: misplaced(line) == 1)
    line.lan.udp().sendto(b"new", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == PPPOE
    line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
    line.lan.udp().sendto(b"private", (SERVERS[0], 5000))
    assert until(lambda: misplaced(line) == 2)
    assert tap.sources() == {PPPOE}


def test_whoever_flushes_the_rules_is_undone_by_the_next_event(bare):
    """Also by one of PPPoE, and the log's reader is told; other tables are not ours to mend."""
    line = bare()
    assert line.hook().stderr == NO_TUNNEL  # all of it, so that the router is to be up
    before = line.texts()
    line.router.nft("flush ruleset")
    assert "warning: somebody removed nft table ip dualwan_snat" in line.hook("status").stdout
    assert line.complaint("ppp-up", PPP_IFACE="ppp0") == NO_TUNNEL
    assert line.texts() == before
    assert "removed" not in line.hook("status").stdout
