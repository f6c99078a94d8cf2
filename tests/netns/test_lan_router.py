"""A second router in the LAN, for a VPN say: of its flows with LAN hosts we see one direction."""

from contextlib import closing

import pytest
from line import CLIENT, CONFIG, SHUT
from packets import FLAGS, Packet, read
from scenes import HOST6, put
from space import until
from zoned import DMZ, GUEST, ZONES, Zoned

LAN_ROUTER, LAN_ROUTER6 = "192.168.1.254", "2001:db8:1::fe"
FAR_HOST, FAR_HOST6 = "10.9.0.5", "2001:db8:9::5"
MAC = "02:00:00:00:00:fe"  # of the second router
ACK = FLAGS["ack"]


@pytest.fixture(name="two")
def _two(line):
    """Return a line whose router reaches networks by a second router of the LAN."""
    line.router.ip(f"""
        neigh add {LAN_ROUTER} lladdr {MAC} dev lan0
        neigh add {LAN_ROUTER6} lladdr {MAC} dev lan0
        route add 10.9.0.0/24 via {LAN_ROUTER} dev lan0
        route add 2001:db8:9::/64 via {LAN_ROUTER6} dev lan0
    """)
    return line


def sent_on(line, packet, space=None, device="lan0"):
    """Return whether the router sends on what a host of SPACE, or of the LAN, sends to it."""
    space = space or line.lan
    tap = space.sniff("eth0")

    def is_sent_on():
        seen = (read(data) for data in tap.packets())
        return any(one and (one.target, one.hop) == (packet.target, 63) for one in seen)

    put(space, "eth0", line.router.mac(device), packet)
    return until(is_sent_on, SHUT)


@pytest.mark.parametrize(("source", "far"), [(CLIENT, FAR_HOST), (HOST6, FAR_HOST6)])
def test_an_answer_to_what_came_past_us_goes_on(two, source, far):
    """The second router delivers a connection itself; the LAN host answers by its default route."""
    answer = Packet(source, far, "tcp", 445, 40000, flags=FLAGS["syn"] | ACK)
    assert sent_on(two, answer)
    assert sent_on(two, Packet(source, far, "tcp", 445, 40000, flags=ACK))


@pytest.mark.parametrize(("source", "far"), [(CLIENT, FAR_HOST), (HOST6, FAR_HOST6)])
def test_what_is_answered_past_us_goes_on(two, source, far):
    """The LAN host begins, and the answer comes to it from the second router itself."""
    assert sent_on(two, Packet(source, far, "tcp", 40000, 22))
    assert sent_on(two, Packet(source, far, "tcp", 40000, 22, flags=ACK))


def test_such_packets_leave_by_no_way(two):
    """To the outside a packet without a connection stays invalid."""
    tap = two.internet.sniff("mape")
    put(two.lan, "eth0", two.router.mac("lan0"), Packet(CLIENT, "198.51.100.1", "tcp", 1, 2, 18))
    assert not until(lambda: any(packet[9] == 6 for packet in tap.packets()), SHUT)


def test_a_zone_may_have_a_second_router_too(tmp_path):
    """Within the zone; another zone's hosts still send it nothing."""
    with closing(Zoned(tmp_path, CONFIG + ZONES)) as line:
        line.apply()
        line.router.ip(f"""
            neigh add 10.0.6.254 lladdr {MAC} dev dmz0
            route add 10.9.0.0/24 via 10.0.6.254 dev dmz0
        """)
        answer = Packet(DMZ, FAR_HOST, "tcp", 445, 40000, flags=FLAGS["syn"] | ACK)
        assert sent_on(line, answer, line.dmz, "dmz0")
        tap = line.dmz.sniff("eth0")
        from_guest = Packet(GUEST, FAR_HOST, "tcp", 445, 40000, flags=FLAGS["syn"] | ACK)
        put(line.guest, "eth0", line.router.mac("guest0"), from_guest)
        assert not until(lambda: any(read(one).source == GUEST for one in tap.packets()), SHUT)
