"""No host has more than its share of the ports towards one destination, and is told so."""

import errno
import os
import time
from contextlib import closing

import pytest
from burst import refusals
from flows import HOSTS, elsewhere
from line import SERVERS, SHARED
from natlab import OCN, V6PLUS
from shares import KINDS, flows, passed, refused, vpn
from space import until

GREEDY, OTHER, THIRD = HOSTS[:3]
QUICK = 0.5  # seconds; a lost packet would take a second or more to be missed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "percent", "share"),
    [(OCN, 50, 504), (OCN, 30, 302), (OCN, 10, 100), (V6PLUS, 50, 120), (V6PLUS, 25, 60)],
)
def test_a_host_has_its_share_and_no_more(rules, kind, shape, percent, share):
    """Of 50 flows too many none leaves; they are counted to their host, and it is told."""
    line = rules(shape=shape, mape=f"max-share = {percent}")
    inside = line.watch(line.lan, "eth0")
    assert passed(line, flows(kind, GREEDY, share + 50)) == share
    assert refused(line) == {GREEDY: 50}
    answers = refusals(inside.seen())
    assert {packet.kind for packet in answers} == {"tcp" if kind == "tcp" else "icmp"}
    if kind == "tcp":  # the kernel sends fewer ICMP errors a second (icmp_ratelimit)
        assert len(answers) == 50


def test_without_shares_a_host_may_have_all(rules):
    """max-share = 100 refuses nobody."""
    line = rules(mape="max-share = 100")
    for kind in KINDS:
        assert passed(line, flows(kind, GREEDY, 1008)) == 1008


@pytest.mark.parametrize("kind", KINDS)
def test_one_hosts_greed_is_not_the_others_loss(rules, kind):
    """Beside a host that was refused, another one has all the ports of the rest."""
    line = rules()
    assert passed(line, flows(kind, GREEDY, 600)) == 504
    assert passed(line, flows(kind, OTHER, 504)) == 504
    assert set(refused(line)) == {GREEDY}


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_is_towards_one_destination(rules, kind):
    """A host that was refused towards one destination has as much towards another one."""
    line = rules()
    assert passed(line, flows(kind, GREEDY, 600)) == 504
    assert passed(line, flows(kind, GREEDY, 600, 30000, target=elsewhere(1))) == 504
    assert passed(line, flows(kind, GREEDY, 100, 40000, target=elsewhere(2))) == 100
    if kind != "icmp":  # a port is part of a destination
        assert passed(line, flows(kind, GREEDY, 600, 50000, dport=80)) == 504


@pytest.mark.parametrize("kind", KINDS)
def test_endpoints_that_have_a_port_are_counted_too(rules, kind):
    """A host that has filled one destination has no more than its share at the next either."""
    line = rules()
    assert passed(line, flows(kind, GREEDY, 504)) == 504
    assert passed(line, [*reversed(flows(kind, GREEDY, 504, target=elsewhere(1)))]) == 504
    assert refused(line) == {}
    assert passed(line, flows(kind, GREEDY, 50, 30000, target=elsewhere(1))) == 0
    assert refused(line) == {GREEDY: 50}


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_invents_addresses_is_one_host(rules, kind):
    """Its share is that of its link address, and the others have the rest."""
    line = rules()
    made_up = [
        packet for number in range(24) for packet in flows(kind, f"192.168.1.{100 + number}", 50)
    ]
    with closing(line.watch()) as watch:
        line.send(line.burst(made_up, link="02:00:00:00:00:66"))
        assert len(watch.seen()) == 504
    assert passed(line, flows(kind, OTHER, 504)) == 504


