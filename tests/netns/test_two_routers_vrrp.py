"""Two routers with keepalived and conntrackd themselves, and their files of docs/two-routers.md."""

import time
from contextlib import ExitStack, closing

import pytest
from line import SERVERS
from space import until
from two_routers import VIRTUAL, Routers, passes

VRRP_SECONDS = 3.1  # three advertisements and (256 - 240) / 256 s


@pytest.fixture(name="running")
def _running(tmp_path):
    """Return the routers with both programs, and the keepalived of each."""
    with ExitStack() as stack:
        routers = stack.enter_context(closing(Routers(tmp_path)))
        for one in routers.both:
            one.ifup()
            stack.enter_context(one.conntrackd())
        first = stack.enter_context(routers.first.keepalived())
        assert until(routers.first.is_active, 60)
        second = stack.enter_context(routers.second.keepalived())
        assert until(lambda: "Entering BACKUP" in routers.second.said("keepalived"), 60)
        routers.lan.run("ip", "neigh", "flush", "dev", "eth0")
        yield routers, {"router1": first, "router2": second}


def connected(routers):
    """Return both ends of a TCP connection through MAP-E."""
    server = routers.internet.listen(7000, SERVERS[0])
    client = routers.lan.connect(SERVERS[0], 7000)
    return client, server.accept()[0]


def knows(router, ends):
    """Return whether conntrackd of ROUTER has heard of the connection."""
    return f"sport={ends[0].getsockname()[1]} " in router.conntrackd_has()


def echoed(ends, word):
    """Return whether WORD comes through in both directions."""
    client, server = ends
    client.sendall(word)
    assert server.recv(99) == word
    server.sendall(word)
    return client.recv(99) == word


def test_a_router_that_is_cut_off_is_followed_by_the_other(running):
    """Its connection goes on with its port, in the time that VRRP needs and little more."""
    routers, _ = running
    ends = connected(routers)
    port = ends[1].getpeername()[1]
    assert echoed(ends, b"before")
    assert until(lambda: knows(routers.second, ends), 20)
    cut = time.monotonic()
    for device in ("lan0", "wan0", "sync0"):
        routers.first.space.run("ip", "link", "set", device, "down")
    assert until(routers.second.is_active, 60)
    assert echoed(ends, b"after")
    assert passes(routers, 30)
    took = time.monotonic() - cut
    print(f"\nuntil a packet passes: {took:.2f} s, of which VRRP has {VRRP_SECONDS:.2f} s at most")
    assert f"tcp . {port} . {SERVERS[0]}" in str(routers.second.elements("carried"))
    # The one that was cut off hears of its WAN, and lets go of the line.
    assert until(routers.first.is_standby, 60)
    for device in ("lan0", "wan0", "sync0"):
        routers.first.space.run("ip", "link", "set", device, "up")
    assert until(lambda: not routers.first.has_address(VIRTUAL), 20)
    assert routers.second.is_active()
    assert routers.first.is_standby()


def test_a_keepalived_that_ends_says_so(running):
    """The other one takes over, and what its unit runs afterwards closes the first."""
    routers, processes = running
    ends = connected(routers)
    assert echoed(ends, b"before")
    assert until(lambda: knows(routers.second, ends), 20)
    processes["router1"].terminate()
    assert until(lambda: processes["router1"].poll() is not None, 20)
    unit = (routers.first.folder / "dualwan.conf").read_text()
    command = unit.split("ExecStopPost=")[1].split("\n")[0].split()
    assert command[0] == "/usr/bin/dualwan-hook"
    routers.first.hook(*command[1:])
    assert routers.first.is_standby()
    assert until(routers.second.is_active, 60)
    assert echoed(ends, b"after")


def test_vrrp_that_is_cut_and_comes_back_leaves_one(running):
    """Split brain by a LAN that is cut in two: two CEs as long as it lasts, and one afterwards."""
    routers, _ = running
    assert passes(routers)
    routers.first.space.nft(
        "table inet cut { chain c { type filter hook output priority 300;\n"
        'oifname "lan0" ip protocol 112 drop; }; }'
    )
    assert until(routers.second.is_active, 60)
    assert routers.first.is_active()
    routers.first.space.run("nft", "delete", "table", "inet", "cut")
    assert until(routers.second.is_standby, 60)
    assert routers.first.is_active()
    assert until(lambda: routers.ce_is_at() == routers.first.space.mac("wan0"), 20)
    routers.lan.run("ip", "neigh", "flush", "dev", "eth0")
    assert passes(routers)
