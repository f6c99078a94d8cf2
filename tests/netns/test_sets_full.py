"""What happens when a set that packets fill is full: README of the firewall, set by set."""

import pytest
from line import PPPOE, SERVERS
from packets import Packet
from scenes import HOST6, attempts, put, shrunken, with_ipv6
from space import until

WITNESS = """
    table inet witness {{
        counter seen {{ }}
        chain arrived {{
            type filter hook {hook} priority 200; policy accept;
            {match} counter name seen
        }}
    }}
"""


def witness(line, hook, match):
    """Return a function that says how many packets of MATCH have passed HOOK."""
    line.router.nft(WITNESS.format(hook=hook, match=match))

    def seen():
        text = line.router.run("nft", "list", "counter", "inet", "witness", "seen")
        return int(text.split("packets ")[1].split()[0])

    return seen


def held(line, name):
    """Return the elements of a set of the firewall, as text."""
    text = line.router.run("nft", "list", "set", "inet", "dualwan_firewall", name)
    return text.split("elements = {")[1].split("}")[0] if "elements = {" in text else ""


def ping(network):
    """Return an echo request of NETWORK to a LAN host."""
    return Packet(f"2001:db8:{network:x}::1", HOST6, "icmpv6", kind="echo-request", sport=7)


def error(network):
    """Return an error of NETWORK about a flow that was never there."""
    quote = Packet(HOST6, f"2001:db8:{network:x}::1", "udp", 5000, 5000).build()
    return Packet(f"2001:db8:{network:x}::1", HOST6, "icmpv6", kind="unreachable", quote=quote)


@pytest.mark.parametrize("make", [ping, error])
def test_strangers_without_room_are_dropped(line, make):
    """Those that have room go on; nothing opens."""
    with_ipv6(line, "wan0", "wan")
    shrunken(line, ("size 1024", "size 2"))
    seen = witness(line, "forward", "meta l4proto icmpv6 ip6 saddr 2001:db8:200::/40")
    mac = line.router.mac("wan0")
    for network in (0x200, 0x201, 0x202, 0x203, 0x200, 0x201):
        put(line.internet, "wan", mac, make(network))
    assert until(lambda: seen() >= 4)
    assert seen() == 4


def test_a_source_is_refused_also_without_room_among_the_refused(line):
    """As long as its tries live."""
    line.router.listen(22)
    shrunken(
        line,
        (
            "size 8192\n\t\tflags dynamic,timeout\n\t\ttimeout 600s",
            "size 1\n\t\tflags dynamic,timeout\n\t\ttimeout 600s",
        ),
    )
    for source in SERVERS[:3]:
        assert attempts(line, source, 8) == [True] * 5 + [False] * 3
    assert sum(source in held(line, "refused4") for source in SERVERS[:3]) == 1
    for source in SERVERS[:3]:
        assert attempts(line, source) == [False]


def test_a_device_over_its_bound_is_dropped_also_without_room_among_the_named(line):
    """Two devices flood, and one has room to be named."""
    shrunken(
        line,
        ("type ether_addr\n\t\tsize 64", "type ether_addr\n\t\tsize 1"),
        ("limit rate 200/second burst 2000 packets", "limit rate 1/second burst 2 packets"),
    )
    seen = witness(line, "forward", "ip saddr 192.168.1.0/24 udp dport 4000")
    tap = line.lan.packet_socket("eth0")
    for device in ("020000000007", "020000000008"):
        head = bytes.fromhex(line.router.mac("lan0").replace(":", "") + device + "0800")
        for at in range(40):
            tap.send(head + Packet("192.168.1.10", SERVERS[0], "udp", 7000 + at, 4000).build())
    assert until(lambda: seen() >= 4)
    assert seen() < 40
    assert len(held(line, "flooding").split(",")) == 1


def test_a_device_that_is_not_named_is_dropped_also_without_room(line):
    """As one that has room in the set of devices to be named."""
    shrunken(line, ("type ifname\n\t\tsize 64", "type ifname\n\t\tsize 1"))
    seen = witness(line, "input", 'iifname "guest*"')
    for at in range(2):
        line.router.ip(f"""
            link add guest{at} type veth peer name far{at} netns {line.internet.name}
            link set guest{at} up
        """)
        line.internet.run("ip", "link", "set", f"far{at}", "up")
        packet = Packet(SERVERS[0], PPPOE, "udp", 5000, 5000)
        put(line.internet, f"far{at}", line.router.mac(f"guest{at}"), packet)
    assert until(lambda: "guest" in held(line, "unnamed"))
    assert len(held(line, "unnamed").split(",")) == 1
    assert seen() == 0
