"""Addresses that are routed to a way: by no other way and to nobody else, whatever happened."""

import re
import socket
from contextlib import suppress

import pytest
from further import asked
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED
from packets import Packet
from routed_block import BLOCK, BY_PPPOE, HOST, ON_LAN, OUTER, ROUTED, WAYS, shut, with_block
from scenes import NEIGHBOUR, exchange, from_lan, put, reconnect, with_ipv6

SINGLE = "203.0.113.144"
WITHOUT = CONFIG  # no block: as before it was configured
DS_LITE = re.sub(
    r"provider = .*psid-length = 6\n",
    'mode = "ds-lite"\naftr = "2001:db8:ffff::9"\n',
    BY_PPPOE,
    flags=re.DOTALL,
)

OF_IPIP = re.sub(
    r"provider = .*psid-length = 6\n",
    'mode = "ipip"\nbr = "2001:db8:ffff::9"\nce = "2001:db8:0:100::1"\n'
    f'ipv4 = "{SHARED}"\n{ROUTED}',
    CONFIG.replace('"wan0"', '"wan0"\nfailover = true', 1),
    flags=re.DOTALL,
)


@pytest.fixture(name="block", params=WAYS)
def _block(bare, request):
    """Return the block of each way in turn."""
    return with_block(bare(config=WAYS[request.param][0]), request.param)


@pytest.fixture(name="routed")
def _routed(bare):
    """Return a line with the block of the PPPoE session."""
    return with_block(bare(config=BY_PPPOE)).line


def without_pbr(line):
    """Let the session end that was dialled without ifup: pbr goes with it, the firewall stays."""
    line.router.ip("link set ppp0 down\naddress flush dev ppp0")
    line.event("ppp-down", PPP_IFACE="ppp0")
    assert line.tables() == ["dualwan_firewall", "dualwan_snat"]


# --- no other way --------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [HOST, CLIENT])
def test_without_ifup_a_host_takes_no_other_way_either(routed, source):
    """It is told at once; the others of the LAN go on, and it does once the session is back."""
    outer, mape = routed.internet.listen(80), routed.internet.sniff("mape")
    without_pbr(routed)
    with pytest.raises(OSError, match="unreachable"):
        from_lan(routed, SERVERS[0], 80, source=source)
    assert exchange(outer, from_lan(routed, SERVERS[0], 80, source=NEIGHBOUR))[0] == SHARED
    assert mape.sources() & {HOST, CLIENT, OUTER} == set()
    reconnect(routed, PPPOE)
    routed.internet.ip(f"route replace {BLOCK} via {PPPOE} dev ppp onlink")
    if source == HOST:  # translation is not of what serves a session alone
        assert exchange(outer, from_lan(routed, SERVERS[0], 80, source=source))[0] == HOST


@pytest.mark.parametrize("address", [HOST, OUTER])
def test_a_flow_outlives_that_too(routed, address):
    """What it says meanwhile goes nowhere: it neither ends the flow nor leaves elsewhere."""
    mape, server = routed.internet.sniff("mape"), routed.lan.listen(81)
    client = asked(routed, address, 81)
    served, _ = server.accept()
    without_pbr(routed)
    served.sendall(b"meanwhile")
    reconnect(routed, PPPOE)
    routed.internet.ip(f"route replace {BLOCK} via {PPPOE} dev ppp onlink")
    client.settimeout(20)  # until it is sent again
    assert client.recv(64) == b"meanwhile"
    assert mape.sources() & {HOST, CLIENT, OUTER} == set()


@pytest.mark.parametrize("address", [HOST, OUTER])
def test_answers_do_not_leave_by_ds_lite(bare, address):
    """Where every source may leave, because the other end translates."""
    line = bare(config=DS_LITE)
    line.router.ip("address add 2001:db8:0:100::1/64 dev wan0 nodad")
    line = with_block(line).line
    mape, server = line.internet.sniff("mape"), line.lan.listen(81)
    client = asked(line, address, 81)
    served, _ = server.accept()
    line.router.ip("link set ppp0 down\naddress flush dev ppp0")
    line.apply()
    served.sendall(b"meanwhile")
    with suppress(OSError):
        from_lan(line, SERVERS[0], 80, source=CLIENT)
    with line.lan.udp(NEIGHBOUR, 5000) as other:
        other.sendto(b"others go on", (SERVERS[0], 53))
    assert mape.sources() & {HOST, CLIENT, OUTER, NEIGHBOUR} == {NEIGHBOUR}
    assert client


def test_the_default_way_has_a_block_and_its_hosts_no_other_way(bare):
    """By IPIP: as by a further way; while failover has replaced it, they are refused."""
    line = bare(config=OF_IPIP)
    with_ipv6(line, "wan0", "wan")
    line = with_block(line).line
    line.router.ip("route add default dev mape0 table 101")
    line.internet.ip(f"route replace {BLOCK} via {SHARED} dev mape onlink")
    outer, ppp = line.internet.listen(80), line.internet.sniff("ppp")
    for source, outside in ((HOST, HOST), (CLIENT, OUTER), (NEIGHBOUR, SHARED)):
        assert exchange(outer, from_lan(line, SERVERS[0], 80, source=source))[0] == outside
    server = line.lan.listen(81)
    for address in (HOST, OUTER):
        assert exchange(server, asked(line, address, 81))[0] == SERVERS[0]
    line.router.run("ip", "-6", "route", "del", "default")
    line.apply()
    for source in (HOST, CLIENT):
        with pytest.raises(OSError, match="unreachable"):
            from_lan(line, SERVERS[0], 80, source=source)
    assert ppp.sources() & {HOST, CLIENT, OUTER} == set()
    assert line.settled()


