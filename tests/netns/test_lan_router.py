"""A second router in the LAN, for a VPN say: of its flows with LAN hosts we see one direction."""

import pytest
from line import CLIENT, SHUT
from packets import FLAGS, Packet, read
from scenes import HOST6, put
from space import until

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


def sent_on(line, packet):
    """Return whether the router sends on what a LAN host sends to it."""
    tap = line.lan.sniff("eth0")

    def is_sent_on():
        seen = (read(data) for data in tap.packets())
        return any(one and (one.target, one.hop) == (packet.target, 63) for one in seen)

    put(line.lan, "eth0", line.router.mac("lan0"), packet)
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
