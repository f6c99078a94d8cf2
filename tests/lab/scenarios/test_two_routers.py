"""Two routers on the line, each a guest of its own; `make two-routers`.

All is done by keepalived and conntrackd with the files of docs/two-routers.md. A test begins where
the one before it has ended.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from statistics import median

import pytest
from guest import traffic
from guest.addresses import INTERNET_HOSTS, MAPE_ADDRESS, PORT_SET
from guest.far import Far
from guest.held import Held
from guest.line import Line
from guest.outage import Outage
from guest.pace import stretched
from guest.pair import HOSTS, PPPOE_ADDRESSES, Routers
from guest.servers import Servers

TAKEOVERS = int(os.environ.get("LAB_TAKEOVERS", "20"))
HALF = len(PORT_SET) // 2  # what one host may have
FLOWS_TO, DOWNLOAD_FROM, ASKED = INTERNET_HOSTS[:3]
RATE = 20_000  # bytes a second, which an emulated machine has to spare
SOURCE_PORT = 40000
OPEN_FILES = 4096
GROWTH_ELEMENTS, GROWTH_KB = 40, 1000
# Has when the last role was asked for, in ticks since boot, which get more digits.
GROWTH_BYTES = {"bytes of state.json": 8}

Measured = Callable[[str], None]


@pytest.fixture(scope="module", name="limit")
def _limit() -> float:
    """Return the seconds that whatever happens to a router may take here."""
    return stretched(90.0)


@pytest.fixture(scope="module", name="routers")
def _routers(line: Line, internet: Servers, limit: float) -> Iterator[Routers]:
    """Return both, of which the first works and the second stands by."""
    assert internet
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    routers = Routers(line)
    routers.join()
    try:
        routers.prepare()
        # Which of them came first is nobody's choice; from here on it is the first.
        routers.second.run("systemctl", "stop", "keepalived")
        routers.wait_until_settled(routers.first, limit)
        routers.second.run("systemctl", "start", "keepalived")
        routers.wait_until_settled(routers.first, limit)
        yield routers
    finally:
        for one in routers.both:
            one.keep_log()


@pytest.fixture(scope="module", name="download")
def _download(routers: Routers, limit: float) -> Iterator[traffic.Download]:
    """Return a download of a LAN host through MAP-E that never ends."""
    download = traffic.Download(routers.line.client, DOWNLOAD_FROM, rate=RATE, source=HOSTS[2])
    download.be_patient(limit)
    yield download
    download.stop()


@pytest.fixture(scope="module", name="held")
def _held(routers: Routers, limit: float) -> Iterator[Held]:
    """Return connections to one server, half as many as there are ports."""
    with closing(Held(routers.line.client, FLOWS_TO, limit)) as held:
        held.open(HOSTS[0], HALF)
        yield held


@contextmanager
def outages(routers: Routers) -> Iterator[tuple[Outage, Outage]]:
    """Yield the outages of MAP-E, asked from the LAN, and of the web server by PPPoE."""
    seconds = stretched(0.5)

    def by_mape() -> None:
        source = (HOSTS[2], SOURCE_PORT)
        seen = traffic.ask_udp(routers.line.client, ASKED, source=source, limit=seconds)
        assert seen.address == MAPE_ADDRESS

    def by_pppoe(address: str) -> Callable[[], object]:
        return lambda: traffic.ask_tcp(routers.line.internet, address, 80, limit=3 * seconds)

    with ExitStack() as stack:
        mape = stack.enter_context(Outage(by_mape))
        pppoe = stack.enter_context(Outage(*map(by_pppoe, PPPOE_ADDRESSES)))
        yield mape, pppoe


def took_over(
    routers: Routers, active: Far, happens: Callable[[], None], limit: float, *, dies: bool = False
) -> tuple[float, float]:
    """Let something happen to the other router than ``active``, which takes over.

    Return the longest time without an answer by MAP-E, and by PPPoE. dies: the other one cannot be
    asked what it has, for it is booting.
    """
    with outages(routers) as both:
        for one in both:
            one.wait_for_answer(limit)
        began = time.monotonic()
        happens()
        routers.wait_until_settled(active, limit, other_is_up=not dies)
        for one in both:
            one.wait_for_answer(limit)
        return both[0].longest(began), both[1].longest(began)


def wait_until_known(router: Far, held: Held, limit: float) -> None:
    """Wait until conntrackd of ``router`` has heard of all that is held."""
    deadline = time.monotonic() + limit
    count = "conntrackd -e | grep -c 'ESTABLISHED.* dport=7 ' || true"
    while (known := int(router.run("sh", "-c", count))) < len(held.tcp):
        assert time.monotonic() < deadline, f"{router.name} knows {known} of {len(held.tcp)}"
        time.sleep(1)


def said(what: str, seconds: tuple[float, float]) -> str:
    """Return a figure in words."""
    return f"{what}: {seconds[0]:.1f} s without MAP-E, {seconds[1]:.1f} s without PPPoE"


def test_the_page_makes_one_router_of_two(routers: Routers, download: traffic.Download) -> None:
    """The first has all, the second nothing but a firewall; each says so."""
    roles = [one.run("dualwan-hook", "role").strip() for one in routers.both]
    assert roles == ["active", "standby"]
    for one in routers.both:
        assert one.run("systemctl", "is-active", "keepalived", "conntrackd").split() == [
            "active",
            "active",
        ]
    assert download.goes_on()


def test_the_power_of_the_active_one_is_cut(
    routers: Routers, download: traffic.Download, held: Held, limit: float, measured: Measured
) -> None:
    """The second takes over: what the LAN had goes on, and no port is given twice.

    The first boots, and stands by, with both programs at work.
    """
    wait_until_known(routers.second, held, limit)
    routers.first.keep_log()
    boot = routers.first.boot_id()
    seconds = took_over(routers, routers.second, routers.first.cut_power, limit, dies=True)
    measured(said("power cut", seconds))
    assert download.goes_on(limit)
    assert held.dead() == []
    held.open(HOSTS[1], HALF)
    assert len(set(held.ports)) == 2 * HALF
    assert set(held.ports) == PORT_SET
    assert held.dead() == []
    assert routers.line.relay.refused() == {}
    routers.first.wait_for_boot(boot, 3 * limit)
    routers.wait_until_settled(routers.second, limit)
    assert routers.first.run("dualwan-hook", "role").strip() == "standby"


def test_the_active_one_is_rebooted(
    routers: Routers, download: traffic.Download, held: Held, limit: float, measured: Measured
) -> None:
    """The first, which has heard of all since it booted, takes over; the second comes back."""
    wait_until_known(routers.first, held, limit)
    routers.second.keep_log()
    boot = routers.second.boot_id()
    seconds = took_over(routers, routers.first, routers.second.reboot, limit, dies=True)
    measured(said("reboot", seconds))
    assert download.goes_on(limit)
    assert held.dead() == []
    assert routers.line.relay.refused() == {}
    routers.second.wait_for_boot(boot, 3 * limit)
    routers.wait_until_settled(routers.first, limit)


def test_the_active_one_loses_its_wan_cable(
    routers: Routers, download: traffic.Download, held: Held, limit: float, measured: Measured
) -> None:
    """The second takes over, and stays the active one when the cable is back."""
    wait_until_known(routers.second, held, limit)
    seconds = took_over(routers, routers.second, partial(routers.first.pull, "wan"), limit)
    measured(said("WAN cable", seconds))
    assert download.goes_on(limit)
    assert held.dead() == []
    assert routers.line.relay.refused() == {}
    routers.first.plug("wan")
    time.sleep(stretched(5.0))
    routers.wait_until_settled(routers.second, limit)
    held.close()


def test_many_takeovers_leave_nothing_behind(
    routers: Routers, download: traffic.Download, limit: float, measured: Measured
) -> None:
    """By the WAN cable of one and the other; afterwards each has what it had before."""
    before = [one.ask("growth") for one in routers.both]
    began = active = next(one for one in routers.both if one.ask("standing")["gateway"])
    seconds = []
    for _ in range(TAKEOVERS + TAKEOVERS % 2):  # so that it ends where it began
        loser, active = active, routers.other(active)
        seconds.append(took_over(routers, active, partial(loser.pull, "wan"), limit)[0])
        loser.plug("wan")
    time.sleep(stretched(5.0))
    routers.wait_until_settled(began, limit)
    measured(
        f"{len(seconds)} takeovers by the WAN cable: {median(seconds):.1f} s without MAP-E in the "
        f"median, {max(seconds):.1f} s at most"
    )
    after = [one.ask("growth") for one in routers.both]
    for router, was, now in zip(routers.both, before, after, strict=True):
        measured(f"{router.name}: {was} before, {now} after")
    for was, now in zip(before, after, strict=True):
        grown = {
            name
            for name, value in now["counts"].items()
            if value > was["counts"][name] + GROWTH_BYTES.get(name, 0)
        }
        assert grown == set()
        elements, resident = (now["sizes"][name] - was["sizes"][name] for name in was["sizes"])
        assert (elements < GROWTH_ELEMENTS, resident < GROWTH_KB) == (True, True)
    assert download.goes_on(limit)


def test_the_download_has_run_all_the_while(download: traffic.Download, measured: Measured) -> None:
    """Each byte once and in order, through all of it."""
    assert download.error is None
    assert download.running
    measured(f"longest pause of the download: {download.longest_gap:.1f} s")
