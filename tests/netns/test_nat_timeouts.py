"""How long conntrack keeps the flows of the tunnel, and of the other WAN."""

import re

import pytest
from flows import HOSTS, TARGET, tcp, udp
from line import PPPOE, SERVERS, SHARED
from space import until

SLACK = 5  # seconds that may pass before a test looks


def left(line, kind, **fields):
    """Return the seconds that flows with FIELDS have left, by source port, as conntrack says."""
    found = {}
    for entry in line.router.run("conntrack", "-L", "-p", kind).splitlines():
        if all(f"{name}={value} " in entry for name, value in fields.items()):
            seconds = int(entry.split()[2])
            found[int(re.search(r"sport=(\d+)", entry)[1])] = seconds
    return found


def lasts(line, seconds, kind, **fields):
    """Return whether there are such flows, and each lasts SECONDS."""
    found = left(line, kind, **fields)
    return bool(found) and all(seconds - SLACK <= one <= seconds for one in found.values())


def system(line, name):
    """Return a timeout of the system."""
    return int(line.router.sysctl(f"net/netfilter/nf_conntrack_{name}"))


@pytest.mark.parametrize(
    ("packet", "seconds"),
    [
        (udp(HOSTS[0], 5000, TARGET, 3478), 120),
        (udp(HOSTS[0], 5000, TARGET, 443), 120),
        (udp(HOSTS[0], 5000, TARGET, 53), 10),
        (udp(HOSTS[0], 5000, TARGET, 123), 10),
    ],
)
def test_a_udp_flow_has_two_minutes_and_a_question_ten_seconds(rules, packet, seconds):
    """From its first packet on, answered or not (RFC 4787 REQ-5)."""
    line = rules()
    [seen] = line.passed([packet])
    assert lasts(line, seconds, "udp", dport=seen.dport)
    line.send([udp(seen.target, seen.dport, seen.source, seen.sport)], outside=True)
    assert "UNREPLIED" not in line.router.run("conntrack", "-L", "-p", "udp")
    line.send([packet])
    assert lasts(line, seconds, "udp", dport=seen.dport)


def test_a_connection_has_two_hours_and_an_opening_one_four_minutes(rules):
    """As RFC 5382 REQ-5 asks; one that was closed leaves its port within seconds."""
    line = rules()
    line.send([tcp(HOSTS[0], 5000, TARGET, 443)])
    assert lasts(line, 240, "tcp", dport=443)
    server = line.internet.listen(5000)
    client = line.lan.connect(SERVERS[0], 5000)
    accepted, _ = server.accept()
    assert lasts(line, 7440, "tcp", dport=5000)
    accepted.close()
    client.recv(1)
    assert until(lambda: lasts(line, 240, "tcp", dport=5000))  # half closed
    client.close()
    assert until(lambda: not left(line, "tcp", dport=5000))


def test_flows_of_the_router_itself_have_them_too(rules):
    """The router shares the ports."""
    line = rules()
    line.router.udp().sendto(b"", (TARGET, 3478))
    line.router.udp().sendto(b"", (TARGET, 53))
    assert lasts(line, 120, "udp", src=SHARED, dport=3478)
    assert lasts(line, 10, "udp", src=SHARED, dport=53)


def test_other_flows_have_the_systems(rules):
    """What leaves by PPPoE, and what stays inside, is kept as long as the system says."""
    line = rules()
    line.router.run("ip", "route", "add", SERVERS[1], "dev", "ppp0")
    line.internet.listen(5000)
    line.lan.connect(SERVERS[1], 5000)
    assert lasts(line, system(line, "tcp_timeout_established"), "tcp", dst=PPPOE)
    for port in (53, 3478):
        line.lan.udp(HOSTS[0]).sendto(b"", (SERVERS[1], port))
        line.lan.udp(HOSTS[0]).sendto(b"", ("192.168.1.1", port))
    assert lasts(line, system(line, "udp_timeout"), "udp", dport=3478)
    assert lasts(line, system(line, "udp_timeout"), "udp", dport=53)


def test_they_can_be_switched_off(rules):
    """`conntrack-timeouts = false`: flows of the tunnel have the system's, and no object is."""
    line = rules(mape="conntrack-timeouts = false")
    line.internet.listen(5000)
    line.lan.connect(SERVERS[0], 5000)
    line.send([udp(HOSTS[0], 5000, TARGET, 53), udp(HOSTS[0], 5000, TARGET, 443)])
    assert lasts(line, system(line, "tcp_timeout_established"), "tcp", dport=5000)
    assert lasts(line, system(line, "udp_timeout"), "udp", dport=53)
    assert lasts(line, system(line, "udp_timeout"), "udp", dport=443)
    assert "ct timeout" not in line.router.run("nft", "list", "table", "ip", "dualwan_snat")


def test_the_systems_own_stay_as_they_are(rules):
    """No sysctl is changed."""
    line = rules()
    other = line.lan  # a namespace that nothing was done to
    for name in (
        "tcp_timeout_established",
        "udp_timeout",
        "udp_timeout_stream",
        "tcp_timeout_time_wait",
    ):
        assert system(line, name) == int(other.sysctl(f"net/netfilter/nf_conntrack_{name}"))
