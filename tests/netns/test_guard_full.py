"""The guard against brute force when invented sources have filled its sets."""

import socket

import pytest
from line import CONFIG, PPPOE, SERVERS
from packets import Packet
from scenes import attempts, put, shrunken

ADMIN, STRANGER = SERVERS[0], SERVERS[1]
KNOWN = (
    CONFIG
    + f'[firewall]\ninbound = ["ssh", {{ service = "ssh", from = ["{ADMIN}/32"] }}, "http"]\n'
)
SMALL = (("size 8192", "size 16"),)
NEWCOMERS = 30  # at once, and as many a minute


@pytest.fixture(name="ssh")
def _ssh(bare):
    """Return a router whose ssh is for all, and for the administrator's address."""
    line = bare(config=KNOWN)
    line.apply()
    line.server = line.router.listen(22)
    return line


def spoof(line, sources):
    """Send the first packet of a connection to ssh from each of SOURCES."""
    mac = line.router.mac("ppp0")
    tap = line.internet.packet_socket("ppp")
    tap.setblocking(True)
    head = bytes.fromhex((mac + line.internet.mac("ppp")).replace(":", "") + "0800")
    for source in sources:
        tap.send(head + Packet(source, PPPOE, "tcp", 40000, 22).build())


def strangers(count):
    """Return COUNT addresses."""
    return [f"198.52.{at >> 8}.{at & 255}" for at in range(1, count + 1)]


COUNTER = """
    table inet witness {
        counter seen { }
        chain input {
            type filter hook input priority 200; policy accept;
            ip saddr 198.52.0.0/16 tcp dport 22 counter name seen
        }
    }
"""


def seen(line):
    """Return how many invented packets were let in."""
    text = line.router.run("nft", "list", "counter", "inet", "witness", "seen")
    return int(text.split("packets ")[1].split()[0])


def test_full_sets_do_not_open_the_guard(ssh):
    """Those that had room, and thirty newcomers more; then none but a few a minute."""
    shrunken(ssh, *SMALL)
    ssh.router.nft(COUNTER)
    room = 5 * 16
    spoof(ssh, strangers(1000))
    assert room <= seen(ssh) <= room + NEWCOMERS + 1
    assert not any(attempts(ssh, STRANGER, 5))


def test_a_refused_source_stays_refused_when_they_are_full(ssh):
    """And what it began before goes on."""
    shrunken(ssh, *SMALL)
    client = ssh.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.bind((STRANGER, 0))
    client.connect((PPPOE, 22))
    accepted, _ = ssh.server.accept()
    assert not attempts(ssh, STRANGER, 20)[-1]
    spoof(ssh, strangers(1000))
    assert attempts(ssh, STRANGER, 3) == [False] * 3
    accepted.sendall(b"still here")
    assert client.recv(10) == b"still here"


def test_ipv6_strangers_do_not_use_up_what_newcomers_of_ipv4_may(ssh):
    """Each family has sets and newcomers of its own."""
    shrunken(ssh, *SMALL)
    mac = ssh.router.mac("ppp0")
    for at in range(1, 200):
        packet = Packet(f"2001:db8:{at:x}::1", "2001:db8:2::2", "tcp", 40000, 22)
        put(ssh.internet, "ppp", mac, packet)
    assert attempts(ssh, STRANGER, 5) == [True] * 5


@pytest.mark.parametrize("full", [False, True])
def test_an_administrator_s_network_is_never_locked_out(ssh, full):
    """Neither by packets with its address, nor by full sets: it comes before the guard."""
    if full:
        shrunken(ssh, *SMALL)
        spoof(ssh, strangers(1000))
    spoof(ssh, [ADMIN] * 6)
    assert attempts(ssh, ADMIN, 20) == [True] * 20


def test_others_are_counted_all_the_same(ssh):
    """The service is for all, and the guard counts all but the known."""
    assert attempts(ssh, STRANGER, 20) == [True] * 5 + [False] * 15


def test_a_network_that_is_named_is_not_counted(bare):
    """By default also where the service is for that network alone; others get no answer."""
    only = f'[firewall]\ninbound = [{{ service = "ssh", from = ["{ADMIN}/32"] }}]\n'
    line = bare(config=CONFIG + only)
    line.apply()
    line.router.listen(22)
    assert attempts(line, ADMIN, 20) == [True] * 20
    assert not any(attempts(line, STRANGER, 2))
