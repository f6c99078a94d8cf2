"""Addresses that are routed to a way, with real packets: as they are, and one to one."""

import re
import socket
from contextlib import closing

import pytest
from further import asked, says
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, ROUTER, SERVERS, SHARED, SHUT
from packets import UDP, Packet
from routed_block import BLOCK, BY_PPPOE, HOST, ON_LAN, OUTER, ROUTED, WAYS, shut, with_block
from scenes import NEIGHBOUR, exchange, forward, from_lan, put, reconnect
from zoned import DMZ, ZONES, Zoned

UNUSED = "203.0.113.134"  # of the block


@pytest.fixture(name="block", params=WAYS)
def _block(bare, request):
    """Return the block of each way in turn."""
    return with_block(bare(config=WAYS[request.param][0]), request.param)


@pytest.fixture(name="routed")
def _routed(bare):
    """Return a line with the block of the PPPoE session."""
    return with_block(bare(config=BY_PPPOE)).line


# --- without translation -----------------------------------------------------------------------


def test_a_host_with_such_an_address_leaves_by_the_way_as_it_is(block):
    """Untranslated, and by no other way; the LAN's others go by MAP-E as before."""
    line, server = block.line, block.line.internet.listen(80)
    tap, mape = line.internet.sniff(block.far), line.internet.sniff("mape")
    seen, _ = exchange(server, from_lan(line, SERVERS[0], 80, source=HOST))
    assert seen == HOST
    assert exchange(server, from_lan(line, SERVERS[0], 80, source=NEIGHBOUR))[0] == SHARED
    assert HOST in tap.sources()
    assert mape.sources() & {HOST, ON_LAN} == set()
    assert line.settled()


def test_it_is_reached_where_it_is_open(block):
    """By its own address; the answers leave by the way, and what is not listed is shut."""
    line, tap = block.line, block.line.internet.sniff(block.far)
    assert exchange(line.lan.listen(81), asked(line, HOST, 81))[0] == SERVERS[0]
    assert HOST in tap.sources()
    line.lan.listen(80)
    assert shut(line, HOST, 80)


def test_a_service_is_for_the_networks_that_it_names(routed):
    """On each address, where none is named."""
    line = routed
    server = line.lan.listen(82)
    for address in (HOST, OUTER):
        exchange(server, asked(line, address, 82))
        assert shut(line, address, 82, source=SERVERS[5])


def test_it_answers_a_ping(routed):
    """As the host it is, and as the one that is translated."""
    assert routed.internet.ping(HOST) == {1}
    assert routed.internet.ping(OUTER) == {1}


def test_the_lan_reaches_it_untranslated(routed):
    """Within the router."""
    line = routed
    server = line.lan.listen(443)
    assert exchange(server, line.lan.connect(HOST, 443))


def test_an_address_that_nobody_has_comes_back_to_nobody(block):
    """Not to the provider, who would send it here again; a LAN host is told at once."""
    line, tap = block.line, block.line.internet.sniff(block.far)
    line.router.run("ip", "address", "del", f"{ON_LAN}/29", "dev", "lan0")
    mape = line.internet.sniff("mape")
    with line.internet.udp(SERVERS[0], 5000) as outside:
        outside.sendto(b"anybody?", (UNUSED, 81))
    with pytest.raises(OSError, match="No route to host"):
        from_lan(line, UNUSED, 81)
    came = [packet for packet in tap.packets() if packet[16:20] == socket.inet_aton(UNUSED)]
    assert len(came) == 1
    assert tap.sources() == {SERVERS[0]}
    assert mape.sources() == set()


