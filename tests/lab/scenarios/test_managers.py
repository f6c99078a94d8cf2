"""The router's network is run by another program than ifupdown: each boot has another one."""

from __future__ import annotations

import json

import pytest
from guest import command, managers, product, router, snapshot, traffic, waiting
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    MAPE_ADDRESS,
    PORT_SET,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    WAN,
    WAN_PREFIX,
)
from guest.line import Line
from guest.servers import Servers

BOOT_LIMIT_SECONDS = 90
OF_MANAGERS = {"second-ipv6-default", "two-managers", "networkd-foreign"}
HEARS = {"NetworkManager", "systemd-networkd", "dhcpcd"}  # router advertisements, themselves


@pytest.fixture(scope="module", autouse=True)
def booted() -> None:
    """What comes up by itself has come up."""
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS, BOOT_LIMIT_SECONDS)
    waiting.until(lambda: router.addresses(TUNNEL), "the tunnel", BOOT_LIMIT_SECONDS)


def _in_order() -> bool:
    return product.run("--dry-run", "--exit-code").returncode == 0


def test_all_is_in_order_after_boot() -> None:
    """Nobody types a command; a dry run has nothing to do, and status names nothing."""
    waiting.until(_in_order, "all in order", 30)
    findings = json.loads(product.run("status", "--json").stdout)["findings"]
    assert [one for one in findings if one["code"] in OF_MANAGERS] == []


def test_who_hears_the_line_is_left_alone() -> None:
    """accept_ra is 0 where another program hears router advertisements, and one way leads out."""
    value = command.run(["cat", f"/proc/sys/net/ipv6/conf/{WAN}/accept_ra"]).strip()
    assert value == ("0" if managers.running() in HEARS else "2")
    routes = command.run(["ip", "-6", "route", "show", "default"]).splitlines()
    assert len(routes) == 1
    assert f"dev {WAN}" in routes[0]


@pytest.mark.usefixtures("internet")
def test_both_ways_carry_traffic(line: Line) -> None:
    """The LAN by MAP-E, with a port of the set; a server is reached by PPPoE."""
    seen = traffic.ask_tcp(line.client, INTERNET_HOST)
    assert seen.address == MAPE_ADDRESS
    assert seen.port in PORT_SET
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, 80)


def test_a_reconnect_with_another_address(line: Line) -> None:
    """The server is reached by the new address."""
    router.forget_stamps()
    line.isp.reconnect(SECOND_PPPOE_ADDRESS)
    with Servers(line.router, tcp=(80,)):
        router.wait_for_ppp(SECOND_PPPOE_ADDRESS)
        traffic.ask_tcp_within(line.internet, SECOND_PPPOE_ADDRESS, 80, 20)
    router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
    line.isp.cut_pppoe()
    line.isp.open_pppoe()


def test_routes_and_rules_outlive_a_restart_of_the_manager() -> None:
    """What a manager does not know it may remove; ours stay, or are back within a second or two."""
    if managers.running() in ("NetworkManager", "systemd-networkd"):
        command.run(["systemctl", "restart", managers.running()])
    waiting.until(_in_order, "all in order", 30)


@pytest.mark.usefixtures("internet")
def test_down_and_up_again(line: Line) -> None:
    """Down takes ours away where the manager says so, and lets nothing in; up brings it back."""
    managers.take_down()
    if managers.running() == "systemd-networkd":  # it runs no hook: the line is gone, all is shut
        assert any("dualwan_firewall" in entry for entry in snapshot.nft())
    else:
        waiting.until(lambda: not router.addresses(TUNNEL), "the end of the tunnel", 30)
        router.wait_for_no_ppp()
        left = [item for item in snapshot.ours() if "dualwan_firewall" not in item]
        assert left == []
    with Servers(line.router, tcp=(80,)):
        router_address = f"{WAN_PREFIX.removesuffix(':')}{_interface_id()}"
        assert traffic.try_port(line.isp.space, router_address, 80) != "open"
    router.forget_stamps()
    managers.bring_up()
    waiting.until(lambda: _reached(line), "the internet by MAP-E", 60)


def _interface_id() -> str:
    """The lower half of the WAN's address, as the kernel makes it of the hardware address."""
    parts = command.run(["cat", f"/sys/class/net/{WAN}/address"]).strip().split(":")
    octets = [int(parts[0], 16) ^ 2, *(int(part, 16) for part in parts[1:])]
    octets[3:3] = [0xFF, 0xFE]
    return ":".join(f"{octets[at] << 8 | octets[at + 1]:x}" for at in range(0, 8, 2))


def _reached(line: Line) -> bool:
    try:
        return traffic.ask_tcp(line.client, INTERNET_HOST, limit=1).address == MAPE_ADDRESS
    except traffic.NoAnswerError:
        return False
