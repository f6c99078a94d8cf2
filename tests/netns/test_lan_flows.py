"""New flows of the LAN: a bound for each device, and what happens when the sets are full."""

import fcntl
import os
import socket
import struct
import time

import pytest
from burst import SO_SNDBUFFORCE, Burst
from flows import HOSTS, TARGET, udp
from line import BY_NAME, CLIENT, CONFIG, SERVERS
from packets import Packet
from scenes import HOST6, shrunken
from space import until

BURST, RATE = 2000, 200
CAMERA, HONEST = "020000000007", "020000000008"


@pytest.fixture(name="house")
def _house(lab):
    """Return a line for many flows whose slices are up."""
    return lab(*BY_NAME)


def send(line, mac, packets):
    """Send PACKETS from the LAN as the device MAC; return the most that its bound lets in."""
    head = bytes.fromhex(line.router.mac("lan0").replace(":", "") + mac + "0800")
    burst, tap = Burst([head + packet for packet in packets]), line.lan.packet_socket("eth0")
    tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 26)
    tap.setblocking(True)
    began = time.monotonic()
    burst.send(tap)
    return allowed(began)


def allowed(began):
    """Return the most that a bound has let in since BEGAN."""
    return BURST + RATE * (time.monotonic() - began) + 1


def tracked(line, source=None):
    """Return how many flows conntrack has, of SOURCE if given."""
    if source is None:
        return int(line.router.run("conntrack", "-C"))
    return len(line.router.run("conntrack", "-L", "-s", source).splitlines())


def strangers(count, source, first=0):
    """Return first packets of COUNT flows of SOURCE, each to a destination of its own."""
    return [
        udp(source, 20000, f"100.64.{at >> 8}.{at & 255}", 5000)
        for at in range(first, first + count)
    ]


def test_a_device_opens_no_more_than_its_bound(house):
    """6000 flows at once: what is over it never gets into conntrack, whatever its sources say."""
    most = send(house, CAMERA, [one for host in HOSTS[:6] for one in strangers(1000, host)])
    assert BURST <= tracked(house) <= most < 6000


def test_others_are_not_touched_by_it(house):
    """A device of another link address opens all of its own flows meanwhile."""
    send(house, CAMERA, strangers(4000, HOSTS[1]))
    send(house, HONEST, strangers(500, HOSTS[2], 8000))
    assert tracked(house, HOSTS[2]) == 500


def test_status_names_the_device(house):
    """By its link address, and with what to do; the others are not named."""
    send(house, HONEST, strangers(100, HOSTS[2]))
    send(house, CAMERA, strangers(4000, HOSTS[1]))
    told = house.hook("status").stdout
    assert "02:00:00:00:00:07 in the LAN began more than 200 connections a second" in told
    assert "02:00:00:00:00:08" not in told


def test_flows_of_before_go_on(house):
    """Of the same device: only what begins is counted."""
    house.internet.ip(f"route add {CLIENT}/32 dev mape")
    server = house.internet.listen(80)
    client = house.lan.connect(SERVERS[0], 80)
    accepted, _ = server.accept()
    own = house.lan.mac("eth0").replace(":", "")
    send(house, own, strangers(4000, HOSTS[1]))
    accepted.sendall(b"goes on")
    assert client.recv(64) == b"goes on"
    client.sendall(b"both ways")
    assert accepted.recv(64) == b"both ways"


def test_a_stream_without_answers_is_one_flow(house):
    """As of a camera that sends video to a server: each of 5000 packets arrives."""
    with_answers = house.watch()
    send(house, CAMERA, [udp(HOSTS[1], 20000, TARGET, 5004)] * 5000)
    arrived = []

    def all_there():
        arrived.extend(with_answers.seen())
        return len(arrived) >= 5000

    assert until(all_there), len(arrived)


def test_neighbour_discovery_is_not_counted(house):
    """Else a device over its bound would lose what it began before, too."""
    send(house, CAMERA, strangers(4000, HOSTS[1]))
    house.router.nft("""
        table inet witness {
            counter seen { }
            chain input {
                type filter hook input priority 200; policy accept;
                icmpv6 type nd-neighbor-solicit counter name seen
            }
        }
    """)
    solicit = Packet(HOST6, "2001:db8:1::1", "icmpv6", kind="neighbor-solicit", hop=255).build()
    head = bytes.fromhex(house.router.mac("lan0").replace(":", "") + CAMERA + "86dd")
    house.lan.packet_socket("eth0").send(head + solicit)
    assert until(
        lambda: (
            "packets 1 " in house.router.run("nft", "list", "counter", "inet", "witness", "seen")
        )
    )


def test_invented_link_addresses_share_one_bound_when_the_set_is_full(house):
    """The set has room for four: a fifth and all others have one bound together."""
    shrunken(house, ("type ether_addr\n\t\tsize 4096", "type ether_addr\n\t\tsize 4"))
    for at in range(4):
        send(house, f"0200000001{at:02x}", strangers(1, HOSTS[3], at))
    began = time.monotonic()
    for at in range(10):
        send(house, f"0200000002{at:02x}", strangers(1000, HOSTS[1], at * 1000))
    assert BURST <= tracked(house, HOSTS[1]) <= allowed(began) < 10_000
    send(house, "020000000100", strangers(500, HOSTS[3], 20000))
    assert tracked(house, HOSTS[3]) == 504


TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@pytest.fixture(name="vpn")
def _vpn(bare):
    """Return a line with a VPN in its LAN, a device without link addresses, and its far end."""
    line = bare(config=CONFIG.replace('["lan0"]', '["lan0", "vpn0"]'))

    def open_tun():
        handle = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH14x", b"vpn0", IFF_TUN | IFF_NO_PI))
        return handle

    handle = line.router.call(open_tun)
    line.router.ip("link set vpn0 up\naddress add 10.8.0.1/24 dev vpn0")
    line.router.ip(f"""
        route replace default via 10.255.255.1 dev mape0 onlink
        neigh replace 10.255.255.1 lladdr {line.internet.mac("mape")} dev mape0 nud permanent
    """)
    line.apply()
    yield line, handle
    os.close(handle)


def test_hosts_of_a_vpn_have_a_bound_by_address(vpn):
    """Frames have no link address there; status names the interface."""
    line, handle = vpn
    began = time.monotonic()
    for packet in strangers(8000, "10.8.0.7"):
        os.write(handle, packet)
    most = allowed(began)
    for packet in strangers(500, "10.8.0.8", 9000):
        os.write(handle, packet)
    assert BURST <= tracked(line, "10.8.0.7") <= most < 8000
    assert tracked(line, "10.8.0.8") == 500
    assert "vpn0 in the LAN began more than 200" in line.hook("status").stdout