def test_such_a_source_comes_from_nowhere_else(bare):
    """Not from outside, by the way or another, nor from a LAN that does not have the block."""
    line = bare(config=BY_PPPOE.replace('["lan0"]', '["lan0", "lan1"]'))
    line.router.ip(f"""
        link add lan1 type veth peer name eth1 netns {line.lan.name}
        link set lan1 up
        address add 192.168.2.1/24 dev lan1
    """)
    line.lan.ip("link set eth1 up")
    with_block(line)
    ppp = line.internet.sniff("ppp")
    inside = line.lan.sniff("eth0")
    router = line.router
    put(line.lan, "eth1", router.mac("lan1"), Packet(HOST, SERVERS[0], "udp", 4999, 53))
    put(line.internet, "ppp", router.mac("ppp0"), Packet(HOST, CLIENT, "udp", 5000, 81))
    put(line.internet, "mape", router.mac("mape0"), Packet(UNUSED, HOST, "udp", 5000, 81))
    put(line.internet, "mape", router.mac("mape0"), Packet(SERVERS[0], HOST, "tcp", 5000, 81))
    put(line.lan, "eth0", router.mac("lan0"), Packet(HOST, SERVERS[0], "udp", 5001, 53))
    assert line.lan.udp(HOST, 5002).sendto(b"real", (SERVERS[0], 53))
    sent = [packet for packet in ppp.packets() if packet[12:16] == socket.inet_aton(HOST)]
    assert [int.from_bytes(packet[20:22]) for packet in sent] == [5000, 5001, 5002]
    assert not [packet for packet in inside.packets() if packet[22:24] == (81).to_bytes(2)]


# --- one to one --------------------------------------------------------------------------------


def test_a_host_has_one_of_them_in_both_directions(block):
    """Its flows leave by the way with that address, and what is open there comes to it."""
    line, tap = block.line, block.line.internet.sniff(block.far)
    mape = line.internet.sniff("mape")
    outer = line.internet.listen(80)
    assert exchange(outer, from_lan(line, SERVERS[0], 80, source=CLIENT))[0] == OUTER
    assert exchange(line.lan.listen(81), asked(line, OUTER, 81))[0] == SERVERS[0]
    line.lan.listen(443)
    assert shut(line, OUTER, 443)
    assert OUTER in tap.sources()
    assert tap.sources() & {CLIENT, block.own} == set()
    assert mape.sources() & {CLIENT, OUTER, SHARED} == set()
    assert line.settled()


def test_the_lan_reaches_it_by_that_address(routed):
    """Each host of the LAN, itself too, on any port: it is seen with the router's address."""
    line = routed
    server = line.lan.listen(443)
    for source in (NEIGHBOUR, CLIENT):
        assert exchange(server, from_lan(line, OUTER, 443, source=source))[0] == ROUTER


def test_a_forward_by_another_way_is_answered_by_that_way(bare):
    """What the host begins itself alone takes the way of its address."""
    text = BY_PPPOE + forward("mape", port=1040, to=f"{CLIENT}:443")
    line = with_block(bare(config=text)).line
    tap = line.internet.sniff("ppp")
    exchange(line.lan.listen(443), asked(line, SHARED, 1040))
    assert tap.sources() == set()


# --- behind a zone -----------------------------------------------------------------------------


@pytest.fixture(name="dmz")
def _dmz(tmp_path):
    """Return a line whose DMZ has the block, and a host with one of it by translation."""
    pairs = f'one-to-one = {{ "{OUTER}" = "{DMZ}" }}'
    text = CONFIG + re.sub("one-to-one.*", pairs, ROUTED) + ZONES
    with closing(Zoned(tmp_path, text)) as line:
        line.router.ip(f"address add {ON_LAN}/29 dev dmz0")
        line.dmz.ip(f"address add {HOST}/29 dev eth0")
        line.internet.ip(f"route add {BLOCK} via {PPPOE} dev ppp onlink")
        line.apply()
        yield line