@pytest.mark.parametrize("kind", KINDS)
def test_behind_a_device_without_link_addresses_a_host_is_an_address(rules, kind):
    """Behind a VPN: each host has its share, and no more."""
    line = rules()
    with closing(line.watch()) as watch, vpn(line) as device:
        for packet in flows(kind, "192.168.9.2", 550):
            os.write(device, packet)
        assert len(watch.seen()) == 504
        for packet in flows(kind, "192.168.9.3", 504):
            os.write(device, packet)
        assert len(watch.seen()) == 504
    assert refused(line) == {"192.168.9.2": 46}


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_may_again_what_it_gave_back(rules, kind):
    """When a host's flows have ended, as many may begin, and no more."""
    line = rules()
    assert passed(line, flows(kind, GREEDY, 600)) == 504
    line.router.run("conntrack", "-D", "-s", GREEDY)
    counted = f"{kind}_held"
    assert until(lambda: line.flows()[kind] == 0 and not line.elements(counted))
    assert passed(line, flows(kind, GREEDY, 600, 30000)) == 504


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", [20000, 30000])
def test_nobody_is_refused_for_flows_that_were_forgotten(lab, kind, base):
    """Right after `conntrack -F` a host has its share at once, of the same flows or of others."""
    line = lab()
    for turn in range(3):
        assert passed(line, flows(kind, GREEDY, 504, 20000 if turn % 2 else base)) == 504
        line.forget()
    assert refused(line) == {}


def test_who_keeps_to_little_is_never_asked(rules):
    """Ten hosts with a hundred flows each towards one destination: nobody is refused."""
    line = rules()
    for host in HOSTS:
        assert passed(line, flows("tcp", host, 100)) == 100
    assert refused(line) == {}


def test_established_flows_go_on(rules):
    """A host that is refused keeps what it has: more packets of its flows leave as before."""
    line = rules()
    packets = flows("udp", GREEDY, 504)
    assert passed(line, packets) == 504
    assert passed(line, flows("udp", GREEDY, 50, 40000)) == 0
    assert passed(line, packets) == 504


def test_traffic_that_does_not_use_the_ports_is_not_counted(rules):
    """By PPPoE a host has an address of its own, and no share."""
    line = rules()
    line.router.run("ip", "route", "add", SERVERS[1], "dev", "ppp0")
    watch = line.watch(device="ppp")
    line.lan.run("ip", "address", "add", "192.168.1.99/24", "dev", "eth0")
    assert line.lan.ping(SERVERS[1]) == {1}  # neighbours know each other
    watch.seen()
    line.send(flows("udp", GREEDY, 800, target=SERVERS[1]))
    assert len([packet for packet in watch.seen() if packet.kind == "udp"]) == 800
    assert refused(line) == {}


# --- what an application sees ---------------------------------------------------------------


def test_a_program_is_told_at_once(lab):
    """Sockets beyond the share get ECONNREFUSED within a moment, the ones before it work."""
    line = lab("firewall", "snat", "pbr", mape="max-share = 10")
    server = line.internet.listen(5000)
    clients = [line.lan.connect(SERVERS[0], 5000) for _ in range(100)]
    peers = {server.accept()[1] for _ in clients}
    assert len(peers) == 100
    assert {address for address, _ in peers} == {SHARED}
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        line.lan.connect(SERVERS[0], 5000)
    assert time.monotonic() - began < QUICK
    line.internet.listen(5001)
    line.lan.connect(SERVERS[0], 5001).close()


def test_a_program_is_told_of_udp_too(lab):
    """A UDP socket beyond the share gets an error for its datagram instead of silence."""
    line = lab("firewall", "snat", "pbr", mape="max-share = 10")
    packets = flows("udp", THIRD, 100, target=SERVERS[0], dport=5000)
    with closing(line.watch()) as watch:
        line.send(line.burst(packets, link=line.lan.mac("eth0")))
        assert len(watch.seen()) == 100
    asker = line.lan.udp(THIRD, timeout=QUICK)
    asker.connect((SERVERS[0], 5000))
    asker.send(b"question")
    with pytest.raises(OSError, match=os.strerror(errno.EHOSTUNREACH)):
        asker.recv(64)  # ICMP's type 3, code 13, as Linux hands it on
