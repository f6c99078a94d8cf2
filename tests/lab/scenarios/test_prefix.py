"""MAP-E from the prefix alone, and a line that gets another prefix."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guest import product, router, traffic, waiting
from guest.addresses import (
    CE,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    MAPE_ADDRESS,
    OTHER_CE,
    OTHER_PORT_BLOCKS,
    OTHER_PORT_SET,
    OTHER_WAN_PREFIX,
    PORT_BLOCKS,
    PORT_SET,
    SECOND_PPPOE_ADDRESS,
    WAN,
    WAN_PREFIX,
)
from guest.line import Line

pytestmark = pytest.mark.usefixtures("internet")

MENDED_LIMIT_SECONDS = 30  # from the advertisement on; its first copies come seconds apart


def _seen(line: Line, limit: float = 10) -> traffic.Endpoint:
    return traffic.ask_tcp_within(line.client, INTERNET_HOST, ECHO_PORT, limit)


def _renumber(line: Line) -> None:
    line.isp.space.ip(f"route replace {OTHER_WAN_PREFIX}/64 dev wan")
    line.relay.serve(OTHER_CE, OTHER_PORT_BLOCKS)
    line.isp.announce(OTHER_WAN_PREFIX, instead_of=WAN_PREFIX)


def _number_back(line: Line) -> None:
    line.relay.serve(CE, PORT_BLOCKS)
    line.isp.announce(WAN_PREFIX, instead_of=OTHER_WAN_PREFIX)


@pytest.fixture(scope="module")
def auto(line: Line, installed: object) -> Iterator[Line]:
    """The WAN up with nothing about MAP-E in the configuration."""
    assert installed
    if product.wan_is_up():
        product.take_down()
    product.configure(product.AUTO_CONFIG)
    product.bring_up()
    yield line
    product.take_down()
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)
    _number_back(line)
    line.isp.announce(WAN_PREFIX)
    line.isp.space.ip(f"route del {OTHER_WAN_PREFIX}/64 dev wan")
    product.configure()


def test_all_follows_from_the_prefix(auto: Line) -> None:
    """The LAN has the internet, with the address and a port of what the line announces."""
    seen = _seen(auto)
    assert seen.address == MAPE_ADDRESS
    assert seen.port in PORT_SET
    status = json.loads(product.run("status", "--json").stdout)
    assert status["mape"]["ce"] == CE
    assert "ocn" in status["mape"]["origin"]


def test_the_next_event_mends_a_renumbering(auto: Line) -> None:
    """Without the watcher: PPPoE reconnects, and MAP-E follows the prefix as well."""
    with product.without_watcher():
        _renumber(auto)
        waiting.until(
            lambda: router.has_address(WAN, OTHER_WAN_PREFIX.rstrip(":")), "the new prefix", 30
        )
        router.forget_stamps()
        auto.isp.reconnect(SECOND_PPPOE_ADDRESS)
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
    seen = _seen(auto, MENDED_LIMIT_SECONDS)
    assert seen.port in OTHER_PORT_SET
    assert OTHER_CE in router.addresses(WAN)
    assert CE not in router.addresses(WAN)


def test_the_watcher_mends_a_renumbering_by_itself(auto: Line) -> None:
    """No event at all; PPPoE is the same as before."""
    before = router.addresses("ppp0")
    assert product.watcher_runs()
    _number_back(auto)
    waiting.until(lambda: CE in router.addresses(WAN), "the CE address", MENDED_LIMIT_SECONDS)
    seen = _seen(auto)
    assert seen.port in PORT_SET
    # A dry run takes no lock, so it may look into the middle of the watcher's own.
    waiting.until(
        lambda: product.run("--dry-run", "--exit-code").returncode == 0,
        "nothing left to do",
        MENDED_LIMIT_SECONDS,
    )
    assert OTHER_CE not in router.addresses(WAN)
    assert router.addresses("ppp0") == before
