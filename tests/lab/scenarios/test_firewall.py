"""The guard, PPPoE for chosen hosts, failover, fragments, and what somebody else's hand does.

One configuration serves all, and each test leaves the next one the line as it is. The last
tests flush all rules, somebody else's too, so nothing of this boot may come after them; the
configuration stays in force until the boot ends.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from guest import command, product, router, traffic, waiting
from guest.addresses import (
    CLIENT_ADDRESS,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOSTS,
    LAN,
    MAPE_ADDRESS,
    PPP,
    PPPOE_HOST,
    TUNNEL,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

HITS = 5
REFUSE_SECONDS = 60
ATTACKER, OTHER = INTERNET_HOSTS[5], INTERNET_HOSTS[6]
GUARD = f"""\
[firewall.guard]
hits = {HITS}
seconds = 10
refuse = {REFUSE_SECONDS}
"""
# As Debian installs it.
NFTABLES_CONF = """
flush ruleset
table inet filter {
    chain input { type filter hook input priority filter; }
    chain forward { type filter hook forward priority filter; }
    chain output { type filter hook output priority filter; }
}
"""
SSH_LIMIT_SECONDS = 5.0
FALLBACK_LIMIT_SECONDS = 20
PROBES = 3  # in a row, before MAP-E is taken as broken, or as mended
_DO_NOT_FRAGMENT, _IP_MTU_DISCOVER, _IP_MTU = 2, 10, 14


def _config(fallback: str = "mape", inbound: str = "") -> str:
    text = product.with_keys(
        wan=f'failover = true\nprobe = ["{INTERNET_HOST}"]\nhold-down = 0',
        lan=f'via-pppoe = ["{PPPOE_HOST}"]\nfallback = "{fallback}"',
        more=GUARD,
    )
    return text.replace('"https"]', f'"https"{inbound}]')


@pytest.fixture(scope="module", autouse=True)
def configured(line: Line, installed: object) -> Iterator[Servers]:
    """The WAN up with this configuration, and servers on the router."""
    assert installed
    product.up_with(_config())
    # Each attempt is refused at once: the kernel would send six errors, and then one a second.
    line.router.sysctl(ipv4__icmp_ratelimit=0)
    with Servers(line.router, tcp=(22, 80)) as servers:
        yield servers
    line.router.sysctl(ipv4__icmp_ratelimit=1000)


@dataclass
class Attack:
    """Somebody guesses passwords.

    refused_at: on the clock of time.monotonic. found: by each attempt. log: when that was, in
    seconds, whom the server saw, and the rules afterwards, for a failure to be understood.
    """

    refused_at: float
    found: list[str]
    log: str


def _ssh(line: Line, source: str) -> str:
    router_address, limit = FIRST_PPPOE_ADDRESS, SSH_LIMIT_SECONDS
    return traffic.try_port(line.internet, router_address, 22, limit, source=source)


def _rest(moment: float) -> None:
    """Wait for a moment on the clock of time.monotonic."""
    time.sleep(max(0.0, moment - time.monotonic()))


@pytest.fixture(scope="module")
def attack(line: Line, configured: Servers) -> Attack:
    """Twenty connections to ssh from one address, one after the other."""
    started = time.monotonic()
    attempts = [(_ssh(line, ATTACKER), time.monotonic() - started) for _attempt in range(20)]
    rules = command.run(["nft", "list", "table", "inet", "dualwan_firewall"])
    return Attack(
        refused_at=started + attempts[HITS][1],
        found=[found for found, _when in attempts],
        log=f"{attempts}\n{configured.seen()}\n{rules}",
    )


def test_ssh_is_refused_from_the_sixth_attempt_on(line: Line, attack: Attack) -> None:
    """For that address only, for ssh only, and the log names it."""
    assert attack.found == ["open"] * HITS + ["refused"] * 15, attack.log
    assert _ssh(line, OTHER) == "open"
    assert traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, 80, source=ATTACKER) == "open"
    log = command.run(["journalctl", "-b", "-k", "-o", "cat", "--no-pager"])
    assert [entry for entry in log.splitlines() if "SSHATTACK: " in entry and ATTACKER in entry]


def test_a_host_that_shall_take_pppoe_does(line: Line) -> None:
    """By TCP and by UDP; its neighbour goes by MAP-E."""
    by_tcp = traffic.ask_tcp(line.client, INTERNET_HOST, source=PPPOE_HOST)
    by_udp = traffic.ask_udp(line.client, INTERNET_HOST, source=(PPPOE_HOST, 0))
    assert {by_tcp.address, by_udp.address} == {FIRST_PPPOE_ADDRESS}
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS


def test_refusal_and_fallback_while_pppoe_is_away(line: Line, attack: Attack) -> None:
    """PPPoE is cut: its host takes MAP-E, or with fallback "none" nothing, until it is back.

    Who was refused by the guard before is refused after it, and after the reload.
    """
    line.isp.cut_pppoe()
    router.wait_for_no_ppp()
    fallen_back = traffic.ask_tcp(line.client, INTERNET_HOST, source=PPPOE_HOST)
    product.apply(_config(fallback="none", inbound=', "tcp/8443"'))
    with Capture(line.router, TUNNEL) as tunnel:
        with pytest.raises(traffic.NoAnswerError):
            traffic.ask_tcp(line.client, INTERNET_HOST, source=PPPOE_HOST, limit=1)
        leaked = [packet for packet in tunnel.packets() if packet.outgoing]
    router.forget_stamps()
    line.isp.open_pppoe()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    found = _ssh(line, ATTACKER)
    elapsed = time.monotonic() - attack.refused_at
    assert fallen_back.address == MAPE_ADDRESS
    assert leaked == []
    back = traffic.ask_tcp(line.client, INTERNET_HOST, source=PPPOE_HOST)
    assert back.address == FIRST_PPPOE_ADDRESS
    assert elapsed < REFUSE_SECONDS, "this machine is too slow for the numbers above"
    assert found == "refused"


def test_large_datagrams_pass_mape_as_fragments(line: Line) -> None:
    """1500 bytes each way; who forbids fragments is told the size that fits."""
    line.relay.reset()
    with Capture(line.internet, "br") as there:
        seen = traffic.ask_udp(line.client, INTERNET_HOST, size=1472)
        parts = there.gather(lambda packet: packet.fragment and not packet.outgoing, 2)
    assert seen.address == MAPE_ADDRESS
    assert len(parts) == 2
    with line.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _DO_NOT_FRAGMENT)
        udp.settimeout(2)
        udp.connect((INTERNET_HOST, ECHO_PORT))
        udp.send(b"?" * 1472)
        with suppress(OSError):  # what arrives is the router's message, which is no data
            udp.recv(2048)
        assert udp.getsockopt(socket.IPPROTO_IP, _IP_MTU) == 1460
    assert line.relay.refused() == {}


def _way() -> str:
    """The device by which LAN traffic leaves now."""
    asked = ["ip", "-j", "route", "get", INTERNET_HOST, "from", CLIENT_ADDRESS, "iif", LAN]
    return str(json.loads(command.run(asked))[0]["dev"])


def _probe(times: int = PROBES) -> None:
    """What the timer does."""
    for _time in range(times):
        command.run(["systemctl", "start", "dualwan-probe.service"])


def test_the_lan_takes_pppoe_while_the_relay_is_silent(
    line: Line, measured: Callable[[str], None]
) -> None:
    """Probes tell; new flows change their way there and back, established ones never do."""
    with line.client.socket(socket.AF_INET, socket.SOCK_STREAM) as older:
        older.settimeout(traffic.ANSWER_LIMIT)
        older.connect((INTERNET_HOST, ECHO_PORT))
        assert older.recv(64).decode().split()[0] == MAPE_ADDRESS
        line.relay.fall_silent()
        try:
            _probe()
            assert _way() == PPP
            assert traffic.ask_tcp(line.client, INTERNET_HOST).address == FIRST_PPPOE_ADDRESS
            download = traffic.Download(line.client, INTERNET_HOST, rate=50_000)
            older.sendall(b"meanwhile ")
        finally:
            line.relay.speak()
        _probe()
        assert _way() == TUNNEL
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
        with Capture(line.router, PPP) as pppoe:
            found = pppoe.gather(lambda packet: packet.source_port == 8080, 3)
            alive = download.goes_on()
        download.stop()
        assert found
        assert alive
        measured(f"longest pause of a PPPoE download at failback: {download.longest_gap:.2f} s")
        assert older.recv(64) == b"meanwhile "
        older.sendall(b"still here")
        assert older.recv(64) == b"still here"


def test_the_lan_takes_pppoe_while_the_line_has_no_ipv6(
    line: Line, measured: Callable[[str], None]
) -> None:
    """The line withdraws its default route; the watcher changes the way, there and back."""
    assert product.watcher_runs()
    try:
        started = time.monotonic()
        line.isp.stop_announcing()
        waiting.until(lambda: _way() == PPP, "the way by PPPoE", FALLBACK_LIMIT_SECONDS)
        measured(f"from the lost IPv6 default route to PPPoE: {time.monotonic() - started:.2f} s")
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == FIRST_PPPOE_ADDRESS
        line.isp.announce()
        waiting.until(lambda: _way() == TUNNEL, "the way by MAP-E", FALLBACK_LIMIT_SECONDS)
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    finally:
        line.isp.announce()


def test_the_refusal_ends(line: Line, attack: Attack) -> None:
    """After its time the address may try again."""
    _rest(attack.refused_at + REFUSE_SECONDS + 1)
    assert _ssh(line, ATTACKER) == "open"


def _states() -> set[str]:
    status = json.loads(product.run("status", "--json").stdout)
    return {item["state"] for item in status["slices"].values()}


def _is_in_order() -> bool:
    return product.run("--dry-run", "--exit-code").returncode == 0


def test_the_next_event_restores_what_somebody_flushed(line: Line) -> None:
    """`nft flush ruleset` by hand: the LAN has no way out by MAP-E, and `status` says why.

    The next event is PPPoE's here, and no watcher runs.
    """
    line.relay.reset()
    with product.without_watcher():
        command.run(["nft", "flush", "ruleset"])
        with pytest.raises(traffic.NoAnswerError):
            traffic.ask_tcp(line.client, INTERNET_HOST, limit=1)
        assert "absent" in _states()
        hook = "/etc/ppp/ip-up.d/00dualwan-hook"
        command.run(["env", f"PPP_IFACE={PPP}", f"PPP_LOCAL={FIRST_PPPOE_ADDRESS}", hook])
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    assert _is_in_order()


def test_a_plain_nftables_conf_is_lived_with(line: Line) -> None:
    """It flushes everything and has a table of its own, which stays when ours are back."""
    command.run(["nft", "-f", "-"], text=NFTABLES_CONF)
    try:
        product.apply(_config(fallback="none", inbound=', "tcp/8443"'))
        assert "table inet filter" in command.run(["nft", "list", "tables"])
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
        assert _ssh(line, OTHER) == "open"
        assert _is_in_order()
    finally:
        command.run(["nft", "delete", "table", "inet", "filter"])
