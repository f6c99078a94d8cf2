"""A set of docs/your-lan on the router: what a LAN host has of it that is told nothing.

Run after the owner has followed the pages, and once more after a reboot.
"""

from __future__ import annotations

import pytest
from guest import lan_host, mischief, product, traffic, your_lan
from guest.addresses import INTERNET_HOST, INTERNET_HOST_V6, MAPE_ADDRESS, PORT_SET, WAN_PREFIX
from guest.household import NAME, PORT_V6, limit, reached
from guest.line import Line

pytestmark = pytest.mark.usefixtures("internet", "household")
IPV4 = "192.168.10.5"


def test_a_host_gets_both_addresses_by_itself(line: Line) -> None:
    """IPv4 by DHCP, the one of its name, and IPv6 of the line's prefix."""
    assert lan_host.ipv4(line.client) == IPV4
    assert lan_host.usable(line.client, WAN_PREFIX)


def test_it_has_the_internet_by_both(line: Line) -> None:
    """By MAP-E with a port of the set, and by IPv6 with its own address."""
    seen = traffic.ask_tcp(line.client, INTERNET_HOST)
    assert seen.address == MAPE_ADDRESS
    assert seen.port in PORT_SET
    seen = traffic.ask_tcp(line.client, INTERNET_HOST_V6, PORT_V6)
    assert seen.address == lan_host.usable(line.client, WAN_PREFIX)


def test_it_resolves_names(line: Line) -> None:
    """Those of the internet, which the router asks by IPv6, and those of the LAN."""
    for name, addresses in ((NAME, {INTERNET_HOST, INTERNET_HOST_V6}), ("nas.home.arpa", {IPV4})):
        lan_host.wait_for_names(line.client, name, addresses, limit())


def test_it_is_reached_from_outside(line: Line) -> None:
    """By ping, which the firewall lets through to the LAN."""
    assert reached(line.internet, lan_host.usable(line.client, WAN_PREFIX))


def test_all_is_in_order() -> None:
    """A dry run has nothing to do, and doctor nothing to say."""
    mischief.eventually(mischief.is_in_order, "all in order", limit())
    assert product.run("doctor").stdout == ""


def test_init_would_write_the_same_files() -> None:
    """`init --your-lan` has this machine's names by itself, which the pages leave to a person."""
    said = product.run("init", "--your-lan", your_lan.CHOSEN.read_text(), "--dry-run")
    assert said.returncode == 0, said.stderr
    states = [line for line in said.stdout.splitlines() if line.startswith("/etc/")]
    assert states
    assert all(line.endswith(": is there already") for line in states), said.stdout
    assert "Look at:" not in said.stdout
