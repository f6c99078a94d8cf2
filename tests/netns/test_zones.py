"""Zones with real packets: what guests, a DMZ and a VPN reach, and what they do not.

Which single packets pass is in the policy matrix (test_policy, the setup "zones").
"""

import json
import os
import socket
from contextlib import closing

import pytest
from flows import HOSTS, elsewhere
from line import CLIENT, CONFIG, PPPOE, ROUTER, SERVERS, SHARED, SHUT
from natlab import config as natted
from packets import Packet
from scanner import Answering, begin, commonest_udp, finish
from scenes import HOST6, OUTSIDE6, exchange, put
from shares import KINDS, flows, passed, refused, vpn
from space import until
from zoned import DMZ, DMZ6, GUEST, GUEST6, ZONES, Zoned

from dualwan.slices.snat import zone_quota

OFFERED = {53, 67, 547}  # to guests
SERVED = (22, 53, 80, 139, 443, 445, 8080)
SHARE = 252  # a quarter of 1008


@pytest.fixture(name="house")
def _house(tmp_path):
    """Return a line with guests and a DMZ whose slices are up."""
    with closing(Zoned(tmp_path, CONFIG + ZONES)) as line:
        line.apply()
        line.event("ppp-up", PPP_IFACE="ppp0")
        yield line


def family(address):
    """Return the family of ADDRESS."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def reaches(space, server, address, port):
    """Return as whom SPACE reaches PORT of ADDRESS, where SERVER is; "" for not at all."""
    with server.listen(port, address, family(address)) as listening:
        try:
            client = space.connect(address, port, timeout=SHUT)
        except OSError:
            return ""
        return exchange(listening, client)[0]


def test_a_guest_reaches_the_internet(house):
    """By MAP-E with its address, by IPv6 with the guest's own."""
    assert reaches(house.guest, house.internet, SERVERS[0], 80) == SHARED
    assert reaches(house.guest, house.internet, OUTSIDE6, 80) == GUEST6


def test_a_guest_reaches_nothing_else(house):
    """Not the LAN, not the DMZ, not the router, by no family; without the firewall it would."""
    targets = [
        (space, address)
        for space, addresses in (
            (house.lan, (CLIENT, HOST6)),
            (house.dmz, (DMZ, DMZ6)),
            (house.router, ("10.0.5.1", "2001:db8:5::1", ROUTER, SHARED, PPPOE)),
        )
        for address in addresses
    ]
    for space, address in targets:
        assert reaches(house.guest, space, address, 80) == "", address
    house.open()
    for space, address in targets:
        assert reaches(house.guest, space, address, 80) in {GUEST, GUEST6}, address


def test_a_guest_reaches_no_neighbour_on_the_wan(house):
    """With one NIC, or behind a home gateway, they are the hosts of the house; the LAN does."""
    neighbour = "2001:db8:0:100::77"
    house.router.ip("address add 2001:db8:0:100::2/64 dev wan0 nodad")
    house.internet.ip(f"address add {neighbour}/64 dev wan nodad")
    assert reaches(house.guest, house.internet, neighbour, 80) == ""
    assert reaches(house.guest, house.internet, OUTSIDE6, 80) == GUEST6
    assert reaches(house.lan, house.internet, neighbour, 80) == HOST6


def test_the_lan_reaches_the_zones(house):
    """And is answered, by both families."""
    assert reaches(house.lan, house.guest, GUEST, 80) == CLIENT
    assert reaches(house.lan, house.guest, GUEST6, 80) == HOST6
    assert reaches(house.lan, house.dmz, DMZ, 22) == CLIENT
    assert reaches(house.lan, house.dmz, DMZ6, 22) == HOST6


def test_a_zone_has_the_way_that_is_its_own(house):
    """The DMZ takes PPPoE; while that is down nothing of it leaves by MAP-E."""
    assert reaches(house.dmz, house.internet, SERVERS[0], 80) == PPPOE
    assert reaches(house.dmz, house.internet, OUTSIDE6, 80) == ""
    house.router.ip("link set ppp0 down")
    house.event("ppp-down", PPP_IFACE="ppp0")
    tap = house.internet.sniff("mape")
    assert reaches(house.dmz, house.internet, SERVERS[0], 80) == ""
    assert reaches(house.guest, house.internet, SERVERS[0], 80) == SHARED
    assert not [packet for packet in tap.packets() if socket.inet_aton(DMZ) in packet]


def test_addresses_and_names_come_from_the_router(house):
    """A guest without an address asks by DHCP, one with its own by DHCPv6; the DMZ does not."""
    four = house.router.udp(port=67)
    six = house.router.open_socket(socket.AF_INET6, socket.SOCK_DGRAM, timeout=SHUT)
    six.bind(("::", 547))
    for zone in ("guest", "dmz"):
        space, device = getattr(house, zone), f"{zone}0"
        index = house.router.call(socket.if_nametoindex, device)
        group = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + index.to_bytes(4, "little")
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        text = zone.encode()
        request = Packet("0.0.0.0", "255.255.255.255", "udp", 68, 67, payload=text)  # noqa: S104 - as DHCP asks
        put(space, "eth0", house.router.mac(device), request)
        asking = space.open_socket(socket.AF_INET6, socket.SOCK_DGRAM)
        asking.setsockopt(
            socket.IPPROTO_IPV6,
            socket.IPV6_MULTICAST_IF,
            space.call(socket.if_nametoindex, "eth0"),
        )
        asking.sendto(text, ("ff02::1:2", 547))
    assert (four.recv(64), six.recv(64)) == (b"guest", b"guest")
    for waiting in (four, six):
        waiting.settimeout(SHUT)
        with pytest.raises(TimeoutError):
            waiting.recv(64)


