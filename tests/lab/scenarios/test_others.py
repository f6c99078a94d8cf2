"""Docker's bridge, a VPN and another firewall on the router: their rules beside the product's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from guest import product, traffic
from guest.addresses import INTERNET_HOST, INTERNET_HOSTS, LAN, MAPE_ADDRESS, PORT_SET, TUNNEL
from guest.line import Line
from guest.namespace import Namespace

pytestmark = pytest.mark.usefixtures("up", "internet")

BRIDGE, COMPOSE = "docker0", "br-0123456789ab"
FLOWS = 20
PATTERN_CONFIG = product.GOOD_CONFIG.replace(f'["{LAN}"]', f'["{LAN}", "{BRIDGE}", "br-*"]')
MASQUERADE = """
table ip theirs {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.16.0.0/12 oifname != { "docker0", "br-*" } masquerade
    }
}
"""
DROPPING = """
table inet theirs {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
    }
}
"""


@pytest.fixture
def containers(line: Line) -> Iterator[list[Namespace]]:
    """One container behind docker0, one behind the bridge of a compose network."""
    spaces = [Namespace("docker"), Namespace("compose")]
    for number, (space, bridge) in enumerate(zip(spaces, (BRIDGE, COMPOSE), strict=True), 17):
        line.router.ip(
            f"netns add {space.name}",
            f"link add name {bridge} type bridge",
            f"address add 172.{number}.0.1/16 dev {bridge}",
            f"link add name v{number} type veth peer name eth0 netns {space.name}",
            f"link set dev v{number} master {bridge} up",
            f"link set dev {bridge} up",
        )
        space.ip(
            f"address add 172.{number}.0.2/16 dev eth0",
            "link set dev eth0 up",
            f"route add default via 172.{number}.0.1",
        )
    yield spaces
    for number, (space, bridge) in enumerate(zip(spaces, (BRIDGE, COMPOSE), strict=True), 17):
        line.router.ip(f"link del v{number}", f"link del {bridge}", f"netns del {space.name}")


@pytest.fixture
def theirs(line: Line) -> Iterator[None]:
    """Remove what a test loads of another program, and go back to the usual configuration."""
    yield
    line.router.run("nft", "-f", "-", text="table ip theirs\ndelete table ip theirs\n")
    line.router.run("nft", "-f", "-", text="table inet theirs\ndelete table inet theirs\n")
    product.apply()


def findings() -> dict[str, dict[str, Any]]:
    """What status finds, by code."""
    data = json.loads(product.run("status", "--json").stdout)
    return {one["code"]: one for one in data["findings"]}


@pytest.mark.usefixtures("theirs")
def test_containers_leave_by_mape_whoever_loads_first(
    line: Line, containers: list[Namespace]
) -> None:
    """Masqueraded by Docker too, loaded after ours: 20 of 20 flows of each, from our ports."""
    product.apply(PATTERN_CONFIG)
    line.router.run("nft", "-f", "-", text=MASQUERADE)
    for space in containers:
        for at in range(FLOWS):
            host = INTERNET_HOSTS[at % len(INTERNET_HOSTS)]
            for seen in (traffic.ask_udp(space, host), traffic.ask_tcp(space, host)):
                assert seen.address == MAPE_ADDRESS
                assert seen.port in PORT_SET
    assert "device-unnamed" not in findings()


@pytest.mark.usefixtures("theirs")
def test_a_bridge_that_no_section_names_is_named_by_status(
    line: Line, containers: list[Namespace]
) -> None:
    """Its packets are dropped and counted, and status has the words to write."""
    del line
    with pytest.raises(traffic.NoAnswerError):
        traffic.ask_udp(containers[1], INTERNET_HOST, limit=1)
    found = findings()["device-unnamed"]
    assert COMPOSE in found["seen"]
    assert 'add "br-*" to interfaces in [lan]' in found["remedy"]


@pytest.mark.usefixtures("theirs")
def test_a_chain_that_drops_what_the_lan_sends_is_named(line: Line) -> None:
    """With table and chain; once it is gone the LAN is served, and nothing is named."""
    line.router.run("nft", "-f", "-", text=DROPPING)
    with pytest.raises(traffic.NoAnswerError):
        traffic.ask_udp(line.client, INTERNET_HOST, limit=1)
    found = findings()["foreign-drop"]
    assert found["seen"].startswith(
        "nft table inet theirs, chain forward (hook forward, priority 0"
    )
    assert f"what {LAN} sends by {TUNNEL}" in found["seen"]
    line.router.run("nft", "delete", "table", "inet", "theirs")
    assert traffic.ask_udp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    assert "foreign-drop" not in findings()
