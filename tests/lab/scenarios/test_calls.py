"""S3: the owner applies the configuration while mape.sh and pppoe.sh still run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guest import command, product, traffic
from guest.addresses import BR, CE, INTERNET_HOST, MAPE_ADDRESS, TUNNEL, WAN
from guest.line import Line
from guest.snapshot import Snapshot
from guest.waiting import until

KERNEL_REFUSED = 4  # the exit code
THEIRS = "ip6tnl1"
CHAINS = ("MAPEINPUT", "MAPEOUTPUT", "MAPEFORWARD")


@pytest.fixture
def scripted(down: Snapshot, line: Line) -> Iterator[None]:
    """Do with the WAN what mape.sh and pppoe.sh do; end it as `MODE=stop` does."""
    assert down
    line.router.ip(f"link set {WAN} up")
    until(lambda: line.router.run("ip", "-6", "route", "show", "default"), "a router", 20)
    line.router.ip(
        f"address add {CE} dev {WAN}",
        f"link add name {THEIRS} type ip6tnl mode ipip6 local {CE} remote {BR} dev {WAN} "
        "encaplimit none",
        f"link set dev {THEIRS} mtu 1460 up",
        f"address add {MAPE_ADDRESS} dev {THEIRS}",
        f"route add default dev {THEIRS}",
        "rule add from 203.0.113.99 table 100 prio 100",
    )
    for chain in CHAINS:
        command.run(["iptables", "-N", chain])
        command.run(["iptables", "-A", chain.removeprefix("MAPE"), "-j", chain])
    yield
    product.run("down")
    for chain in CHAINS:
        command.attempt(["iptables", "-D", chain.removeprefix("MAPE"), "-j", chain])
        command.attempt(["iptables", "-X", chain])
    for words in (
        f"-6 tunnel del {THEIRS}",
        f"-6 address del {CE} dev {WAN}",
        "rule del from 203.0.113.99 table 100 prio 100",
        f"link set {WAN} down",
    ):
        command.attempt(["ip", *words.split()])


def named(*arguments: str) -> list[str]:
    """The codes of what the command says of the scripts."""
    found = json.loads(product.run(*arguments, "--json").stdout)["findings"]
    return [one["code"] for one in found if one["code"].startswith("script-")]


def _ce_address() -> str:
    return command.run(["ip", "-6", "-o", "address", "show", "dev", WAN, "to", CE])


@pytest.mark.usefixtures("scripted", "internet")
def test_what_the_scripts_left_is_named_and_not_taken_away(line: Line) -> None:
    """By dry run, apply and status; after down all of theirs stands as before.

    The kernel allows no second tunnel between the same ends: apply says which one is in the way.
    """
    left = ["script-tunnel", "script-chains", "script-rule"]
    until(lambda: "tentative" not in _ce_address(), "the end of duplicate address detection", 20)
    before = _ce_address()
    assert "deprecated" not in before
    assert named("--dry-run") == left
    done = product.run()
    assert done.returncode == KERNEL_REFUSED
    assert f"{THEIRS} is a tunnel from {CE} to {BR} already" in done.stderr
    assert named("--dry-run") == named("status") == left
    assert "deprecated" in _ce_address()
    assert product.run("down").returncode == 0
    after = _ce_address()
    assert after.replace(" nodad", "") == before.replace(" nodad", "")
    assert f"default dev {THEIRS}" in command.run(["ip", "route"])
    assert TUNNEL not in command.run(["ip", "-o", "link"])
    assert line.router.run("sysctl", "-n", "net.ipv4.ip_forward").strip() in {"0", "1"}


@pytest.mark.usefixtures("scripted", "internet")
def test_once_the_scripts_are_stopped_everything_works(line: Line) -> None:
    """As the README has it: their tunnel, chains and rule go, then `dualwan-hook` once more."""
    product.run()
    for chain in CHAINS:
        command.run(["iptables", "-D", chain.removeprefix("MAPE"), "-j", chain])
        command.run(["iptables", "-X", chain])
    line.router.ip(f"link del {THEIRS}", f"address del {CE} dev {WAN}")
    command.run(["ip", "rule", "del", "from", "203.0.113.99", "table", "100", "priority", "100"])
    assert product.run().returncode == 0
    assert named("--dry-run") == []
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    assert product.run("down").returncode == 0
    assert CE not in command.run(["ip", "-6", "address", "show", "dev", WAN])
