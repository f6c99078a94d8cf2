"""New flows of a zone: a bound for all of its hosts, and what they cannot use up of others."""

import socket
import time
from contextlib import closing

import pytest
from burst import SO_SNDBUFFORCE, Burst
from flows import udp
from line import CLIENT, CONFIG
from zoned import DMZ, GUEST, ZONES, Zoned

BURST, RATE = 4000, 400
PLACES = 4096  # of link addresses in a set
NUMBERS = {"guest": 1, "dmz": 2, "lan": 3}


@pytest.fixture(name="house")
def _house(tmp_path):
    """Return a line with guests and a DMZ whose slices are up."""
    with closing(Zoned(tmp_path, CONFIG + ZONES)) as line:
        line.router.ip(f"""
            route replace default via 10.255.255.1 dev mape0 onlink
            neigh replace 10.255.255.1 lladdr {line.internet.mac("mape")} dev mape0 nud permanent
        """)
        line.apply()
        line.event("ppp-up", PPP_IFACE="ppp0")
        yield line


def flood(line, zone, source, senders, each=1):
    """Send first packets of flows of SOURCE, EACH of so many link addresses that are invented."""
    space, device = (line.lan, "lan0") if zone == "lan" else (getattr(line, zone), f"{zone}0")
    head = bytes.fromhex(line.router.mac(device).replace(":", ""))
    frames = [
        head
        + bytes.fromhex(f"020000{NUMBERS[zone]:02x}{sender:04x}0800")
        + udp(source, 20000 + flow, f"100.64.{sender >> 8}.{sender & 255}", 5000 + flow)
        for sender in range(senders)
        for flow in range(each)
    ]
    tap = space.packet_socket("eth0")
    tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 26)
    tap.setblocking(True)
    Burst(frames).send(tap)


def tracked(line, source):
    """Return how many flows of SOURCE conntrack has."""
    return len(line.router.run("conntrack", "-L", "-s", source).splitlines())


def test_invented_link_addresses_do_not_fill_conntrack(house):
    """A device has a bound, and all of a zone have one together, whoever they say they are."""
    began = time.monotonic()
    flood(house, "guest", GUEST, 100, each=100)
    most = BURST + RATE * (time.monotonic() - began) + 1
    assert BURST <= tracked(house, GUEST) <= most < 10_000


def test_a_zone_uses_up_nothing_of_others(house):
    """More link addresses than a set has room for: the LAN and other zones begin flows as ever."""
    flood(house, "guest", GUEST, 3 * PLACES)
    flood(house, "lan", CLIENT, 1, each=1900)
    flood(house, "dmz", DMZ, 1, each=1900)
    assert (tracked(house, CLIENT), tracked(house, DMZ)) == (1900, 1900)
