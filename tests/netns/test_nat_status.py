"""What `status` says of the port set, against the kernel's own lists."""

import json

from flows import HOSTS, TARGET, flow
from line import SERVERS
from space import until

GREEDY, OTHER = HOSTS[:2]


def status(line, *more):
    """Return what the command prints."""
    done = line.hook("status", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ports_hosts_and_destinations_are_counted(lab):
    """Flows of two hosts to two destinations, by protocol, the busiest first."""
    line = lab()
    line.send(
        [
            *(flow("tcp", GREEDY, 20000 + at) for at in range(30)),
            *(flow("udp", OTHER, 20000 + at, "203.0.113.201", 53) for at in range(20)),
            *(flow("icmp", OTHER, 300 + at, "203.0.113.202") for at in range(3)),
        ]
    )
    ports = json.loads(status(line, "--json"))["ports"]
    assert ports["size"] == 1008
    assert ports["used"] == {"tcp": 30, "udp": 20, "icmp": 3}
    assert ports["flows"] == {"tcp": 30, "udp": 20, "icmp": 3}
    assert ports["destinations"] == [
        {"protocol": "tcp", "address": TARGET, "port": 443, "used": 30},
        {"protocol": "udp", "address": "203.0.113.201", "port": 53, "used": 20},
        {"protocol": "icmp", "address": "203.0.113.202", "port": 0, "used": 3},
    ]
    assert ports["hosts"] == [{"address": GREEDY, "flows": 30}, {"address": OTHER, "flows": 23}]
    assert (ports["refused"], ports["no-port"], ports["untranslated"]) == ({}, 0, 0)


def test_refused_lost_and_stopped_flows_are_counted(lab):
    """A host beyond its share, flows beyond the last port, and packets that the guard met."""
    line = lab(mape="max-share = 60")
    line.send(flow("tcp", host, 20000 + at) for host in (GREEDY, OTHER) for at in range(620))
    ports = json.loads(status(line, "--json"))["ports"]
    assert ports["refused"] == {GREEDY: 620 - 604}
    assert ports["no-port"] == 620 - (1008 - 604)
    line.router.run("nft", "flush", "chain", "ip", "dualwan_snat", "postrouting")
    line.send([flow("udp", OTHER, 1000 + at) for at in range(7)])
    assert json.loads(status(line, "--json"))["ports"]["untranslated"] == 7
    text = status(line)
    assert f"refused  {GREEDY} 16 flows beyond max-share" in text
    assert "lost     216 flows found every port taken" in text
    assert "stopped  7 packets without a port of the set" in text


def test_what_was_counted_outlives_a_reload(lab):
    """Another share is another rule; the counts and the mappings stay."""
    line = lab(mape="max-share = 10")
    line.send([flow("tcp", GREEDY, 20000 + at) for at in range(150)])
    before = json.loads(status(line, "--json"))["ports"]
    assert before["refused"] == {GREEDY: 50}
    line.config.write_text(line.config.read_text().replace("max-share = 10", "max-share = 50"))
    line.apply("snat")
    after = json.loads(status(line, "--json"))["ports"]
    assert after["refused"] == before["refused"]
    assert after["used"] == before["used"] == {"tcp": 100, "udp": 0, "icmp": 0}


def test_what_was_counted_outlives_the_table(lab):
    """Since the machine started, through ifdown and ifup: the first counts, and then both."""
    line = lab(mape="max-share = 10")
    line.send(flow("tcp", GREEDY, 20000 + at) for at in range(150))
    assert line.hook("down").returncode == 0
    assert json.loads(status(line, "--json"))["ports"]["refused"] == {GREEDY: 50}
    line.apply("snat")
    line.forget()
    line.send(flow("tcp", host, 30000 + at) for host in (GREEDY, OTHER) for at in range(130))
    assert json.loads(status(line, "--json"))["ports"]["refused"] == {GREEDY: 80, OTHER: 30}


def test_metrics_are_those_of_the_status(lab):
    """The node exporter's textfile has the same numbers."""
    line = lab()
    server = line.internet.listen(5000)
    client = line.lan.connect(SERVERS[0], 5000)
    accepted, _ = server.accept()
    lines = status(line, "--prometheus").splitlines()
    assert 'dualwan_ports_used{protocol="tcp"} 1' in lines
    assert 'dualwan_slice_in_order{slice="snat"} 1' in lines
    client.close()
    accepted.close()
    assert until(
        lambda: 'dualwan_ports_used{protocol="tcp"} 0' in status(line, "--prometheus").splitlines()
    )
