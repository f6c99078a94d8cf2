"""What is seen from the internet: what is offered and nothing else, at any time."""

import json
import resource
import socket

import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, SHARED
from never_open import DEVICES, links
from rain import WAN6, Rain
from scanner import ALL_TCP, Answering, Found, begin, commonest_udp, finish
from scenes import reconnect, with_ipv6
from space import until

OFFER = '[firewall]\ninbound = ["ssh", "smtp", "http", "https", "dns", "ntp"]\n'
FORWARDS = f"""\
[[forward]]
via = "pppoe"
protocol = "tcp"
port = 8080
to = "{CLIENT}:80"
[[forward]]
via = "mape"
protocol = "tcp"
port = 1040
to = "{CLIENT}:80"
[[forward]]
protocol = "tcp"
port = 443
to = "2001:db8:1::10"
"""
MORE_OFFER = OFFER.replace('"ntp"', '"ntp", "tcp/8443", "udp/500"')
TCP, UDP = frozenset({22, 25, 53, 80, 443}), frozenset({53, 123})
SERVED = (22, 25, 53, 80, 111, 139, 443, 445, 3306, 8080, 8443)
LAN6 = "2001:db8:1::10"
HOOK = """\
import sys
from dualwan.hook import hook
sys.exit(hook(sys.argv[1], sys.argv[2]))
"""
METER = (
    "\n".join(
        f"""\
table netdev meter_{device} {{
    set of_tcp {{ type inet_service; size 65535; flags dynamic; }}
    set of_udp {{ type inet_service; size 65535; flags dynamic; }}
    chain ingress {{
        type filter hook ingress device {device} priority 0;
        tcp flags syn add @of_tcp {{ tcp dport }}
        add @of_udp {{ udp dport }}
    }}
}}"""
        for device in DEVICES
    )
    + "\n"
)


@pytest.fixture(name="street")
def _street(bare):
    """Return a line with IPv6, nothing applied, whose router and client would answer all."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))
    line = bare(config=CONFIG + OFFER + FORWARDS)
    with_ipv6(line, "wan0", "wan")
    for address in (PPPOE, OTHER_PPPOE):  # PPPoE asks nobody who is where
        line.internet.run(
            "ip", "neigh", "replace", address, "lladdr", line.router.mac("ppp0"), "dev", "ppp"
        )
    line.router.nft(METER)
    for space in (line.router, line.lan):
        for port in SERVED:
            space.listen(port, "::", socket.AF_INET6)
    answering = [Answering(space, commonest_udp()) for space in (line.router, line.lan)]
    yield line
    for one in answering:
        one.close()


def hook(line, event, device="wan0"):
    """Run what ifupdown's hook runs in a phase; the tunnel cannot be made here, and it says so."""
    done = line.python(HOOK, event, device)
    errors = [text for text in done.stderr.splitlines() if "is no IPv6 tunnel" not in text]
    assert (done.returncode, errors) == (0, [])


def scans(line, pppoe=PPPOE):
    """Scan every way in, at once; return what was found by address and protocol."""
    found = {}
    for protocol in ("tcp", "udp"):
        begun = {
            target: begin(line.internet, target, protocol) for target in (pppoe, SHARED, WAN6, LAN6)
        }
        found |= {(target, protocol): finish(process) for target, process in begun.items()}
    return found


def asked(line, device, protocol):
    """Return the ports that the scans have reached DEVICE with."""
    text = line.router.run(
        "nft", "-j", "list", "set", "netdev", f"meter_{device}", f"of_{protocol}"
    )
    return {
        port
        for item in json.loads(text)["nftables"]
        for port in item.get("set", {}).get("elem", [])
    }


def found(protocol, opened=(), closed=()):
    """Return what a scan finds that finds nothing but OPENED and CLOSED."""
    everything = ALL_TCP if protocol == "tcp" else len(commonest_udp())
    return Found(frozenset(opened), frozenset(closed), everything - len(opened) - len(closed))


def offered(pppoe=PPPOE, tcp=TCP, udp=UDP):
    """Return what the scans find with all slices applied: services, ident, forwards."""
    return {
        (pppoe, "tcp"): found("tcp", {*tcp, 8080}, {113}),
        (pppoe, "udp"): found("udp", udp),
        (SHARED, "tcp"): found("tcp", {1040}),
        (SHARED, "udp"): found("udp"),
        (WAN6, "tcp"): found("tcp"),
        (WAN6, "udp"): found("udp"),
        (LAN6, "tcp"): found("tcp", {443}),
        (LAN6, "udp"): found("udp"),
    }


