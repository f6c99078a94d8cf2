"""Whatever somebody does to what is ours is mended: by the watcher, or by any event without it."""

import time
from contextlib import closing
from itertools import cycle

import pytest
from line import CONFIG, PPPOE, SHUT
from space import until
from tunnelled import MANUAL, Tunnelled
from watching import Watching

LIMIT = 2.0  # seconds until it is mended
BY_RULE = (
    CONFIG.partition("[mape]")[0]
    + """\
[mape]
br = "2001:db8:ffff::9"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
[pppoe]
dial = false
"""
)
CHANGES = [
    pytest.param("ip rule del priority 100", id="a rule"),
    pytest.param("ip rule flush", id="all rules"),
    pytest.param("ip route flush table 100", id="the table of PPPoE"),
    pytest.param("ip route del default dev mape0 proto 217", id="the default route"),
    pytest.param(
        "ip route del default dev lan0; ip route replace default dev lan0",
        id="the default route replaced",
    ),
    pytest.param("ip route flush table main proto 217", id="our routes of main"),
    pytest.param("ip link del mape0", id="the tunnel"),
    pytest.param("ip link set mape0 down", id="the tunnel down"),
    pytest.param("ip link set mape0 down; ip link set mape0 up", id="the tunnel for a moment"),
    pytest.param("ip address flush dev mape0", id="the tunnel's address"),
    pytest.param(f"ip address del {MANUAL.ce}/128 dev wan0", id="the CE address"),
    pytest.param("ip link set wan0 down; ip link set wan0 up", id="the WAN for a moment"),
    pytest.param("nft flush ruleset", id="all of nft"),
    pytest.param("nft delete table ip dualwan_snat", id="a table"),
    pytest.param("nft flush table inet dualwan_firewall", id="a table's rules"),
    pytest.param("nft insert rule inet dualwan_firewall input accept", id="a rule too much"),
    pytest.param("echo 0 > /proc/sys/net/ipv4/ip_forward", id="forwarding"),
    pytest.param("echo 0 > /proc/sys/net/ipv4/conf/all/forwarding", id="forwarding of all"),
    pytest.param("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding", id="forwarding of IPv6"),
    pytest.param("echo 0 > /proc/sys/net/ipv6/conf/wan0/accept_ra", id="accept_ra"),
    pytest.param("echo 1 > /proc/sys/net/ipv4/conf/mape0/rp_filter", id="rp_filter"),
]


@pytest.fixture(name="router", scope="module")
def _router(tmp_path_factory):
    """Return a router that is up; each test leaves it as it was."""
    with closing(Tunnelled(tmp_path_factory.mktemp("router"))) as line:
        line.up()
        yield line


@pytest.fixture(name="watched", scope="module")
def _watched(tmp_path_factory):
    """Return a router that is up, with a watcher; each test leaves it as it was."""
    with closing(Tunnelled(tmp_path_factory.mktemp("watched"))) as line:
        line.up()
        with closing(Watching(line)) as watcher:
            yield line, watcher


@pytest.mark.parametrize("change", CHANGES)
def test_the_watcher_mends_it(watched, change):
    """Within two seconds, without any event; the command then finds nothing to do."""
    line, watcher = watched
    whole = line.everything()
    began = time.monotonic()
    line.router.run("sh", "-c", change)
    assert until(lambda: line.everything() == whole, LIMIT), line.everything()
    assert time.monotonic() - began < LIMIT
    assert until(watcher.is_idle)
    assert line.settled()


@pytest.mark.parametrize(
    ("change", "event"),
    [
        pytest.param(*change.values, event, id=f"{change.id} at {event}")
        for change, event in zip(CHANGES, cycle(("ppp-up", "ppp-down")), strict=False)
    ],
)
def test_without_the_watcher_any_event_mends_it(router, change, event):
    """Also one of PPPoE, which concerns none of it: a connect, or a disconnect, in turn."""
    whole = router.everything()
    router.router.run("sh", "-c", change)
    router.event(event, PPP_IFACE="ppp0")
    assert router.everything() == whole
    assert router.settled()


