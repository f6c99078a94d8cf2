"""The line and the router in the states that the scenarios start from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from guest import command, lan_host, product, router, waiting
from guest.addresses import (
    DOWNLOAD_PORT,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    LAN,
    TUNNEL,
    UDP_PORTS,
    WAN,
    WAN_PREFIX,
)
from guest.household import PORT_V6, limit, resolvers
from guest.line import Line
from guest.pace import stretched
from guest.servers import Servers
from guest.snapshot import Snapshot, take

_ACCELERATOR = Path("/lab/results/accelerator.txt")
_LOG_LINES = 12
_MEASURED: list[str] = []
_FOREIGN_TABLE = """
table ip somebody_else {
    set addresses { type ipv4_addr; elements = { 10.99.0.1, 10.99.0.2 } }
    chain input { type filter hook input priority 10; policy accept; counter; }
}
"""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """A failure is shown with what the product had logged until then."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        lines = product.journal().splitlines()[-_LOG_LINES:]
        report.sections.append(("the product's log", "\n".join(lines)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Figures stand at the end, whether or not anything failed."""
    for text in _MEASURED:
        terminalreporter.write_line(f"measured: {text}")


@pytest.fixture
def measured() -> Callable[[str], None]:
    """Takes down a figure for the end of the run."""
    return _MEASURED.append


@pytest.fixture(scope="session")
def line() -> Line:
    """The line that lab-line.service built at boot."""
    return Line()


@pytest.fixture(scope="session")
def internet(line: Line) -> Iterator[Servers]:
    """The internet host's servers."""
    with Servers(
        line.internet, tcp=(ECHO_PORT, 80), udp=(ECHO_PORT, *UDP_PORTS), download=DOWNLOAD_PORT
    ) as servers:
        yield servers


@pytest.fixture
def answer_limit() -> float:
    """Seconds from ip-up to the first answer: more where the processor is emulated, or busy."""
    return 1.0 if _ACCELERATOR.read_text() == "KVM" else stretched(5.0)


@pytest.fixture
def pause_limit() -> float:
    """Seconds of a pause that no cut explains: more where the processor is emulated, or busy.

    MAP-E that goes down and comes up again, or waits for a dial, is silent for longer: an ifdown
    and an ifup take 14 s in an emulated guest.
    """
    return 3.0 if _ACCELERATOR.read_text() == "KVM" else stretched(5.0)


@pytest.fixture(scope="session")
def foreign(line: Line) -> Snapshot:
    """The router before the product: with a table, rules and routes of somebody else.

    In a boot that finds the product installed, only what is somebody else's counts.
    """
    line.router.run("nft", "-f", "-", text=_FOREIGN_TABLE)
    line.router.ip(
        "rule add from 10.99.0.0/16 lookup 77 priority 500",
        f"route add 10.99.0.0/16 dev {LAN}",
        f"route add default dev {LAN} table 77",
    )
    if not product.is_installed():
        # ifupdown leaves marks of its own in sysctls.
        command.run(["ifup", WAN])
        command.run(["ifdown", WAN])
    return take()


def _configured() -> None:
    """The usual configuration is there, and in force where the WAN is up already."""
    if product.configure() and product.wan_is_up():
        done = product.run()
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def installed(foreign: Snapshot) -> Snapshot:
    """The product installed with apt and configured; the state from before that."""
    if not product.is_installed():
        product.install()
    _configured()
    return foreign


@pytest.fixture
def down(installed: Snapshot) -> Snapshot:
    """The product installed and the WAN down; the state from before the product."""
    if product.wan_is_up():
        product.take_down()
    product.configure()
    return installed


@pytest.fixture
def up(installed: Snapshot) -> Snapshot:
    """The product installed and the WAN up with PPPoE; the state from before the product."""
    _configured()
    if not product.wan_is_up():
        product.bring_up()
    return installed


@pytest.fixture(scope="session")
def household(line: Line) -> Iterator[None]:
    """Both ways up by themselves, names in the internet, and a LAN host that has its addresses."""
    waiting.until(lambda: router.addresses(TUNNEL), "the tunnel", limit())
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS, limit())
    client = line.client
    with (
        resolvers(line.internet),
        Servers(line.internet, tcp=(PORT_V6,), v6=True),
    ):
        lan_host.switch_on(client)
        for look, what in (
            (lambda: lan_host.ipv4(client), "IPv4 on the LAN"),
            (lambda: lan_host.usable(client, WAN_PREFIX), "IPv6 on the LAN"),
        ):
            waiting.until(look, what, limit(), client)
        yield