def test_a_guest_is_no_part_of_a_flow_of_the_lan(house):
    """What it sends in the name of a LAN host is dropped, though conntrack knows the flow."""
    client = house.lan.udp(CLIENT, 4000)
    tap = house.internet.sniff("mape")
    client.sendto(b"honest", (SERVERS[0], 4001))
    assert until(lambda: any(b"honest" in packet for packet in tap.packets()))
    doubtful = Packet(CLIENT, SERVERS[0], "udp", 4000, 4001, payload=b"doubtful")
    put(house.guest, "eth0", house.router.mac("guest0"), doubtful)
    client.sendto(b"again", (SERVERS[0], 4001))
    seen = []
    assert until(lambda: seen.extend(tap.packets()) or any(b"again" in one for one in seen))
    assert not any(b"doubtful" in packet for packet in seen)


def test_a_scan_from_the_guests_finds_what_is_offered(house):
    """DNS and DHCP of the router; nothing of the LAN or the DMZ, and no port that says no."""
    for space in (house.router, house.lan, house.dmz):
        for port in SERVED:
            space.listen(port, "::", socket.AF_INET6)
    answering = [Answering(one, commonest_udp()) for one in (house.router, house.lan, house.dmz)]
    own = ("10.0.5.1", "2001:db8:5::1", ROUTER, "2001:db8:1::1", SHARED, PPPOE)
    others = (CLIENT, HOST6, DMZ, DMZ6)
    try:
        for protocol, offered in (
            ("tcp", {53}),
            ("udp", OFFERED & {*commonest_udp()}),
        ):
            begun = {
                target: begin(house.guest, target, protocol, tcp="1-1024,8080")
                for target in (*own, *others)
            }
            found = {target: finish(process) for target, process in begun.items()}
            opened = {target: set(one.open) for target, one in found.items()}
            assert opened == {one: offered if one in own else set() for one in (*own, *others)}
            assert not any(one.closed for one in found.values())
    finally:
        for one in answering:
            one.close()


def test_a_second_run_changes_nothing_and_status_names_the_zones(house):
    """And no device of a zone is one that nothing names."""
    assert house.settled()
    reaches(house.guest, house.router, "10.0.5.1", 80)
    data = json.loads(house.hook("status", "--json").stdout)
    assert data["unnamed"] == {}
    assert [(one["name"], one["interfaces"], one["ways"]) for one in data["zones"]] == [
        ("guest", ["guest0"], ["mape", "pppoe", "ipv6"]),
        ("dmz", ["dmz*"], ["pppoe"]),
    ]
    assert "guest (guest0); router: dhcp, dns, ping" in house.hook("status").stdout


# --- the ports that a zone may hold --------------------------------------------------------------


def text_of(zone, lan, share=25, mape=""):
    """Return a configuration with the device ZONE as a zone, and LAN as the LAN."""
    text = natted(1, 6, 6, mape=mape).replace('["lan0"]', f'["{lan}"]')
    return text + f'[zone.guest]\ninterfaces = ["{zone}"]\nmax-share = {share}\n'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mape", ["", "max-share = 100"])
def test_the_hosts_of_a_zone_share_a_limit(rules, kind, mape):
    """However many there are, and whatever a single one may; who goes beyond it is told."""
    line = rules(text=text_of("lan0", "vpn*", mape=mape))
    packets = [one for host in HOSTS[:3] for one in flows(kind, host, 100)]
    assert passed(line, packets) == SHARE
    assert refused(line) == {HOSTS[2]: 300 - SHARE}
    assert passed(line, flows(kind, HOSTS[3], 300, target=elsewhere(1))) == SHARE


@pytest.mark.parametrize("kind", KINDS)
def test_the_lan_has_the_rest(rules, kind):
    """Beside a zone that was refused, a host of the LAN has its share to the same destination."""
    line = rules(text=text_of("lan0", "vpn*"))
    assert passed(line, flows(kind, HOSTS[0], 400)) == SHARE
    with closing(line.watch()) as watch, vpn(line) as device:
        for packet in flows(kind, "192.168.9.2", 504):
            os.write(device, packet)
        assert len(watch.seen()) == 504


@pytest.mark.parametrize("kind", KINDS)
def test_a_vpn_may_be_the_zone(rules, kind):
    """Its devices have no link addresses: each address has its share, and all of them the limit."""
    line = rules(text=text_of("vpn*", "lan0"))
    with closing(line.watch()) as watch, vpn(line) as device:
        for host in ("192.168.9.2", "192.168.9.3"):
            for packet in flows(kind, host, 200):
                os.write(device, packet)
        assert len(watch.seen()) == SHARE
    assert passed(line, flows(kind, HOSTS[0], 504)) == 504
    assert refused(line) == {"192.168.9.3": 400 - SHARE}


@pytest.mark.parametrize("kind", KINDS)
def test_a_set_without_room_gives_a_zone_no_more(rules, kind, monkeypatch):
    """Many destinations at once fill it: a flow that cannot be counted is refused, and told."""
    monkeypatch.setattr(zone_quota, "_DESTINATIONS", 1)
    line = rules(text=text_of("lan0", "vpn*"))
    assert passed(line, flows(kind, HOSTS[0], 10)) == 10
    assert passed(line, flows(kind, HOSTS[1], 300, target=elsewhere(1))) == 0
    assert refused(line) == {HOSTS[1]: 300}
    assert passed(line, flows(kind, HOSTS[2], 300)) == SHARE - 10
