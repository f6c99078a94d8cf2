"""PPPoE is cut and comes back with another address, while a download runs through MAP-E."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from guest import product, router, snapshot, traffic
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    PPP,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
)
from guest.capture import Capture
from guest.line import Line
from guest.servers import Servers
from guest.snapshot import Snapshot


@dataclass(frozen=True)
class Reconnected:
    """What was found while PPPoE came back with another address."""

    seconds_to_answer: float
    caller: traffic.Endpoint
    download: traffic.Download
    was_running: bool
    before: Snapshot
    after: Snapshot
    snat_before: snapshot.Section
    snat_after: snapshot.Section
    tracked_before: list[str]
    tracked_after: list[str]


def _snat() -> snapshot.Section:
    """The table's rules with handles and counters.

    Its named counter is left out: it tells what was thrown away, and a caller who knocks between
    the new address and the new rule has the answer thrown away.
    """
    listing = snapshot.nft("ip", "dualwan_snat", counters=True)
    return tuple(entry for entry in listing if not entry.startswith('{"counter"'))


@pytest.fixture(scope="module")
def reconnected(line: Line, internet: Servers, installed: Snapshot) -> Iterator[Reconnected]:
    """One reconnect, watched from all sides; nobody types a command."""
    assert internet
    assert installed
    if not product.wan_is_up():
        product.bring_up()
    with Servers(line.router, tcp=(80,), udp=(443,)):
        # Connections of all kinds that know the old address.
        held = line.internet.socket(socket.AF_INET, socket.SOCK_STREAM)
        held.connect((FIRST_PPPOE_ADDRESS, 80))
        traffic.ask_tcp(line.router, INTERNET_HOST, 80, source=FIRST_PPPOE_ADDRESS)
        tracked_before = snapshot.conntrack(FIRST_PPPOE_ADDRESS)
        download = traffic.Download(line.client, INTERNET_HOST, rate=100_000)
        before = snapshot.take()
        snat_before = _snat()
        router.forget_stamps()
        line.isp.reconnect(SECOND_PPPOE_ADDRESS)
        router.wait_for_ppp(SECOND_PPPOE_ADDRESS)
        caller = traffic.ask_tcp_within(line.internet, SECOND_PPPOE_ADDRESS, 80, 20)
        answered = time.clock_gettime(time.CLOCK_BOOTTIME)
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
        was_running = download.running
        found = Reconnected(
            seconds_to_answer=answered - router.last_stamp(SECOND_PPPOE_ADDRESS),
            caller=caller,
            download=download,
            was_running=was_running,
            before=before,
            after=snapshot.take(),
            snat_before=snat_before,
            snat_after=_snat(),
            tracked_before=tracked_before,
            tracked_after=snapshot.conntrack(FIRST_PPPOE_ADDRESS),
        )
        download.stop()
        held.close()
    yield found
    # The next ifup gets the first address again.
    router.forget_stamps()
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)


def test_the_server_answers_on_the_new_address_at_once(
    reconnected: Reconnected, answer_limit: float, measured: Callable[[str], None]
) -> None:
    """From ip-up to the first answer on the new address."""
    seconds = reconnected.seconds_to_answer
    measured(f"from ip-up to the first answer: {seconds:.2f} of {answer_limit:.2f} s")
    assert seconds < answer_limit


def test_a_download_through_mape_is_not_disturbed(
    reconnected: Reconnected, pause_limit: float, measured: Callable[[str], None]
) -> None:
    """It ran on all the while, and each byte came once and in order."""
    assert reconnected.was_running
    assert reconnected.download.error is None
    measured(f"longest pause of the download: {reconnected.download.longest_gap:.2f} s")
    assert reconnected.download.longest_gap < pause_limit


def test_tunnel_and_snat_are_the_same_as_before(reconnected: Reconnected) -> None:
    """The tunnel's interface index, and the snat table with its handles and counters."""
    assert reconnected.snat_after == reconnected.snat_before
    before, after = reconnected.before, reconnected.after
    tunnel = [line for line in before.sections["link"] if f'"ifname": "{TUNNEL}"' in line]
    assert len(tunnel) == 1
    assert tunnel[0] in after.sections["link"]
    assert [line for line in before.sections["route"] if TUNNEL in line] == [
        line for line in after.sections["route"] if TUNNEL in line
    ]


def test_nothing_names_the_old_address(reconnected: Reconnected) -> None:
    """No rule, route, address or nft element, and no tracked connection."""
    assert reconnected.before.naming(FIRST_PPPOE_ADDRESS)
    assert reconnected.after.naming(FIRST_PPPOE_ADDRESS) == []
    assert reconnected.tracked_before
    assert reconnected.tracked_after == []


def test_what_is_of_somebody_else_is_still_there_after_it(
    reconnected: Reconnected, installed: Snapshot
) -> None:
    """A nft table, rules and routes that someone else made stand untouched."""
    assert snapshot.of_somebody_else(reconnected.after) == snapshot.of_somebody_else(installed)


@pytest.mark.usefixtures("reconnected")
def test_all_is_in_order_after_it() -> None:
    """A dry run has nothing left to mend."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("reconnected")
def test_the_answer_leaves_by_the_new_session(line: Line) -> None:
    """Its packets are seen on the PPPoE device, from the new address."""
    with Servers(line.router, tcp=(80,)), Capture(line.router, PPP) as capture:
        traffic.ask_tcp(line.internet, SECOND_PPPOE_ADDRESS, 80)
        sources = {packet.source for packet in capture.packets() if packet.outgoing}
    assert sources == {SECOND_PPPOE_ADDRESS}
