"""The flowtable: which packets would put a flow there, and kernels that take or refuse it.

Where the kernel refuses one, a counter in its place shows the first, and the last tests hold that
nothing else suffers. Where it takes one, they hold what it does.
"""

import re
import socket
import time

import pytest
from line import BY_NAME, CLIENT, CONFIG, OTHER_PPPOE, PPPOE, SERVERS, SHUT
from scenes import OUTSIDE6, forward, with_ipv6
from space import until

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.model.observed import Link, Observed
from dualwan.model.state import RunState
from dualwan.slices import Situation, offload

CHOSEN = CONFIG.replace('["lan0"]', f'["lan0"]\nvia-pppoe = ["{CLIENT}"]')
ON = CHOSEN + "[firewall]\noffload = true\n"
LINKS = {name: Link(at, True) for at, name in enumerate(("wan0", "lan0"), 2)}
ADDING = re.compile(r"flow add @\w+")
PASSED = """table inet watched {
    counter passed { }
    chain forward {
        type filter hook forward priority 0;
        meta l4proto tcp counter name passed
    }
}
"""


def counting(line):
    """Return the table with a counter in the place of the flowtable, which not all kernels have."""
    config = load(line.config)
    at = Situation(config, derive_line(config), RunState(), Observed(links=LINKS))
    text = offload.wanted_table(at).source()
    text = re.sub(r"\tflowtable .*?\n\t}\n", "\tcounter added { }\n", text, flags=re.DOTALL)
    return ADDING.sub("counter name added", text)


def counted(line, table, name):
    """Return the packets of a counter."""
    found = line.router.run("nft", "list", "counter", "inet", table, name)
    return int(re.search(r"packets (\d+)", found)[1])


def added(line):
    """Return how many packets would have put their flow into the flowtable."""
    return counted(line, "dualwan_offload", "added")


def passed(line):
    """Return how many packets of TCP have crossed the router by its chains."""
    return counted(line, "watched", "passed")


@pytest.fixture
def chosen(bare):
    """A router with the table, and a connection of the LAN by PPPoE."""
    line = bare(config=ON)
    line.apply()
    line.router.nft(counting(line))
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    accepted, (address, _) = server.accept()
    assert address == PPPOE
    return line, client, accepted


def exchange(client, server):
    """Send a byte each way."""
    client.sendall(b"?")
    assert server.recv(1) == b"?"
    server.sendall(b"!")
    assert client.recv(1) == b"!"


def test_a_flow_by_pppoe_would_be_put_there(chosen):
    """By an answer to an address of the session, after a packet of the LAN that left by it."""
    line, client, server = chosen
    exchange(client, server)
    assert until(lambda: added(line) > 0)


def test_none_whose_address_the_session_no_longer_has(bare):
    """Though its packets come in, and are led to their server: the flowtable would send answers."""
    line = bare(config=ON + forward("pppoe"))
    line.apply()
    line.router.nft(counting(line))
    server = line.lan.listen(80)
    caller = line.internet.connect(PPPOE, 8080)
    accepted, _ = server.accept()
    exchange(caller, accepted)
    assert until(lambda: added(line) > 0)
    line.router.ip(f"""
        address add {OTHER_PPPOE}/32 dev ppp0
        address del {PPPOE}/32 dev ppp0
    """)
    before = added(line)
    caller.sendall(b"?")
    assert accepted.recv(1) == b"?"
    time.sleep(SHUT)  # its answer does not leave, so the caller says it again
    assert added(line) == before
    line.router.ip(f"address add {PPPOE}/32 dev ppp0")
    exchange(caller, accepted)
    assert until(lambda: added(line) > before)


def test_none_by_the_tunnel(bare):
    """Its packets are held against the port set, each of them."""
    line = bare(config=ON.replace(f'via-pppoe = ["{CLIENT}"]', ""))
    line.apply()
    line.router.nft(counting(line))
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    exchange(client, server.accept()[0])
    assert added(line) == 0


def test_where_the_kernel_refuses_it_all_else_is_loaded(bare):
    """And `check` says so, in one sentence; where it does not, the table is there."""
    line = bare(config=ON)
    line.apply(*BY_NAME, "offload")
    refused = "the kernel refuses a flowtable" in line.hook("check").stdout
    assert ("dualwan_offload" in line.tables()) is not refused
    assert {"dualwan_firewall", "dualwan_pbr", "dualwan_snat"} <= set(line.tables())
    assert line.settled(*BY_NAME, "offload")


def test_established_flows_of_ipv6_meet_no_chain_where_the_kernel_can(bare):
    """Until what decides about them changes; where it cannot, each packet meets them all."""
    line = bare(config=ON)
    with_ipv6(line, "wan0", "wan")
    line.apply(*BY_NAME, "offload")
    taken = "dualwan_offload" in line.tables()
    line.router.nft(PASSED)
    server = line.internet.listen(80, "::", socket.AF_INET6)
    client = line.lan.connect(OUTSIDE6, 80)
    accepted, _ = server.accept()
    exchange(client, accepted)
    before = passed(line)
    for _ in range(5):
        exchange(client, accepted)
    assert (passed(line) == before) is taken
    line.config.write_text(ON + 'smb = "accept"\n')
    line.apply(*BY_NAME, "offload")
    before = passed(line)
    exchange(client, accepted)
    assert passed(line) > before
