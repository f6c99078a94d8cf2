"""`ifup` of the WAN, with the hooks run twice by the two stanzas of one interface."""

from __future__ import annotations

import json

import pytest
from guest import product, snapshot
from guest.addresses import (
    BR,
    CE,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST_V6,
    MAPE_ADDRESS,
    PPP,
    TUNNEL,
    WAN,
)
from guest.line import Line
from guest.monitor import DefaultRouteWatch
from guest.snapshot import Snapshot


def _ip(line: Line, *arguments: str) -> list[dict[str, object]]:
    listing: list[dict[str, object]] = json.loads(line.router.run("ip", "-j", *arguments) or "[]")
    return listing


def test_ipv6_default_route_stays_while_forwarding_is_switched_on(
    down: Snapshot, line: Line
) -> None:
    """From the first advertisement on, `ifup` never loses the IPv6 default route."""
    assert down
    with DefaultRouteWatch(line.router) as watch:
        product.bring_up()
    assert watch.added(), "no default route was ever announced"
    assert watch.deleted() == []
    assert _ip(line, "-6", "route", "show", "default")
    assert line.router.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").strip() == "1"


@pytest.mark.usefixtures("up")
def test_ifup_makes_tunnel_snat_pbr_and_firewall(line: Line) -> None:
    """After `ifup` the four slices are in the kernel as the configuration says."""
    tunnel = _ip(line, "-d", "link", "show", "dev", TUNNEL)[0]
    info = tunnel["linkinfo"]
    assert isinstance(info, dict)
    assert info["info_kind"] == "ip6tnl"
    assert (info["info_data"]["local"], info["info_data"]["remote"]) == (CE, BR)
    assert tunnel["mtu"] == 1460
    default = _ip(line, "-4", "route", "show", "default")
    assert [route["dev"] for route in default] == [TUNNEL]
    rules = [rule for rule in _ip(line, "-4", "rule") if rule["priority"] == 100]
    assert [(rule["src"], rule["table"]) for rule in rules] == [(FIRST_PPPOE_ADDRESS, "100")]
    table = _ip(line, "-4", "route", "show", "table", "100")
    assert [(route["dst"], route["dev"]) for route in table] == [("default", PPP)]
    tables = line.router.run("nft", "list", "tables").splitlines()
    assert {"table ip dualwan_snat", "table inet dualwan_firewall"} <= set(tables)


@pytest.mark.usefixtures("up")
def test_a_second_run_plans_nothing() -> None:
    """All is done: the dry run finds nothing to change and says so by its exit code."""
    done = product.run("--dry-run", "--exit-code")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("up")
def test_applying_again_changes_nothing() -> None:
    """`dualwan-hook` on a router that is in order touches nothing, not even a handle."""
    before = snapshot.take()
    done = product.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n".join(before.difference(snapshot.take())) == ""


@pytest.mark.usefixtures("up")
def test_status_tells_both_ways() -> None:
    """The status names both addresses and finds all four slices in order."""
    done = product.run("status", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert status["mape"]["ipv4"] == MAPE_ADDRESS
    assert status["pppoe"]["address"] == FIRST_PPPOE_ADDRESS
    assert {item["state"] for item in status["slices"].values()} == {"in order"}


@pytest.mark.usefixtures("up")
def test_the_tunnel_end_is_no_source_of_the_routers_own_traffic(line: Line) -> None:
    """The CE address is there, but the router's own IPv6 is sent from its other address."""
    print(line.router.run("ip", "-6", "address", "show", "dev", WAN))
    route = _ip(line, "-6", "route", "get", INTERNET_HOST_V6)[0]
    assert route["dev"] == WAN
    assert route["prefsrc"] != CE


def test_what_is_of_somebody_else_is_still_there(up: Snapshot) -> None:
    """A nft table, rules and routes that someone else made stand untouched."""
    after = snapshot.take()
    assert snapshot.of_somebody_else(after) == snapshot.of_somebody_else(up)
