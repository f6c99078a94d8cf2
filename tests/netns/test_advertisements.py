"""E1: whose router advertisements the router believes, and who hears them."""

import shutil
import subprocess
import sys

import pytest
from ifup import Ifup
from space import until

# A router with a prefix (RFC 4861 sections 4.2 and 4.6.2), each 0.1 s until it is ended.
ADVERTISE = """\
import socket, struct, sys, time
device, prefix = sys.argv[1:]
said = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
said += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 7200, 7200, 0,
                    socket.inet_pton(socket.AF_INET6, prefix))
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
while True:
    try:
        sender.sendto(said, ("ff02::1", 0, 0, socket.if_nametoindex(device)))
    except OSError:
        pass  # the link has no address yet
    time.sleep(0.1)
"""
WAN_PREFIX, LAN_PREFIX = "2001:db8:a::", "2001:db8:b::"
ACCEPT = "net/ipv6/conf/{}/accept_ra"
STANZA = "iface wan0 inet manual\n"


@pytest.fixture(name="line")
def _line(bare):
    """Return a line on which a router of the provider and one of the LAN advertise themselves."""
    line = bare()
    line.router.ip("link del ppp0")
    line.router.sysctl("net/ipv6/conf/all/forwarding", "0")  # as before the first ifup
    senders = [
        subprocess.Popen(space.argv(sys.executable, "-c", ADVERTISE, device, prefix))
        for space, device, prefix in (
            (line.internet, "wan", WAN_PREFIX),
            (line.lan, "eth0", LAN_PREFIX),
        )
    ]
    yield line
    for sender in senders:
        sender.kill()
        sender.wait()


def defaults(line):
    """Return the devices of the router's IPv6 default routes."""
    routes = line.router.run("ip", "-6", "route", "show", "default").splitlines()
    return sorted({words[words.index("dev") + 1] for row in routes if (words := row.split())})


def heard(line, device, prefix):
    """Whether the router has an address of an advertised prefix."""
    start = prefix.removesuffix("::")
    return start in line.router.run("ip", "-6", "address", "show", "dev", device)


def test_a_router_of_the_lan_is_no_way_out(line):
    """It was one while the machine was a host; the kernel of a router does not listen to it."""
    assert until(lambda: defaults(line) == ["lan0", "wan0"])
    line.complaint("ifup", IFACE="wan0")
    assert defaults(line) == ["wan0"]
    assert line.router.sysctl(ACCEPT.format("lan0")) == "1"
    line.router.run("ip", "-6", "route", "flush", "default")
    assert until(lambda: defaults(line)) == ["wan0"]


def test_a_lan_that_somebody_lets_listen_gets_addresses_and_no_default_route(line):
    """accept_ra 2, as guides to routers say, often for all devices."""
    line.complaint("ifup", IFACE="wan0")
    line.router.sysctl(ACCEPT.format("lan0"), "2")
    line.complaint("ifup", IFACE="wan0")
    line.router.run("ip", "-6", "route", "flush", "default")
    assert until(lambda: heard(line, "lan0", LAN_PREFIX))
    assert until(lambda: defaults(line)) == ["wan0"]
    assert line.hook("down").returncode == 0
    assert line.router.sysctl("net/ipv6/conf/lan0/accept_ra_defrtr") == "1"


@pytest.fixture(name="dhcpcd")
def _dhcpcd(line):
    """Return a router on which a process that is called dhcpcd hears the line's advertisements.

    It has done what dhcpcd does on a device: accept_ra 0, and a default route of its own.
    """
    ifup = Ifup(line, "ifupdown", STANZA)
    program = line.folder / "dhcpcd"
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "600"])
    pid = line.folder / "side" / "run" / "dhcpcd" / "pid"
    pid.parent.mkdir(parents=True)
    pid.write_text(f"{process.pid}\n")
    line.router.sysctl(ACCEPT.format("wan0"), "0")
    line.router.run("ip", "-6", "route", "flush", "default")
    line.router.run(
        *("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "wan0"),
        *("proto", "ra", "metric", "1003"),
    )
    yield ifup, process
    process.kill()
    process.wait()


def test_what_dhcpcd_hears_is_left_to_it(dhcpcd):
    """Its default route outlives forwarding, and the kernel makes none beside it."""
    ifup, process = dhcpcd
    router = ifup.line.router
    assert ifup.command("ifup", "wan0") == ["pre-up", "up"]
    assert router.sysctl(ACCEPT.format("wan0")) == "0"
    assert router.sysctl("net/ipv6/conf/all/forwarding") == "1"
    routes = router.run("ip", "-6", "route", "show", "default", "dev", "wan0").splitlines()
    assert [row.split()[:3] for row in routes] == [["default", "via", "fe80::1"]]
    assert ifup.command("ifdown", "wan0") == ["down", "post-down"]
    assert router.sysctl(ACCEPT.format("wan0")) == "0"
    # It has ended, and left what it had set.
    process.kill()
    process.wait()
    assert ifup.command("ifup", "wan0") == ["pre-up", "up"]
    assert router.sysctl(ACCEPT.format("wan0")) == "2"
    assert until(lambda: heard(ifup.line, "wan0", WAN_PREFIX))


def test_a_dhcpcd_that_begins_late_takes_over(dhcpcd):
    """The kernel heard the line first; what dhcpcd sets then is not undone by the next event."""
    ifup, process = dhcpcd
    router = ifup.line.router
    pid = ifup.line.folder / "side" / "run" / "dhcpcd" / "pid"
    pid.unlink()
    ifup.command("ifup", "wan0")
    assert router.sysctl(ACCEPT.format("wan0")) == "2"
    pid.write_text(f"{process.pid}\n")
    router.sysctl(ACCEPT.format("wan0"), "0")
    ifup.command("ifup", "--force", "wan0")
    assert router.sysctl(ACCEPT.format("wan0")) == "0"
    ifup.command("ifdown", "wan0")
    assert router.sysctl(ACCEPT.format("wan0")) == "0"


@pytest.mark.parametrize(
    "hops",
    [
        ("via", "fe80::9", "dev", "lan0"),
        ("nexthop", "via", "fe80::9", "dev", "lan0", "nexthop", "via", "fe80::8", "dev", "wan0"),
    ],
    ids=["a route of its own", "half of a route"],
)
def test_status_names_a_second_default_route_of_another_program(line, hops):
    """Which the next event neither makes nor takes away."""
    line.complaint("ifup", IFACE="wan0")
    assert until(lambda: defaults(line) == ["wan0"])
    assert "IPv6 default route by" not in line.hook("status").stdout
    line.router.run("ip", "-6", "route", "add", "default", "metric", "512", *hops)
    said = line.hook("status").stdout
    assert "there is an IPv6 default route by lan0 via fe80::9, beside the one by the WAN" in said
    assert "ip -6 route del default dev lan0" in said
