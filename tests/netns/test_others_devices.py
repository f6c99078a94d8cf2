"""Devices of other programs (O3): named by a pattern, or counted and named by status."""

import json

import pytest
from flows import elsewhere, udp
from line import CONFIG, SERVERS, SHARED, SHUT
from others import PATTERNS, add_container, add_host
from space import Namespace

COMPOSE, VPN = "br-0123456789ab", "wg0"


@pytest.fixture(name="both")
def _both(bare):
    """Return a function that makes a router with a host behind a bridge and one behind a VPN."""

    def make(config, *, before=True):
        line = bare(config=config)
        if not before:
            line.apply()
        hosts = (
            add_host(line, COMPOSE, "172.18.0.1", "172.18.0.2"),
            add_host(line, VPN, "10.8.0.1", "10.8.0.2", 24),
        )
        if before:
            line.apply()
        return line, hosts

    return make


def unnamed(line):
    """Return what status counts by device, and its findings about them."""
    data = json.loads(line.hook("status", "--json").stdout)
    return data["unnamed"], [one for one in data["findings"] if one["code"] == "device-unnamed"]


@pytest.mark.parametrize(
    "taking",
    [
        "rule add not fwmark 0xca6c lookup 51820 priority 32764\n"
        "route add default dev wg0 table 51820",
        "route add 128.0.0.0/1 dev wg0",
        "-6 rule add not fwmark 0xca6c lookup 51820 priority 32764\n"
        "-6 route add default dev wg0 table 51820",
    ],
    ids=["as wg-quick", "as openvpn", "IPv6 as wg-quick"],
)
def test_a_vpn_client_that_takes_everything_is_named(bare, taking):
    """By status, as what keeps the router from its work; without it nothing is."""
    line = bare(config=CONFIG)
    line.apply()
    add_host(line, VPN, "10.8.0.1", "10.8.0.2", 24)

    def codes():
        data = json.loads(line.hook("status", "--json").stdout)
        return [one["code"] for one in data["findings"] if one["code"] == "internet-elsewhere"]

    assert codes() == []
    for command in taking.splitlines():
        line.router.run("ip", *command.split())
    assert codes() == ["internet-elsewhere"]


@pytest.mark.parametrize("before", [True, False], ids=["there before", "made later"])
def test_devices_of_a_pattern_are_the_lan(both, before):
    """A host behind each goes out by MAP-E, whether or not the device existed at the apply."""
    line, hosts = both(PATTERNS, before=before)
    assert line.settled()
    server = line.internet.listen(80, SERVERS[0])
    for host in hosts:
        host.connect(SERVERS[0], 80)
        address, port = server.accept()[1]
        assert address == SHARED
        assert port in line.ports()
        assert host.ping(SERVERS[0]) == {1}
    line.router.listen(53)
    hosts[0].connect("172.18.0.1", 53)
    line.lan.connect("192.168.1.1", 53)
    assert unnamed(line) == ({}, [])


def test_a_spoofed_source_of_a_patterns_network_is_dropped(both):
    """From outside with a source that routes to a device of a pattern: it comes to nobody."""
    line, _ = both(PATTERNS)
    line.router.ip("address add 198.18.7.1/24 dev wg0")
    service = line.router.udp(port=5000, timeout=SHUT)
    line.open()
    line.apply("firewall")
    line.internet.ip("address add 198.18.7.9/32 dev lo")
    line.router.nft(
        "table inet seen { counter c {}; chain p "
        "{ type filter hook prerouting priority raw - 1; ip saddr 198.18.7.9 counter name c; }; "
        "chain q { type filter hook prerouting priority raw + 1; ip saddr 198.18.7.9 "
        "counter name d; }; counter d {}; }"
    )
    line.internet.ip("route replace 203.0.113.7/32 dev ppp src 198.18.7.9")
    line.internet.udp("198.18.7.9").sendto(b"", ("203.0.113.7", 5000))
    with pytest.raises(TimeoutError):
        service.recv(1)
    seen = line.router.run("nft", "list", "table", "inet", "seen")
    assert [part.split()[0] for part in seen.split("packets ")[1:]] == ["1", "0"]


def test_chosen_hosts_of_a_pattern_keep_what_is_local(both):
    """A host of `via-pppoe` behind a device of a pattern leaves by PPPoE, and reaches the LAN."""
    config = PATTERNS.replace("[mape]", 'via-pppoe = ["10.8.0.2"]\n\n[mape]')
    line, (_, vpn) = both(config)
    line.event("ppp-up", PPP_IFACE="ppp0")
    server, near = line.internet.listen(80, SERVERS[0]), line.lan.listen(80)
    vpn.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == "203.0.113.7"
    vpn.connect("192.168.1.10", 80)
    assert near.accept()[1][0] == "10.8.0.2"


