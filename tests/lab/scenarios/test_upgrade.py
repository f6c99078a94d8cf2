"""An upgrade from 0.1.0 under a running line, and the first event after it.

Neither may disturb a download through MAP-E, a connection to a server by PPPoE, the outer ports
of the LAN's endpoints, or the firewall, which a stream of forbidden packets tests throughout.
Each kind of first event is tried on another release.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from guest import product, router, snapshot, traffic
from guest.addresses import (
    CLIENT_ADDRESS,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    PORT_SET,
    SECOND_PPPOE_ADDRESS,
)
from guest.line import Line
from guest.rain import Rain
from guest.servers import Servers
from guest.snapshot import Snapshot

PACKAGE = "dualwan-hook"
RELEASE = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
HITS = 5
ATTACKER, OTHER = INTERNET_HOSTS[5], INTERNET_HOSTS[6]
# Its set is filled once, and is to refuse until the end.
CONFIG = product.with_keys(
    more=f"[firewall.guard]\nhits = {HITS}\nseconds = 60\nrefuse = 3600\n",
)
SSH_LIMIT_SECONDS = 5.0  # the kernel refuses six at once, then one a second (icmp_ratelimit)
INNER_PORTS = range(3075, 3079)
BY_HAND, RECONNECT = "dualwan-hook by hand", "a reconnect"
# One event a release, and the other one with --rest: each has an upgrade of its own.
EVENT = BY_HAND if (RELEASE == "bookworm") != ("LAB_REST" in os.environ) else RECONNECT
STAGES = ("before", "after dpkg -i", "after the event")


@dataclass(frozen=True)
class Moment:
    """The state of the line at one of STAGES.

    outer: the outer endpoint of each of INNER_PORTS. attacker, other: what ssh is for the host
    that guessed passwords, and for one that did not. download_lives, pppoe_lives: whether these
    connections carry data. The rest are the counters of Rain.
    """

    outer: dict[int, traffic.Endpoint]
    attacker: str
    other: str
    download_lives: bool
    pppoe_lives: bool
    let_in: dict[str, int]
    arrived: dict[str, int]
    allowed: int


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade and the event after it did; ``moments`` has STAGES as its keys."""

    event: str
    address: str
    moments: dict[str, Moment]
    download: traffic.Download
    held: traffic.Conversation
    seconds: float
    sent: int


@pytest.fixture(scope="module", params=[EVENT])
def upgraded(
    request: pytest.FixtureRequest, line: Line, internet: Servers, foreign: Snapshot
) -> Iterator[Upgraded]:
    """Upgrade the released package under traffic, and have one event happen."""
    assert internet
    assert foreign
    _start_anew(line)
    product.install(product.released_package())
    product.configure(CONFIG)
    product.bring_up()
    with Servers(line.router, tcp=(22, 80)):
        yield _upgrade(line, request.param)


def _start_anew(line: Line) -> None:
    """Take the WAN down and purge the package; the next dial gets PPPoE's first address."""
    if product.wan_is_up():
        product.take_down()
    if product.is_installed():
        product.apt("purge", PACKAGE)
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)


def _upgrade(line: Line, event: str) -> Upgraded:
    attempts = [_ssh(line, ATTACKER, FIRST_PPPOE_ADDRESS) for _attempt in range(HITS + 1)]
    assert attempts == ["open"] * HITS + ["refused"]
    download = traffic.Download(line.client, INTERNET_HOSTS[0], rate=100_000)
    held = traffic.Conversation(line.internet, FIRST_PPPOE_ADDRESS, 80)
    address = FIRST_PPPOE_ADDRESS
    moments: dict[str, Moment] = {}

    def look(stage: str) -> None:
        moments[stage] = Moment(
            # Ports are given in turn: a table without its mappings would give others this time.
            outer=_outer_endpoints(line, INNER_PORTS if moments else INNER_PORTS[::-1]),
            attacker=_ssh(line, ATTACKER, address),
            other=_ssh(line, OTHER, address),
            download_lives=download.goes_on(),
            pppoe_lives=held.goes_on(),
            let_in=rain.let_in(),
            arrived=rain.arrived(),
            allowed=rain.allowed(),
        )

    with Rain(line) as rain:
        look("before")
        started = time.monotonic()
        product.upgrade()
        seconds = time.monotonic() - started
        look("after dpkg -i")
        if event == BY_HAND:
            done = product.run()
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            held.stop()  # its address goes
            address = SECOND_PPPOE_ADDRESS
            router.forget_stamps()
            line.isp.reconnect(address)
            router.wait_for_hooks(address)
        look("after the event")
    held.stop()
    download.stop()
    return Upgraded(event, address, moments, download, held, seconds, rain.sent)


