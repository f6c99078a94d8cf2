"""Packets to the address of one way that come by another one: whoever plays its far end sends them.

A server is forwarded by all ways for a known network only.
"""

import pytest
from further import FIXED, WITH_FIXED, add_way
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED
from packets import Packet, read
from scenes import forward, put
from space import until

KNOWN = f'from = ["{SERVERS[0]}/32"]'
PORTS = {SHARED: 1040, PPPOE: 8080, FIXED: 8081}
DEVICES = {SHARED: ("mape0", "mape"), PPPOE: ("ppp0", "ppp"), FIXED: ("fixed0", "far-fixed0")}


@pytest.fixture(name="served")
def _served(bare):
    """Return a line with MAP-E, PPPoE and a fixed address, each with the forward."""
    forwards = "".join(
        forward(via, PORTS[address], more=KNOWN)
        for via, address in (("mape", SHARED), ("pppoe", PPPOE), ("fixed", FIXED))
    )
    line = bare(config=CONFIG + WITH_FIXED + forwards)
    add_way(line, "fixed0", FIXED)
    line.apply()
    line.event("ppp-up", PPP_IFACE="ppp0")
    return line


def arrives(line, address, by, source):
    """Whether a SYN of SOURCE to the forward on ADDRESS reaches the server by the way BY."""
    tap = line.lan.sniff("eth0")
    for tag, who, to, way in ((1, source, address, by), (2, SERVERS[0], PPPOE, PPPOE)):
        own, far = DEVICES[way]
        opening = Packet(who, to, "tcp", 4000 + tag, PORTS[to], tag=tag)
        put(line.internet, far, line.router.mac(own), opening)
    assert until(lambda: seen(tap, 2))  # what was sent before has had its time
    return seen(tap, 1)


def seen(tap, tag):
    """Whether the packet with TAG has reached the server."""
    found = filter(None, map(read, tap.packets()))
    return any((one.tag, one.target, one.dport) == (tag, CLIENT, 80) for one in found)


@pytest.mark.parametrize("by", DEVICES)
@pytest.mark.parametrize("address", DEVICES)
def test_a_forward_is_for_its_own_way_and_for_whom_it_names(served, address, by):
    """Nobody else, by no way; known ones by the way whose address it is."""
    assert not arrives(served, address, by, SERVERS[1])
    if by == address:
        assert arrives(served, address, by, SERVERS[0])
