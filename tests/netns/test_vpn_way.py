"""A VPN as a way to the internet, with real packets: who takes it, and that nothing comes in by it.

A veth stands in for the device of the VPN.
"""

import socket
from contextlib import closing

import pytest
from further import add_way, asked
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED, SHUT
from scenes import exchange, from_lan
from zoned import DMZ, ZONES, Zoned

OURS, OURS_NEXT, ROUTER6, FAR6 = "10.64.0.2", "10.64.0.3", "2001:db8:64::2", "2001:db8:64::1"
WITH_VPN = f"""
[way.tor]
type = "vpn"
interface = "wg0"
[[policy]]
way = "tor"
fallback = "none"
source = ["{CLIENT}"]
port = 443
""" + ZONES.replace('ways = ["pppoe"]', 'ways = ["tor"]')


@pytest.fixture(name="line")
def _line(tmp_path):
    """Return a line with guests, a DMZ that takes the VPN alone, and a policy of the LAN."""
    with closing(Zoned(tmp_path, CONFIG + WITH_VPN)) as line:
        line.far = add_way(line, "wg0", OURS)
        line.apply()
        line.event("ppp-up", PPP_IFACE="ppp0")
        yield line


def seen(line, connect, port=80):
    """Return as whom the internet sees what CONNECT returns."""
    with line.internet.listen(port) as server:
        return exchange(server, connect())[0]


def by_dmz(line):
    """Return a connection of the DMZ to the internet."""
    return line.dmz.connect(SERVERS[0], 80, timeout=SHUT)


def test_who_is_led_there_takes_it_and_nobody_else(line):
    """A policy of the LAN, and a zone; the rest of the LAN and the guests go by MAP-E."""
    tap = line.internet.sniff(line.far)
    assert seen(line, lambda: from_lan(line, SERVERS[0], 443), 443) == OURS
    assert seen(line, lambda: by_dmz(line)) == OURS
    assert seen(line, lambda: from_lan(line, SERVERS[0], 80)) == SHARED
    assert seen(line, lambda: line.guest.connect(SERVERS[0], 80)) == SHARED
    assert tap.sources() & {SHARED, PPPOE, CLIENT, DMZ} == set()


def test_without_it_nobody_takes_another_way(line):
    """The one is told at once, the other dropped; once it is back, with any address, they go."""
    line.router.ip("address flush dev wg0\nlink set wg0 down")
    line.apply()
    taps = [line.internet.sniff(way) for way in ("mape", "ppp")]
    with pytest.raises(OSError, match=r"unreachable|No route"):
        from_lan(line, SERVERS[0], 443)
    with pytest.raises(TimeoutError):
        by_dmz(line)
    assert [tap.sources() & {SHARED, PPPOE, CLIENT, DMZ} for tap in taps] == [set(), set()]
    line.router.ip(f"link set wg0 up\naddress add {OURS_NEXT}/32 dev wg0")
    line.internet.ip(f"route add {OURS_NEXT}/32 dev {line.far}")
    line.apply()
    assert seen(line, lambda: from_lan(line, SERVERS[0], 443), 443) == OURS_NEXT
    assert seen(line, lambda: by_dmz(line)) == OURS_NEXT


def test_nothing_comes_in_by_it(line):
    """No service that PPPoE has, by no family; who asks by PPPoE is answered."""
    line.router.ip(f"address add {ROUTER6}/64 dev wg0 nodad")
    line.internet.ip(f"address add {FAR6}/64 dev {line.far} nodad")
    server = line.router.listen(80, "::", socket.AF_INET6)
    with pytest.raises(TimeoutError):
        asked(line, OURS, 80)
    with pytest.raises(TimeoutError):
        line.internet.connect(ROUTER6, 80, timeout=SHUT)
    assert line.internet.ping(OURS, timeout=SHUT) == set()
    assert asked(line, PPPOE, 80)
    assert server.accept()
    line.open()
    assert asked(line, OURS, 80)
    assert line.internet.connect(ROUTER6, 80, timeout=SHUT)