def _ssh(line: Line, source: str, address: str) -> str:
    return traffic.try_port(line.internet, address, 22, SSH_LIMIT_SECONDS, source=source)


def _outer_endpoints(line: Line, ports: Sequence[int]) -> dict[int, traffic.Endpoint]:
    """Ask from each of ``ports`` in turn a server that none of them has asked before."""
    host = next(_HOSTS)
    return {
        port: traffic.ask_udp(line.client, host, source=(CLIENT_ADDRESS, port)) for port in ports
    }


_HOSTS = iter(INTERNET_HOSTS[1:5] + INTERNET_HOSTS[7:])


def test_the_download_goes_on(
    upgraded: Upgraded, pause_limit: float, measured: Callable[[str], None]
) -> None:
    """Each byte comes once and in order, and no pause is as long as a cut would be."""
    measured(
        f"upgrade, then {upgraded.event}: dpkg took {upgraded.seconds:.1f} s; "
        f"longest pause of the download {upgraded.download.longest_gap:.2f} s"
    )
    assert [moment.download_lives for moment in upgraded.moments.values()] == [True] * 3
    assert upgraded.download.error is None
    assert upgraded.download.longest_gap < pause_limit


def test_a_connection_to_a_server_by_pppoe_lives(
    upgraded: Upgraded, pause_limit: float, measured: Callable[[str], None]
) -> None:
    """It is never reset, and echoes all the while, for as long as PPPoE has its address."""
    held = upgraded.held
    measured(
        f"upgrade, then {upgraded.event}: longest wait of {held.echoes} for an echo by PPPoE "
        f"{held.longest_pause:.2f} s"
    )
    lives = [moment.pppoe_lives for moment in upgraded.moments.values()]
    assert lives == [True, True, upgraded.event == BY_HAND]
    assert held.error is None
    assert held.longest_pause < pause_limit


def test_no_forbidden_packet_gets_in(upgraded: Upgraded, measured: Callable[[str], None]) -> None:
    """They come by PPPoE, the tunnel and the WAN in every stage, and allowed ones are counted."""
    measured(
        f"upgrade, then {upgraded.event}: {upgraded.sent} forbidden packets sent, arrived at "
        + ", ".join(f"{d} {n}" for d, n in upgraded.moments["after the event"].arrived.items())
    )
    assert [moment.let_in for moment in upgraded.moments.values()] == [{}] * 3
    for earlier, later in pairwise(STAGES):
        before, after = upgraded.moments[earlier], upgraded.moments[later]
        assert all(after.arrived[wan] > count for wan, count in before.arrived.items())
        assert after.allowed > before.allowed


def test_an_endpoint_keeps_its_outer_port(upgraded: Upgraded) -> None:
    """Towards a server that it has never asked, too: the mapping was kept, not just a flow."""
    before, *later = (moment.outer for moment in upgraded.moments.values())
    assert {endpoint.address for endpoint in before.values()} == {MAPE_ADDRESS}
    assert {endpoint.port for endpoint in before.values()} <= PORT_SET
    assert later == [before, before]


def test_an_attacker_is_still_refused(upgraded: Upgraded) -> None:
    """At the new address as well; another host is let in."""
    found = [(moment.attacker, moment.other) for moment in upgraded.moments.values()]
    assert found == [("refused", "open")] * 3


def test_a_server_is_reached_after_it(upgraded: Upgraded, line: Line) -> None:
    """At PPPoE's present address; and the LAN reaches the internet."""
    assert traffic.try_port(line.internet, upgraded.address, 80) == "open"
    assert traffic.ask_tcp(line.client, INTERNET_HOSTS[0]).address == MAPE_ADDRESS


@pytest.mark.usefixtures("upgraded")
def test_all_is_in_order_after_it() -> None:
    """A dry run plans nothing, and `status` has no warning, such as "somebody changed it"."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(product.run("status", "--json").stdout)
    assert (status["problems"], status["warnings"], status["unseen"]) == ([], [], [])
    assert {item["state"] for item in status["slices"].values()} == {"in order"}
    assert "somebody changed" not in done.stdout


@pytest.mark.usefixtures("upgraded")
def test_down_leaves_nothing(foreign: Snapshot) -> None:
    """Nor anything that 0.1.0 had put into the kernel; what others put there stays."""
    done = product.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert snapshot.ours() == []
    after = snapshot.take()
    assert snapshot.of_somebody_else(after) == snapshot.of_somebody_else(foreign)