def test_a_device_that_no_section_names_is_counted_and_named(both):
    """Its packets are dropped; status says how many, of which device, and what to write."""
    line, (container, vpn) = both(CONFIG)
    line.router.listen(53)
    for _ in range(3):
        container.udp().sendto(b"", (SERVERS[0], 5000))
    with pytest.raises(TimeoutError):
        vpn.connect("10.8.0.1", 53, timeout=SHUT)
    counted, found = unnamed(line)
    assert counted[COMPOSE] == 3
    assert counted[VPN] >= 1
    assert [one["seen"].split(" within")[0] for one in found] == [
        f"3 packets from {COMPOSE}",
        f"{counted[VPN]} packet{'s' if counted[VPN] > 1 else ''} from {VPN}",
    ]
    assert 'add "br-*" to interfaces in [lan]' in found[0]["remedy"]
    assert 'add "wg0" to interfaces in [lan]' in found[1]["remedy"]
    assert f"obstacle: 3 packets from {COMPOSE}" in line.hook("status").stdout
    assert f'dualwan_packets_unnamed{{interface="{COMPOSE}"}} 3' in (
        line.hook("status", "--prometheus").stdout
    )
    line.config.write_text(PATTERNS)
    line.apply()
    assert unnamed(line) == ({}, [])


def test_the_outside_and_the_lan_are_not_counted(line):
    """What is dropped of the WANs is no device that somebody forgot; nor are multicasts."""
    container = add_container(line)
    container.udp().sendto(b"", ("224.0.0.251", 5353))
    line.internet.udp().sendto(b"", (SHARED, 5000))
    line.internet.udp().sendto(b"", ("203.0.113.7", 5000))
    line.lan.udp().sendto(b"", (SERVERS[0], 445))
    assert unnamed(line) == ({}, [])


def test_the_set_takes_no_more_devices_than_it_has_room_for(line):
    """Of 70 devices 64 are counted; what the others send is dropped all the same."""
    line.router.ip(
        "".join(
            f"link add d{at} type veth peer name e{at}\n"
            f"link set d{at} address 02:00:00:00:00:01 up\nlink set e{at} up\n"
            for at in range(70)
        )
    )
    tap = line.internet.sniff("mape")
    header = bytes.fromhex("0200000000010200000000020800")
    for at in range(70):
        packet = udp(f"10.{at}.0.2", 5000, elsewhere(1), 443)
        line.router.packet_socket(f"e{at}").send(header + packet)
    counted, _ = unnamed(line)
    assert len(counted) == 64
    assert tap.sources() == set()


def test_a_wan_that_is_a_bridge_is_named_where_its_frames_are_filtered(bare):
    """A machine on the WAN's bridge is cut off from the line by br_netfilter; status says so."""
    line = bare()
    line.router.ip(f"""
        link del wan0
        link add wan0 type bridge
        link set wan0 up
        link add u0 type veth peer name wan netns {line.internet.name}
        link set u0 master wan0 up
    """)
    machine = Namespace("machine")
    line.spaces.append(machine)
    line.router.ip(f"""
        link add v0 type veth peer name eth0 netns {machine.name}
        link set v0 master wan0 up
    """)
    line.internet.ip("link set wan up\naddress add 10.5.0.1/24 dev wan")
    machine.ip("link set eth0 up\naddress add 10.5.0.2/24 dev eth0")
    line.router.sysctl("net/bridge/bridge-nf-call-iptables", "1")
    line.router.sysctl("net/bridge/bridge-nf-call-ip6tables", "0")
    line.apply()
    assert machine.ping("10.5.0.1", timeout=SHUT) == set()
    data = json.loads(line.hook("status", "--json").stdout)
    assert "bridge-filtered" in [one["code"] for one in data["findings"]]
    line.router.sysctl("net/bridge/bridge-nf-call-iptables", "0")
    assert machine.ping("10.5.0.1") == {1}
    later = json.loads(line.hook("status", "--json").stdout)
    assert "bridge-filtered" not in [one["code"] for one in later["findings"]]


@pytest.mark.parametrize("config", [CONFIG, PATTERNS], ids=["unnamed", "in the LAN"])
def test_frames_of_a_bridge_stay_the_bridges_affair(bare, config):
    """With br_netfilter, which Docker switches on, two containers of a network still talk."""
    line = bare(config=config)
    line.router.ip(f"""
        link add {COMPOSE} type bridge
        address add 172.18.0.1/16 dev {COMPOSE}
        link set {COMPOSE} up
    """)
    hosts = []
    for number in (2, 3):
        space = Namespace("host")
        line.spaces.append(space)
        line.router.ip(f"""
            link add v{number} type veth peer name eth0 netns {space.name}
            link set v{number} master {COMPOSE} up
        """)
        space.ip(f"""
            link set eth0 up
            address add 172.18.0.{number}/16 dev eth0
        """)
        hosts.append(space)
    line.router.sysctl("net/bridge/bridge-nf-call-iptables", "1")
    line.apply()
    server = hosts[1].listen(80)
    hosts[0].connect("172.18.0.3", 80, timeout=2)
    server.accept()
    assert hosts[0].ping("172.18.0.3", timeout=2) == {1}
    assert unnamed(line) == ({}, [])