def test_a_dmz_has_the_block(dmz):
    """Its hosts leave with it, are reached where it is open, and reach nothing else inside."""
    outer = dmz.internet.listen(80)
    for source, seen in ((HOST, HOST), (DMZ, OUTER)):
        client = dmz.dmz.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=2)
        client.bind((source, 0))
        client.connect((SERVERS[0], 80))
        assert exchange(outer, client)[0] == seen
    server = dmz.dmz.listen(81)
    for address in (HOST, OUTER):
        assert exchange(server, asked(dmz, address, 81))[0] == SERVERS[0]
        assert exchange(server, dmz.lan.connect(address, 81))
    dmz.dmz.listen(80)
    for address in (HOST, OUTER):  # guests have that way, and what is open to all by it
        assert exchange(server, dmz.guest.connect(address, 81))
        with pytest.raises(OSError, match="timed out"):
            dmz.guest.connect(address, 80, timeout=SHUT)
    dmz.lan.listen(443)
    with pytest.raises(OSError, match="timed out"):
        dmz.dmz.connect(CLIENT, 443, timeout=SHUT)


def test_a_lan_host_does_not_speak_as_one_of_the_dmz(dmz):
    """Nor a guest: what they send with such a source goes nowhere."""
    tap = dmz.internet.sniff("ppp")
    put(dmz.lan, "eth0", dmz.router.mac("lan0"), Packet(HOST, SERVERS[0], "udp", 5000, 53))
    put(dmz.guest, "eth0", dmz.router.mac("guest0"), Packet(HOST, SERVERS[0], "udp", 5001, 53))
    dmz.dmz.udp(HOST, 5002).sendto(b"real", (SERVERS[0], 53))
    ports = [int.from_bytes(one[20:22]) for one in tap.packets() if one[9] == UDP]
    assert ports == [5002]


# --- the way goes and comes ----------------------------------------------------------------------


@pytest.mark.parametrize("source", [HOST, CLIENT])
def test_while_the_way_is_down_nothing_takes_another(routed, source):
    """The host is told at once, the LAN's others go on; a session with another address has all."""
    mape, outer = routed.internet.sniff("mape"), routed.internet.listen(80)
    routed.router.ip("link set ppp0 down\naddress flush dev ppp0")
    routed.apply()
    with pytest.raises(OSError, match="unreachable"):
        from_lan(routed, SERVERS[0], 80, source=source)
    assert exchange(outer, from_lan(routed, SERVERS[0], 80, source=NEIGHBOUR))[0] == SHARED
    assert mape.sources() & {HOST, CLIENT, OUTER} == set()
    assert routed.settled()
    reconnect(routed, OTHER_PPPOE)
    routed.internet.ip(f"route replace {BLOCK} via {OTHER_PPPOE} dev ppp onlink")
    seen, _ = exchange(outer, from_lan(routed, SERVERS[0], 80, source=source))
    assert seen == {HOST: HOST, CLIENT: OUTER}[source]
    assert routed.settled()


@pytest.mark.parametrize("address", [HOST, OUTER])
def test_a_flow_outlives_a_reconnect_with_another_address(routed, address):
    """The block stays as it is, whatever address the session has."""
    server = routed.lan.listen(81)
    client = asked(routed, address, 81)
    served, _ = server.accept()
    reconnect(routed, OTHER_PPPOE)
    routed.internet.ip(f"route replace {BLOCK} via {OTHER_PPPOE} dev ppp onlink")
    assert says(client, served)
    assert says(served, client)


def test_nothing_is_left_of_a_block_that_is_configured_no_more(routed):
    """No rule, no route, nothing in a table; what it had is neither reached nor let out."""
    tap, mape = routed.internet.sniff("ppp"), routed.internet.sniff("mape")
    assert any("unreachable" in route and BLOCK in route for route in routed.routes())
    routed.config.write_text(CONFIG)
    routed.apply()
    assert routed.settled()
    left = "\n".join((*routed.rules(), *routed.routes(), *routed.texts().values()))
    assert "203.0.113.128" not in left
    assert OUTER not in left
    routed.lan.listen(81)
    assert shut(routed, HOST, 81)
    exchange(routed.internet.listen(80), from_lan(routed, SERVERS[0], 80, source=CLIENT))
    assert tap.sources() & {HOST, OUTER} == set()
    assert SHARED in mape.sources()


def test_down_leaves_nothing(routed):
    """As of everything else."""
    routed.hook("down")
    assert routed.leftovers() == []
