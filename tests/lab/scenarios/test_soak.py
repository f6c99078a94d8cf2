"""Many reconnects with changing addresses, under traffic by both ways; `make soak N=100`.

Nobody types a command. Everything that could grow is counted before and after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import CLOCK_BOOTTIME, clock_gettime

import pytest
from guest import command, growth, mischief, product, router, snapshot, traffic
from guest.addresses import FIRST_PPPOE_ADDRESS, INTERNET_HOST, PPP, TUNNEL
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

RECONNECTS = int(os.environ.get("LAB_RECONNECTS", "100"))
# Of the other addresses that PPPoE has in turn.
ADDRESSES = tuple(f"203.0.113.{number}" for number in range(100, 140))
WARM_UP = 3  # reconnects before the first count: what is loaded once is loaded then
SERVICE_SECONDS = 40.0  # after which a reconnect counts as lost
GROWTH_KB = 1000  # of the watcher's memory
RATE = 20_000  # bytes a second of the download, which an emulated machine has to spare


@dataclass(frozen=True)
class Soaked:
    """What was found: counts before and after, seconds to service, and the traffic meanwhile."""

    before: dict[str, int]
    after: dict[str, int]
    memory: tuple[int, int]
    elements: tuple[int, int]
    seconds: tuple[float, ...]
    lines: tuple[int, int]
    download: traffic.Download
    was_running: bool
    stale: list[str]


@contextmanager
def _traffic(line: Line) -> Iterator[traffic.Download]:
    """A download by MAP-E, and connections of the internet to a server by PPPoE."""
    with Servers(line.router, tcp=(80,), udp=(443,)):
        download = traffic.Download(line.client, INTERNET_HOST, rate=RATE)
        try:
            yield download
        finally:
            download.stop()


def _reconnect(line: Line, address: str) -> float:
    """Reconnect with ``address``; return the seconds from ip-up to the first answer there."""
    router.forget_stamps()
    line.isp.reconnect(address)
    router.wait_for_ppp(address)
    traffic.ask_tcp_within(line.internet, address, 80, SERVICE_SECONDS)
    answered = clock_gettime(CLOCK_BOOTTIME)
    router.wait_for_hooks(address)
    traffic.ask_tcp(line.router, INTERNET_HOST, 80, source=address)
    return answered - router.last_stamp(address)


def _settled() -> None:
    """Wait until the product has nothing left to do."""
    mischief.eventually(mischief.is_in_order, "nothing left to do", 90)


def _lines() -> int:
    return len(product.journal().splitlines())


@pytest.fixture(scope="module", name="soaked")
def _soaked(line: Line, installed: object) -> Iterator[Soaked]:
    """The reconnects, watched from all sides."""
    assert installed
    product.up_with(product.GOOD_CONFIG)
    mischief.eventually(product.watcher_runs, "the watcher")
    with _traffic(line) as download:
        addresses = [ADDRESSES[at % len(ADDRESSES)] for at in range(RECONNECTS)]
        for address in (*ADDRESSES[-WARM_UP + 1 :], FIRST_PPPOE_ADDRESS):
            _reconnect(line, address)
        _settled()
        before, memory, elements = (
            growth.count(),
            mischief.watcher_status("VmRSS"),
            growth.elements(),
        )
        seconds, told = [], []
        for address in addresses:
            earlier = _lines()
            seconds.append(_reconnect(line, address))
            told.append(_lines() - earlier)
        _reconnect(line, FIRST_PPPOE_ADDRESS)
        _settled()
        yield Soaked(
            before=before,
            after=growth.count(),
            memory=(memory, mischief.watcher_status("VmRSS")),
            elements=(elements, growth.elements()),
            seconds=tuple(seconds),
            lines=(told[0], told[-1]),
            download=download,
            was_running=download.running,
            stale=[entry for one in {*addresses} for entry in snapshot.conntrack(one)],
        )


def test_each_reconnect_is_served(soaked: Soaked, measured: Callable[[str], None]) -> None:
    """From ip-up to the first answer of the server on the new address."""
    middle, worst = median(soaked.seconds), max(soaked.seconds)
    measured(f"{RECONNECTS} reconnects: median {middle:.2f} s, worst {worst:.2f} s to service")
    assert len(soaked.seconds) == RECONNECTS
    assert worst < SERVICE_SECONDS


def test_nothing_has_grown(soaked: Soaked, measured: Callable[[str], None]) -> None:
    """Links, addresses, rules, routes, nft objects, files, processes and open files."""
    measured(", ".join(f"{value} {name}" for name, value in soaked.after.items()))
    grown = {
        name: (was, soaked.after[name])
        for name, was in soaked.before.items()
        if soaked.after[name] > was
    }
    assert grown == {}


def test_the_watcher_has_not_grown(soaked: Soaked, measured: Callable[[str], None]) -> None:
    """Its resident memory."""
    was, now = soaked.memory
    measured(f"resident memory of the watcher: {was} to {now} KB")
    assert now - was < GROWTH_KB


def test_what_packets_have_filled_is_bounded(
    soaked: Soaked, measured: Callable[[str], None]
) -> None:
    """Elements go with their flows: no more than a few for each of the last reconnects."""
    was, now = soaked.elements
    measured(f"elements of sets and maps of ours: {was} to {now}")
    assert now - was < len(ADDRESSES)


def test_no_flow_of_an_earlier_address_is_left(soaked: Soaked) -> None:
    """Of none of the addresses that PPPoE has had."""
    assert soaked.stale == []


def test_each_reconnect_says_as_much_as_the_first(
    soaked: Soaked, measured: Callable[[str], None]
) -> None:
    """Lines of the log."""
    first, last = soaked.lines
    measured(f"lines of the log in a reconnect: {first} at first, {last} at last")
    assert last <= first + 4  # hook and watcher tell one thing each, whoever comes first


def test_the_download_by_mape_has_run_all_the_while(
    soaked: Soaked, measured: Callable[[str], None]
) -> None:
    """Each byte once and in order."""
    assert soaked.was_running
    assert soaked.download.error is None
    measured(f"longest pause of the download: {soaked.download.longest_gap:.2f} s")


def test_all_is_in_its_place_in_the_end(soaked: Soaked) -> None:
    """MAP-E and PPPoE work, and a dry run finds nothing."""
    assert soaked
    assert {PPP, TUNNEL} <= {
        line.split()[1].split("@")[0].rstrip(":")
        for line in command.run(["ip", "-o", "link"]).splitlines()
    }
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr
