"""No flow is lost while a port is free, whatever was before."""

import itertools
import re
from contextlib import suppress
from pathlib import Path

import pytest
from burst import unlucky
from flows import HOSTS, TARGET, elsewhere, flow, mixed, strangers, tcp, udp
from line import SHARED
from natlab import OCN, V6PLUS
from space import until

from dualwan.nft import legacy
from dualwan.slices.snat import allocate

README = (Path(__file__).parents[2] / "README.md").read_text()
SHAPES = {"ocn": OCN, "v6plus": V6PLUS}
KINDS = ("tcp", "udp", "icmp")
GONE = 5  # seconds after which the kernel has removed the elements of flows that are gone


def all_ports(line, kind, hosts=HOSTS[:1], base=20000):
    """Return a first packet for each port of the set, shared out among HOSTS."""
    count = len(line.ports())
    return [flow(kind, hosts[at * len(hosts) // count], base + at) for at in range(count)]


def arrived(line, kind, packets, target=TARGET):
    """Send PACKETS; return the ports they have outside. Nothing may be wrong with any."""
    seen = line.passed(packets)
    assert not unlucky(seen, line.ports())
    return {packet.sport for packet in seen if (packet.kind, packet.target) == (kind, target)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hosts", [1, 9])
def test_every_port_is_used_towards_one_destination(rules, shape, kind, hosts):
    """As many flows as ports, one packet each, with unrelated flows in between: all arrive."""
    line = rules(shape=SHAPES[shape], mape="max-share = 100")
    packets = mixed(all_ports(line, kind, HOSTS[:hosts]), strangers())
    assert arrived(line, kind, packets) == set(line.all_ports())
    assert line.untranslated() == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hosts", [2, 7])
def test_every_port_is_used_by_hosts_within_their_share(rules, shape, kind, hosts):
    """With the shares as they are by default, two hosts or more have all ports together."""
    line = rules(shape=SHAPES[shape])
    packets = mixed(all_ports(line, kind, HOSTS[:hosts]), strangers())
    assert arrived(line, kind, packets) == set(line.all_ports())


@pytest.mark.parametrize("kind", KINDS)
def test_right_after_conntrack_was_flushed(rules, kind):
    """The same flows once more, three times over, at once: each has a port again."""
    line = rules(mape="max-share = 100")
    for _ in range(4):
        assert len(arrived(line, kind, mixed(all_ports(line, kind), strangers()))) == 1008
        line.forget()
    assert line.untranslated() == 0


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_right_after_conntrack_was_flushed_with_shares(rules, kind):
    """Two hosts that have all ports between them have them again."""
    line = rules()
    for _ in range(3):
        assert len(arrived(line, kind, all_ports(line, kind, HOSTS[:2]))) == 1008
        line.forget()


@pytest.mark.parametrize("kind", KINDS)
def test_other_flows_right_after_conntrack_was_flushed(rules, kind):
    """The elements of flows that are gone are in nobody's way."""
    line = rules(mape="max-share = 100")
    for base in (10000, 20000, 30000):
        assert len(arrived(line, kind, all_ports(line, kind, base=base))) == 1008
        line.forget()
    assert line.counter("no_port") == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ended", [range(2, 1008, 3), range(500), range(1007)])
def test_as_many_flows_as_ended_a_moment_ago(rules, kind, ended):
    """Each has a port at once, though the kernel still has the elements of those that ended."""
    line = rules(mape="max-share = 100")
    hosts = [HOSTS[9] if at in ended else HOSTS[0] for at in range(1008)]
    before = [flow(kind, host, 20000 + at) for at, host in enumerate(hosts)]
    assert len(arrived(line, kind, before)) == 1008
    line.forget("-s", HOSTS[9])
    after = [flow(kind, HOSTS[1], 30000 + at) for at in range(len(ended))]
    assert len(arrived(line, kind, after)) == len(ended)
    assert line.counter("no_port") == 0


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_flows_come_and_go_near_the_limit(rules, kind):
    """Of 1008 flows of ten hosts, those of one end and as many begin, three times: none is lost."""
    line = rules(mape="max-share = 100")
    watch = line.watch()
    line.send([flow(kind, HOSTS[at % 10], 20000 + at) for at in range(1008)])
    assert len({packet.sport for packet in watch.seen()}) == 1008
    for turn in range(3):
        ended = len(range(turn, 1008, 10))
        line.router.run("conntrack", "-D", "-s", HOSTS[turn])
        assert until(lambda left=1008 - ended: line.flows()[kind] == left, GONE)
        line.send([flow(kind, HOSTS[9], 30000 + turn * 200 + at) for at in range(ended)])
        seen = watch.seen()
        assert len({packet.sport for packet in seen}) == ended
        assert not unlucky(seen, line.ports())
        assert line.flows()[kind] == 1008  # so their ports are those that had become free


def test_after_a_million_flows(rules):
    """A million flows to as many destinations, opened and closed: 1008 of 1008 after them."""
    line = rules(mape="max-share = 100")
    burst = line.burst(
        [udp(HOSTS[at % 8], 1024 + at, f"10.0.{at >> 8}.{at & 255}", 53000) for at in range(20000)]
    )
    size = burst.memory._length_ // burst.size
    view = memoryview(burst.memory).cast("B")
    for at, value in ((26, 0), (27, 0), (4, 0xFF)):  # no checksum of UDP; see below
        view[14 + at :: size] = bytes([value]) * burst.size
    for turn in range(50):
        # The destination's second byte goes up, and the identification as much down from
        # 0xFFFF, which is as good as 0: the checksum of the header stays.
        view[14 + 17 :: size] = bytes([turn]) * burst.size
        view[14 + 5 :: size] = bytes([0xFF - turn]) * burst.size
        line.send(burst)
        if turn % 3 == 2:
            line.forget()
    line.forget()
    assert until(lambda: line.flows()["udp"] == 0, GONE)
    assert len(arrived(line, "udp", mixed(all_ports(line, "udp"), strangers()))) == 1008


def test_elements_go_with_their_flows(rules):
    """The sets hold an element a flow, and none when the flows are gone."""
    line = rules()
    line.send(itertools.islice(strangers(), 20000))
    assert line.flows()["udp"] == 20000
    line.forget()
    assert until(lambda: line.flows() == {"tcp": 0, "udp": 0, "icmp": 0}, GONE)


@pytest.mark.parametrize("mape", ["", f'open-nat = ["{HOSTS[0]}"]'])
def test_memory_is_bounded(rules, mape):
    """Each set and map that packets fill has a size: a hundred bytes or two for an element."""
    line = rules(mape=mape)
    listed = legacy.table(line.router.run("nft", "list", "table", "ip", "dualwan_snat"))
    filled = {block.name: block.source() for block in listed.blocks if block.dynamic}
    assert {
        "tcp_flows",
        "udp_flows",
        "icmp_flows",
        "tcp_mappings",
        "udp_mappings",
        "refused",
    } <= set(filled)
    sizes = {name: int(re.search(r"\bsize (\d+)", body)[1]) for name, body in filled.items()}
    flows = {name: sizes.pop(name) for name in ("tcp_flows", "udp_flows", "icmp_flows")}
    assert flows == {"tcp_flows": 262144, "udp_flows": 262144, "icmp_flows": 65536}
    assert max(sizes.values()) <= 65536
    assert f"bounded: {max(flows.values())} flows" in README


def test_when_the_set_is_full_all_the_same(rules, monkeypatch):
    """With sets of 2000 flows, and 3000 others alive, next to none is lost, and none strays."""
    monkeypatch.setattr(allocate, "FLOWS", 2000)
    line = rules(mape="max-share = 100")
    line.send(itertools.islice(strangers(), 3000))
    assert line.flows()["udp"] == 2000
    assert len(arrived(line, "udp", all_ports(line, "udp"))) >= 1000
    assert line.untranslated() == 0


def test_after_a_set_was_full(rules, monkeypatch):
    """When what had filled the set is gone, 1008 of 1008 again, with unrelated flows between."""
    monkeypatch.setattr(allocate, "FLOWS", 6000)
    line = rules(mape="max-share = 100")
    line.send(itertools.islice(strangers(), 9000))
    assert line.flows()["udp"] == 6000

    def once_more():
        line.forget()
        assert until(lambda: line.flows()["udp"] == 0, GONE)
        return len(arrived(line, "udp", mixed(all_ports(line, "udp"), strangers())))

    # An element is gone before the kernel counts it off: until then the set is as good as full.
    assert until(lambda: once_more() == 1008, GONE)


def test_one_source_port_for_all_destinations(rules):
    """A host that sends everything from one port: 5000 destinations, none lost."""
    line = rules()
    packets = [udp(HOSTS[0], 40000, elsewhere(at), 443) for at in range(5000)]
    seen = line.passed(packets)
    assert len({packet.target for packet in seen}) == 5000
    assert not unlucky(seen, line.ports())
    assert len({packet.sport for packet in seen}) == 1


def test_the_same_source_port_of_many_hosts(rules):
    """Ten hosts with the same 100 source ports towards one destination: 1000 ports outside."""
    line = rules(mape="max-share = 100")
    packets = [tcp(host, 50000 + at, TARGET, 443) for at in range(100) for host in HOSTS]
    assert len(arrived(line, "tcp", packets)) == 1000


def test_time_wait_is_in_nobodys_way(rules):
    """504 connections of each of two hosts, opened and closed by the client, twice in a row."""
    line = rules()
    hosts = HOSTS[0], line.second_host()
    server = line.internet.listen(5000)
    server.settimeout(2)
    for _ in range(2):
        clients = [line.lan.open_socket(2, 1) for _ in range(1008)]
        for at, client in enumerate(clients):
            client.bind((hosts[at % 2], 0))
            client.connect(("198.51.100.1", 5000))
        peers = [server.accept() for _ in clients]
        assert len({peer[1] for _, peer in peers}) == 1008
        for client, (accepted, _) in zip(clients, peers, strict=True):
            client.close()
            accepted.close()
        assert "TIME_WAIT" in line.router.run("conntrack", "-L")
        assert until(lambda: line.flows()["tcp"] == 0, GONE)


def test_what_conntrack_does_not_know_is_dropped(rules):
    """With the chains of the translation emptied, nothing passes the guard."""
    line = rules()
    line.router.run("nft", "flush", "chain", "ip", "dualwan_snat", "postrouting")
    assert (
        line.passed([flow(kind, HOSTS[0], 40000 + at) for at in range(50) for kind in KINDS]) == []
    )
    assert line.untranslated() == 150


def test_no_packet_of_the_router_itself_leaves_with_another_port(rules):
    """The router's own flows share the ports too; what was not translated is dropped."""
    line = rules()
    watch = line.watch()
    for _ in range(300):
        line.router.udp().sendto(b"", (TARGET, 53))
    assert not unlucky(watch.seen(), line.ports())
    line.router.run("nft", "flush", "chain", "ip", "dualwan_snat", "postrouting")
    with suppress(PermissionError):  # the router's own sockets are told
        for port in range(40000, 40100):
            line.router.udp(SHARED, port).sendto(b"", (TARGET, 54))
    assert not unlucky(watch.seen(), line.ports())
    assert line.untranslated() > 0