def test_the_private_network_at_the_wan_is_reached(routed):
    """A home gateway's, as the rest of the LAN reaches it; nothing public by that device."""
    routed.router.ip(f"address add 10.9.0.1/24 dev wan0\nroute add {SERVERS[3]} dev wan0")
    routed.internet.ip(f"address add 10.9.0.2/24 dev wan\nroute add {CLIENT} via 10.9.0.1")
    assert exchange(routed.internet.listen(80), from_lan(routed, "10.9.0.2", 80, source=CLIENT))
    with pytest.raises(OSError, match="unreachable"):
        from_lan(routed, SERVERS[3], 80, source=CLIENT)


def test_another_program_s_masquerading_does_not_change_it(block):
    """Such as of a script of before, on the way itself: ours is asked first, and says all."""
    line, outer = block.line, block.line.internet.listen(80)
    line.router.nft(f"""
        table ip theirs {{
            chain postrouting {{
                type nat hook postrouting priority srcnat; policy accept;
                oifname "{"ppp0" if block.far == "ppp" else "fixed0"}" masquerade
            }}
        }}
    """)
    for source, outside in ((HOST, HOST), (CLIENT, OUTER)):
        assert exchange(outer, from_lan(line, SERVERS[0], 80, source=source))[0] == outside


def test_networks_may_be_of_any_length(bare):
    """Two halves of the LAN's are one, a single address of a host has a route to it."""
    networks = '["203.0.113.128/30", "203.0.113.132/30", "203.0.113.144"]'
    line = with_block(bare(config=BY_PPPOE.replace(f'["{BLOCK}"]', networks))).line
    line.lan.ip(f"address add {SINGLE}/32 dev eth0")
    line.router.ip(f"route add {SINGLE} dev lan0")
    line.internet.ip(f"route add {SINGLE} via {PPPOE} dev ppp onlink")
    outer, server = line.internet.listen(80), line.lan.listen(82)
    for source, outside in ((HOST, HOST), (CLIENT, OUTER), (SINGLE, SINGLE)):
        assert exchange(outer, from_lan(line, SERVERS[0], 80, source=source))[0] == outside
        assert exchange(server, asked(line, outside, 82))[0] == SERVERS[0]


# --- to nobody else ------------------------------------------------------------------------------


def test_what_another_program_publishes_at_such_an_address_is_not_opened(routed):
    """As Docker does at each address of the router, on a port that is open for the hosts."""
    routed.router.nft(f"""
        table ip theirs {{
            chain prerouting {{
                type nat hook prerouting priority dstnat; policy accept;
                ip daddr {{ {ON_LAN}, {HOST} }} tcp dport 82 dnat to {NEIGHBOUR}
            }}
        }}
    """)
    routed.lan.listen(82)
    for address in (ON_LAN, HOST):
        assert shut(routed, address, 82, source=SERVERS[0])
    exchange(routed.lan.listen(83), routed.lan.connect(HOST, 83))  # within, as ever


def test_the_router_s_own_address_of_the_block_is_shut(routed):
    """Neither what is open for the hosts, nor the router's services."""
    for port in (22, 82):
        routed.router.listen(port)
        assert shut(routed, ON_LAN, port, source=SERVERS[0])
    assert routed.internet.ping(ON_LAN) == set()


def test_nobody_speaks_with_an_address_that_another_has_by_translation(routed):
    """Also on the network where the block is."""
    ppp, router = routed.internet.sniff("ppp"), routed.router
    put(routed.lan, "eth0", router.mac("lan0"), Packet(OUTER, SERVERS[0], "udp", 5000, 53))
    routed.lan.udp(CLIENT, 5001).sendto(b"its own", (SERVERS[0], 53))
    sent = [packet for packet in ppp.packets() if packet[12:16] == socket.inet_aton(OUTER)]
    assert [int.from_bytes(packet[20:22]) for packet in sent] == [5001]


# --- the file changes ----------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "outside"), [(CLIENT, OUTER), (HOST, HOST)])
def test_a_flow_without_end_takes_the_way_of_the_file(bare, source, outside):
    """As of a VPN or a telephone, on one port: by the block as soon as it is configured."""
    line = with_block(bare(config=WITHOUT)).line
    outer = line.internet.udp(SERVERS[0], 53)
    mine = line.lan.udp(source, 5000)

    def seen():
        mine.sendto(b"alive", (SERVERS[0], 53))
        return outer.recvfrom(64)[1][0]

    assert seen() == SHARED
    line.config.write_text(BY_PPPOE)
    line.apply()
    assert seen() == outside
    assert line.settled()
    line.config.write_text(WITHOUT)
    line.apply()
    assert seen() == SHARED
    line.config.write_text(BY_PPPOE)
    line.apply()
    assert seen() == outside


# --- the session has the router's address of the block --------------------------------------------


def test_the_session_may_have_the_address_that_the_router_has_on_the_lan(bare):
    """As where the provider numbers the session from the block: its hosts are as ever."""
    line = with_block(bare(config=BY_PPPOE)).line
    reconnect(line, ON_LAN)
    line.internet.ip(f"route replace {BLOCK} dev ppp")
    for address in (ON_LAN, HOST, OUTER):
        line.internet.run(
            *("ip", "neigh", "replace", address, "lladdr", line.router.mac("ppp0"), "dev", "ppp")
        )
    outer = line.internet.listen(80)
    for source, outside in ((HOST, HOST), (CLIENT, OUTER), (NEIGHBOUR, SHARED)):
        assert exchange(outer, from_lan(line, SERVERS[0], 80, source=source))[0] == outside
    server = line.lan.listen(81)
    for address in (HOST, OUTER):
        assert exchange(server, asked(line, address, 81))[0] == SERVERS[0]
    assert line.settled()
