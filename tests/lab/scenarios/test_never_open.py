"""Never open: real ifup and ifdown with a wrong configuration, and with a package that is broken.

What is forbidden rains on every WAN all the while.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import command, mischief, product, snapshot, traffic
from guest.addresses import FIRST_PPPOE_ADDRESS, INTERNET_HOSTS, LAN, LAN_ADDRESS, MAPE_ADDRESS, WAN
from guest.line import Line
from guest.product import CONFIG, GOOD_CONFIG
from guest.rain import Rain
from guest.servers import Servers
from guest.snapshot import Snapshot

LAST_GOOD = Path("/var/lib/dualwan/last-good.json")
NFT = Path("/usr/sbin/nft")
# A fault for each of two scenarios; tests/netns/test_never_open*.py have more.
NO_TOML = GOOD_CONFIG.replace("[lan]", "[lan")
UNKNOWN_KEY = GOOD_CONFIG.replace("[mape]", "[mape]\nold-key = 1")


@pytest.fixture(autouse=True)
def _good_again(down: Snapshot) -> Iterator[None]:
    """Begin with the WAN down and without an earlier configuration; leave a good one, and nothing.

    Whatever a test has left, `dualwan-hook down` removes.
    """
    assert down
    LAST_GOOD.unlink(missing_ok=True)
    yield
    product.configure()
    if product.wan_is_up():
        command.run(["ifdown", WAN], limit=120)
    done = product.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert snapshot.ours() == []


def is_static() -> bool:
    """Whether the table is loaded that needs no configuration."""
    listed = command.attempt(["nft", "list", "table", "inet", "dualwan_firewall"])
    return listed.returncode == 0 and "chain closed" in listed.stdout


def is_up(interface: str) -> bool:
    """Whether the kernel has the interface up."""
    (link,) = json.loads(command.run(["ip", "-j", "link", "show", "dev", interface]))
    return "UP" in link["flags"]


def test_a_new_router_with_a_wrong_configuration_is_closed(line: Line) -> None:
    """`ifup` brings up the WAN, the LAN reaches the router, and nothing forbidden gets in.

    Once the configuration is mended, one command makes it a router.
    """
    product.configure(NO_TOML)
    with Rain(line) as rain, Servers(line.router, tcp=(22,)):
        command.run(["ifup", WAN], limit=120)
        assert is_static()
        assert f"{CONFIG}:" in product.journal()
        assert traffic.try_port(line.client, LAN_ADDRESS, 22) == "open"
        product.apply()
        assert not is_static()
        assert traffic.ask_tcp(line.client, INTERNET_HOSTS[0]).address == MAPE_ADDRESS
        assert rain.let_in() == {}


def test_a_router_in_use_goes_on_with_the_configuration_applied_last(line: Line) -> None:
    """Through ifdown, ifup and a dial; `status` says so, and `check` refuses the wrong one."""
    product.bring_up()
    product.apply()
    assert LAST_GOOD.stat().st_mode & 0o777 == 0o600
    with Rain(line) as rain, Servers(line.router, tcp=(80,)):
        product.configure(UNKNOWN_KEY)
        product.take_down()
        product.bring_up()
        assert not is_static()
        assert traffic.ask_tcp(line.client, INTERNET_HOSTS[0]).address == MAPE_ADDRESS
        assert traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, 80) == "open"
        assert "the configuration applied last" in product.journal()
        status = product.run("status")
        assert status.returncode == 0
        assert f"{CONFIG}:" in status.stdout
        assert [product.run(word).returncode for word in ("check", "--dry-run")] == [3, 3]
        assert rain.let_in() == {}


def test_a_package_whose_modules_are_gone_closes_the_machine(line: Line) -> None:
    """As in the middle of an upgrade; the LAN's interface comes up as ever."""
    with Rain(line) as rain, mischief.away(product.MODULES):
        hook = "/etc/network/if-pre-up.d/00dualwan-hook"
        done = command.attempt(["env", f"IFACE={LAN}", "PHASE=pre-up", hook])
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        assert not is_static()
        command.run(["ifup", WAN], limit=120)
        assert is_up(WAN)
        assert is_static()
        command.run(["ifdown", WAN], limit=120)
        assert rain.let_in() == {}


def test_without_nft_the_wan_stays_down(line: Line) -> None:
    """Nothing can close the machine, and ifup says so; afterwards it comes up."""
    with Rain(line) as rain:
        with mischief.away(product.MODULES), mischief.away(NFT):
            done = command.attempt(["ifup", WAN], limit=120)
            assert done.returncode != 0
            assert "the machine cannot be closed" in done.stdout + done.stderr
            assert not is_up(WAN)
        product.bring_up()
        assert not is_static()
        assert rain.let_in() == {}
