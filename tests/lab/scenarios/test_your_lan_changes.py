"""A set of docs/your-lan while the line changes: a LAN host stays reachable, and reaches others."""

from __future__ import annotations

import pytest
from guest import lan_host, router, traffic, waiting
from guest.addresses import (
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOST_V6,
    OTHER_PORT_SET,
    OTHER_WAN_PREFIX,
    SECOND_PPPOE_ADDRESS,
    WAN_PREFIX,
)
from guest.household import NAME, PORT_V6, limit, reached
from guest.line import Line

pytestmark = pytest.mark.usefixtures("internet", "household")
BOTH = {INTERNET_HOST, INTERNET_HOST_V6}


def test_a_reconnect_of_pppoe_is_none_of_its_business(line: Line) -> None:
    """Its connections go on, by MAP-E and by IPv6, and names and pings as before."""
    by_mape = traffic.Conversation(line.client, INTERNET_HOST, ECHO_PORT)
    by_ipv6 = traffic.Conversation(line.client, INTERNET_HOST_V6, PORT_V6)
    for address in (SECOND_PPPOE_ADDRESS, FIRST_PPPOE_ADDRESS):
        router.forget_stamps()
        line.isp.reconnect(address)
        router.wait_for_hooks(address, limit())
    assert by_mape.goes_on(limit()), by_mape.error
    assert by_ipv6.goes_on(limit()), by_ipv6.error
    by_mape.stop()
    by_ipv6.stop()
    lan_host.wait_for_names(line.client, NAME, BOTH, limit())
    assert reached(line.internet, lan_host.usable(line.client, WAN_PREFIX))


def test_a_new_prefix_is_the_hosts_too(line: Line) -> None:
    """It leaves the old address, has one of the new prefix, and MAP-E has the ports of that."""
    line.renumber(OTHER_WAN_PREFIX, instead_of=WAN_PREFIX)
    there = waiting.until(
        lambda: lan_host.usable(line.client, OTHER_WAN_PREFIX),
        "an address of the new prefix",
        limit(),
        line.client,
    )
    waiting.until(
        lambda: not lan_host.usable(line.client, WAN_PREFIX),
        "the end of the old address",
        limit(),
        line.client,
    )
    assert reached(line.internet, there)
    assert traffic.ask_tcp(line.client, INTERNET_HOST_V6, PORT_V6).address == there
    seen = traffic.ask_tcp_within(line.client, INTERNET_HOST, ECHO_PORT, limit())
    assert seen.port in OTHER_PORT_SET
    lan_host.wait_for_names(line.client, NAME, BOTH, limit())
