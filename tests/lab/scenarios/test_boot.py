"""The router has been switched on: both ways come up by themselves, nobody types a command."""

from __future__ import annotations

import pytest
from guest import product, router, traffic, waiting
from guest.addresses import FIRST_PPPOE_ADDRESS, INTERNET_HOST, MAPE_ADDRESS, PORT_SET
from guest.line import Line
from guest.servers import Servers

BOOT_LIMIT_SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def booted() -> None:
    """What comes up by itself has come up."""
    waiting.until(product.wan_is_up, "ifup of the WAN", BOOT_LIMIT_SECONDS)
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS, BOOT_LIMIT_SECONDS)


def test_all_is_in_order_after_boot() -> None:
    """A dry run has nothing to do."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("internet")
def test_the_lan_has_the_internet_after_boot(line: Line) -> None:
    """Through MAP-E, with a port of the set."""
    seen = traffic.ask_tcp(line.client, INTERNET_HOST)
    assert seen.address == MAPE_ADDRESS
    assert seen.port in PORT_SET


def test_the_server_is_reached_after_boot(line: Line) -> None:
    """Through PPPoE."""
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, 80)