def assert_no_port_was_lost(line):
    """Each port of each way was asked, as the router's devices have seen."""
    for device in DEVICES:
        assert len(asked(line, device, "tcp") - {0}) == ALL_TCP
        assert set(commonest_udp()) <= asked(line, device, "udp")


def test_without_rules_a_scan_finds_more(street):
    """The scans see what is there: without a firewall no port is silent."""
    seen = finish(begin(street.internet, SHARED, "tcp", f"1-100,{','.join(map(str, SERVED))}"))
    assert seen.open == set(SERVED)
    assert seen.silent == 0


def test_before_the_wan_is_up(street):
    """With the firewall alone nothing shows but what is offered: no way to the LAN, no more."""
    street.apply("firewall")
    seen, allowed = scans(street), offered()
    for way, result in seen.items():
        assert result.open <= allowed[way].open
        assert result.closed <= allowed[way].closed
    assert_no_port_was_lost(street)


def test_after_start(street):
    """All TCP ports and the 1000 commonest of UDP: services, forwards, ident; nothing else."""
    hook(street, "pre-up")
    hook(street, "up")
    assert scans(street) == offered()
    assert_no_port_was_lost(street)


def test_after_a_reload(street):
    """Two services more in the configuration are two more in the scan."""
    street.apply()
    street.config.write_text(CONFIG + MORE_OFFER + FORWARDS)
    street.apply()
    assert scans(street) == offered(tcp={*TCP, 8443}, udp={*UDP, 500})
    assert_no_port_was_lost(street)


def test_after_a_reconnect(street):
    """By the new address the same, by the old one nothing."""
    street.apply()
    reconnect(street, OTHER_PPPOE)
    assert scans(street, OTHER_PPPOE) == offered(OTHER_PPPOE)
    assert finish(begin(street.internet, PPPOE, "tcp")) == found("tcp")
    assert_no_port_was_lost(street)


def test_after_ifdown_of_a_line_that_stays_up(street):
    """Whatever ifdown has left up, the firewall stays, and nothing leads to the LAN."""
    street.apply()
    hook(street, "down")
    hook(street, "post-down")
    assert street.tables() == ["dualwan_firewall"]
    seen, allowed = scans(street), offered()
    for way, result in seen.items():
        assert result.open <= allowed[way].open
        assert result.closed <= allowed[way].closed
    assert_no_port_was_lost(street)


def test_nothing_is_open_at_any_time(street):
    """Through ifup, reloads, reconnects and ifdown it rains; not one forbidden drop gets in."""
    links(street, "down")
    with Rain(street) as rain:
        for _ in range(2):
            hook(street, "pre-up")
            links(street, "up")
            hook(street, "up")
            hook(street, "ppp-up", "ppp0")
            before = rain.let_in("good")[0]
            for more in (MORE_OFFER, OFFER):
                street.config.write_text(CONFIG + more + FORWARDS)
                street.apply()
            for address in (OTHER_PPPOE, PPPOE):
                reconnect(street, address)
            hook(street, "ppp-down", "ppp0")
            reconnect(street, PPPOE)
            assert until(lambda: rain.let_in("good")[0] > before)  # noqa: B023 - called at once
            hook(street, "down")
            links(street, "down")
            hook(street, "post-down")
            assert street.tables() == []
        assert rain.let_in() == (0, 0)
    assert rain.sent > 10000


@pytest.mark.parametrize("edited", [False, True])
def test_rules_are_replaced_without_a_gap(street, edited):
    """20 changes of the rules, also of a table that somebody edited: not one drop gets in.

    A new chain is there before its policy is: what was open for microseconds let one packet
    in at every few changes, and conntrack the rest of its flow.
    """
    links(street, "up")
    hook(street, "pre-up")
    hook(street, "up")
    hook(street, "ppp-up", "ppp0")
    with Rain(street) as rain:
        for at in range(20):
            if edited:
                street.router.run("nft", "add", "chain", "inet", "dualwan_firewall", f"mine{at}")
            more = OFFER if at % 2 else MORE_OFFER
            street.config.write_text(CONFIG + more + FORWARDS)
            street.apply()
        assert rain.let_in() == (0, 0)
        assert until(lambda: rain.let_in("good")[0] > 0)
    assert rain.sent > 10000


def test_the_rain_gets_in_without_a_firewall(street):
    """The counters count what is let in, on the router and in the LAN."""
    with Rain(street) as rain:
        assert until(lambda: min(rain.let_in()) > 0)
