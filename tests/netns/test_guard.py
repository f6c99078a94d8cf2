"""The guard against brute force: 20 rapid attempts, and what outlives them."""

import re
import socket
import time

import pytest
from line import CONFIG, OTHER_PPPOE, PPPOE, SERVERS
from scenes import FIVE_OF_TWENTY, attempts, reconnect

ATTACKER, HONEST = SERVERS[0], SERVERS[1]
QUICK = CONFIG + "[firewall.guard]\nseconds = 2\nrefuse = 3\n"
LASTING = CONFIG + "[firewall.guard]\nseconds = 1\nrefuse = 4\n"


@pytest.fixture(name="ssh")
def _ssh(line):
    """Return a router on which ssh is guarded as it is by default, with a server."""
    line.server = line.router.listen(22)
    return line


def test_the_sixth_of_twenty_is_refused_and_logged(ssh):
    """Five are let in, fifteen are not; another address has its own five."""
    assert attempts(ssh, ATTACKER, 20) == FIVE_OF_TWENTY
    assert attempts(ssh, HONEST, 5) == [True] * 5
    refused = ssh.router.run("nft", "list", "set", "inet", "dualwan_firewall", "refused4")
    assert refused.count(ATTACKER) == 1
    assert HONEST not in refused
    attack = ssh.router.run("nft", "list", "chain", "inet", "dualwan_firewall", "attack")
    assert re.search(r'tcp dport 22 limit rate 10/minute .*log prefix "SSHATTACK: "', attack)


def test_another_service_is_not_shut_with_it(ssh):
    """Who is refused by ssh still reaches the web server, and as often as it likes."""
    ssh.router.listen(80)
    assert attempts(ssh, ATTACKER, 6)[-1] is False
    assert attempts(ssh, ATTACKER, 20, port=80) == [True] * 20


def test_what_is_open_stays_open(ssh):
    """A connection from before goes on while its address is refused."""
    client = ssh.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.bind((ATTACKER, 0))
    client.connect((PPPOE, 22))
    accepted, _ = ssh.server.accept()
    assert attempts(ssh, ATTACKER, 6)[-1] is False
    accepted.sendall(b"still here")
    assert client.recv(10) == b"still here"


def test_it_is_over_after_the_time_of_refusal(bare):
    """With 4 seconds instead of 600: refused within them, let in after them, five times again.

    The tries themselves are forgotten after one.
    """
    line = bare(config=LASTING)
    line.apply()
    line.router.listen(22)
    assert attempts(line, ATTACKER, 20) == FIVE_OF_TWENTY
    refused = time.monotonic()
    while attempts(line, ATTACKER) == [False]:
        assert time.monotonic() - refused < 6
    assert time.monotonic() - refused > 3
    assert attempts(line, ATTACKER, 19) == FIVE_OF_TWENTY[1:]


def test_it_counts_within_the_time_only(bare):
    """With 2 seconds instead of 60: five, and five more when the first are older than that."""
    line = bare(config=QUICK)
    line.apply()
    line.router.listen(22)
    for _ in range(2):
        assert attempts(line, ATTACKER, 5) == [True] * 5
        time.sleep(2.2)


@pytest.mark.parametrize("what", ["reload", "same address", "new address", "loss"])
def test_a_refusal_survives(ssh, what):
    """Another configuration, a reconnect, a time without PPPoE: who was refused still is."""
    address = PPPOE
    assert attempts(ssh, ATTACKER, 6)[-1] is False
    assert attempts(ssh, HONEST, 3) == [True] * 3
    if what == "reload":
        ssh.config.write_text(CONFIG + '[firewall]\ninbound = ["ssh", "tcp/8443"]\n')
        ssh.apply()
    elif what == "loss":
        ssh.event("ppp-down", PPP_IFACE="ppp0")
        reconnect(ssh, address)
    else:
        address = OTHER_PPPOE if what == "new address" else PPPOE
        reconnect(ssh, address)
    assert attempts(ssh, ATTACKER, 3, address=address) == [False] * 3
    assert attempts(ssh, HONEST, 3, address=address) == [True, True, False]
