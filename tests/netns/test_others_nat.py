"""NAT of other programs beside ours (O1): whoever loads first, our translation is asked first."""

import threading
import time
from dataclasses import replace

import pytest
from burst import unlucky
from flows import HOSTS, elsewhere, udp
from line import PPPOE, SERVERS, SHARED
from others import CONTAINER, LOADERS, WITH_DOCKER, add_container, masquerade
from scenes import NEIGHBOUR, forward

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.nft.transaction import replacement
from dualwan.slices import snat

FLOWS = 20
ORDERS = ("ours first", "theirs first")


@pytest.fixture(name="with_container")
def _with_container(bare):
    """Return a function that makes a router with a container and another program's masquerade."""

    def make(loader, order, config=WITH_DOCKER):
        line = bare(config=config)
        container = add_container(line)
        if order == "ours first":
            line.apply()
            loader(line.router)
        else:
            loader(line.router)
            line.apply()
        return line, container

    return make


def udp_sources(line, space):
    """Send FLOWS flows of UDP out of ``space``; return the sources that the server saw."""
    server = line.internet.udp(SERVERS[0], 5000, timeout=2)
    for _ in range(FLOWS):
        space.udp().sendto(b"", (SERVERS[0], 5000))
    return [server.recvfrom(1)[1] for _ in range(FLOWS)]


def tcp_sources(line, space):
    """Open FLOWS connections out of ``space``; return the sources that the server saw."""
    server = line.internet.listen(5000, SERVERS[0])
    clients = [space.connect(SERVERS[0], 5000, timeout=2) for _ in range(FLOWS)]
    assert len(clients) == FLOWS
    return [server.accept()[1] for _ in clients]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("loader", LOADERS, ids=lambda one: one.__name__)
def test_flows_that_others_masquerade_leave_with_our_ports(with_container, loader, order):
    """20 of 20 flows of a container arrive, by UDP, TCP and ping, from ports of the set."""
    line, container = with_container(loader, order)
    seen = [*udp_sources(line, container), *tcp_sources(line, container)]
    assert {address for address, _ in seen} == {SHARED}
    assert all(port in line.ports() for _, port in seen)
    identifiers = set(range(100, 100 + FLOWS))
    assert container.ping(SERVERS[0], identifiers, timeout=2) == identifiers
    assert line.untranslated() == 0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("loader", LOADERS, ids=lambda one: one.__name__)
def test_a_chosen_container_leaves_by_pppoe(with_container, loader, order):
    """A container that is to use PPPoE has PPPoE's address, whoever masquerades it."""
    config = WITH_DOCKER.replace("[mape]", f'via-pppoe = ["{CONTAINER}"]\n\n[mape]')
    line, container = with_container(loader, order, config)
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert {address for address, _ in udp_sources(line, container)} == {PPPOE}


def test_an_earlier_foreign_chain_would_be_noticed(with_container):
    """The test can tell: a masquerade before ours takes ports outside the set."""
    line, container = with_container(
        lambda router: router.nft(masquerade(priority="srcnat - 20")), "ours first"
    )
    for _ in range(FLOWS):
        container.udp().sendto(b"", (SERVERS[0], 5000))
    assert line.untranslated() > FLOWS // 2


def of_0_1_0(table):
    """Return ``table`` with its nat chains where 0.1.0 had them: at srcnat and dstnat."""
    return replace(
        table,
        blocks=tuple(
            replace(one, hook=one.hook.replace("nat - 10;", "nat;")) for one in table.blocks
        ),
    )


def test_an_upgrade_moves_the_chains_under_running_flows(lab):
    """The chains are replaced, for their priority changes: every flow that begins meanwhile leaves.

    A packet that meets the empty chain on both sides of the change is dropped by the egress
    filter, and counted; none leaves untranslated.
    """
    line = lab("firewall", "snat", "pbr")
    config = load(line.config)
    new = snat.wanted_table(config, derive_line(config).ways)
    old = of_0_1_0(new)
    assert old != new
    done, enough = [], threading.Event()

    def change_there_and_back():
        while not enough.is_set():
            for text in (replacement(new, old), replacement(old, new)):
                line.router.nft(text)
                done.append(text)

    watch, sent = line.watch(), 0
    thread = threading.Thread(target=change_there_and_back)
    thread.start()
    try:
        while thread.is_alive() and (sent < 1000 or len(done) < 20):
            line.send([udp(HOSTS[sent % 8], 20000, elsewhere(sent), 443)])
            sent += 1
            time.sleep(0.0002)
    finally:
        enough.set()
        thread.join()
    seen = watch.seen()
    assert not unlucky(seen, line.ports())
    assert len(seen) + line.untranslated() == sent >= 1000
    assert line.untranslated() <= len(done)
    assert "priority srcnat - 10;" in line.router.run("nft", "list", "table", "ip", "dualwan_snat")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("program", ["nft", "iptables-nft", "iptables-legacy"])
def test_a_forward_goes_to_our_server_and_not_to_theirs(made, program, order):
    """A port that a container publishes too is the forward's, whoever loads first."""

    def publish(line):
        if program == "nft":
            line.router.nft(
                "table ip theirs { chain p { type nat hook prerouting priority dstnat; "
                f"fib daddr type local tcp dport 8080 dnat to {NEIGHBOUR}:81; }}; }}"
            )
        else:
            rule = (
                "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 "
                f"-j DNAT --to-destination {NEIGHBOUR}:81"
            )
            line.router.run(program, *rule.split())

    line = made(forward("pppoe"))
    if order == "theirs first":
        line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
        publish(line)
        line.apply()
    else:
        publish(line)
    ours, theirs = line.lan.listen(80), line.lan.listen(81)
    line.internet.connect(PPPOE, 8080)
    ours.accept()
    theirs.settimeout(0)
    with pytest.raises(BlockingIOError):
        theirs.accept()