def test_after_a_flush_the_router_is_closed_again(watched, record_property):
    """The time from `nft flush ruleset` until a packet that nobody asked for is dropped again."""
    line, watcher = watched
    line.router.listen(23)
    with pytest.raises(TimeoutError):
        line.internet.connect(PPPOE, 23, timeout=SHUT)
    times = []
    for _ in range(3):
        assert until(watcher.is_idle)
        line.router.run("nft", "flush", "ruleset")
        began = time.monotonic()
        assert until(lambda: "dualwan_firewall" in line.tables(), LIMIT)
        times.append(time.monotonic() - began)
        with pytest.raises(TimeoutError):
            line.internet.connect(PPPOE, 23, timeout=SHUT)
    record_property("closed again", f"{min(times):.2f} to {max(times):.2f} s")
    print(f"closed again after {min(times):.2f} to {max(times):.2f} s")


def test_a_link_that_comes_back_as_another_one_is_followed(watched):
    """A device of the tunnel's name has other sysctls: they are heard of as well."""
    line, watcher = watched
    whole = line.everything()
    line.router.run("ip", "link", "del", "mape0")
    assert until(lambda: line.everything() == whole, LIMIT)
    assert until(watcher.is_idle)
    line.router.sysctl("net/ipv4/conf/mape0/rp_filter", "1")
    assert until(lambda: line.everything() == whole, LIMIT)


def test_the_first_prefix_starts_the_tunnel(tmp_path):
    """It comes long after ifup, which has not waited for it."""
    with closing(Tunnelled(tmp_path, config=BY_RULE)) as line, closing(Watching(line)) as watcher:
        line.router.run("ip", "address", "flush", "dev", "wan0", "scope", "global")
        began = time.monotonic()
        said = line.complaint("ifup", IFACE="wan0")
        assert "no IPv6 prefix on wan0 yet" in said
        assert time.monotonic() - began < 10, "it was waited for"
        assert until(watcher.is_idle)
        assert not any("dev mape0" in route for route in line.routes())
        line.router.ip("address add 2001:db8:12:3400::5/64 dev wan0 nodad")
        assert until(lambda: any("dev mape0" in route for route in line.routes()), LIMIT)


def test_after_ifdown_nothing_is_mended(tmp_path):
    """Whatever happens to the link then."""
    with closing(Tunnelled(tmp_path)) as line:
        line.up()
        with closing(Watching(line)) as watcher:
            line.router.run("ip", "link", "del", "ppp0")
            line.event("ifdown", IFACE="wan0")
            line.router.run("ip", "link", "set", "wan0", "down")
            line.event("ifdown", IFACE="wan0", PHASE="post-down")
            line.router.ip("link set wan0 up\naddress add 2001:db8:9::5/64 dev wan0 nodad")
            line.router.run("nft", "flush", "ruleset")
            assert until(watcher.is_idle)
            looked = watcher.looked()
            line.router.ip("address del 2001:db8:9::5/64 dev wan0")
            assert until(lambda: watcher.looked() > looked)
            assert until(watcher.is_idle)
            assert line.leftovers() == []


def test_down_while_the_watcher_mends_leaves_nothing(tmp_path):
    """A person takes everything down in the middle of a storm that the watcher fights."""
    with closing(Tunnelled(tmp_path)) as line:
        line.up()
        with closing(Watching(line)) as watcher:
            for _ in range(3):
                line.router.run("nft", "flush", "ruleset")
                line.router.run("ip", "rule", "flush")
            assert line.hook("down").returncode == 0
            line.router.run("ip", "rule", "add", "priority", "32766", "lookup", "main")
            assert until(watcher.is_idle)
            assert line.leftovers() == []


def test_an_overrun_is_news_of_anything(watched):
    """More news than the kernel keeps: it looks, and hears what comes after."""
    line, watcher = watched
    whole = line.everything()
    storm = "".join(
        f"add table ip dualwan_storm\nadd chain ip dualwan_storm c{at}\n" for at in range(3000)
    )
    line.router.nft(storm + "delete table ip dualwan_storm\n")
    line.router.run("nft", "flush", "ruleset")
    assert until(lambda: line.everything() == whole, 10)
    assert until(watcher.is_idle)
    line.router.run("ip", "rule", "del", "priority", "100")
    assert until(lambda: line.everything() == whole, LIMIT)
