"""`dualwan-hook doctor` on lines and machines that are really broken, one way at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from guest import broken_line, broken_machine, product
from guest.addresses import CE, PPPOE_PEER
from guest.broken_line import Breaking
from guest.line import Line

LIMIT_SECONDS = 20  # which doctor promises, and an emulated processor has to keep too
# What is broken: how, the check whose line comes first, and words of that line.
BROKEN: dict[str, tuple[Breaking, str, tuple[str, ...]]] = {
    "no RA": (broken_line.no_advertisement, "advertisement", ("after a router solicitation",)),
    "prefix of another provider": (
        broken_line.foreign_prefix,
        "provider",
        (broken_line.FOREIGN_PREFIX,),
    ),
    "CE taken away": (broken_machine.no_ce, "ce", (CE, "is not on wan0")),
    "wrong border relay": (broken_line.wrong_relay, "border-relay", (broken_line.WRONG_BR,)),
    "wrong PSID": (
        broken_line.wrong_psid,
        "tunnel",
        (f"asks for the CE {CE}", "PSID is 47, not 48"),
    ),
    "wrong layout": (broken_line.wrong_layout, "tunnel", (f"asks for the CE {CE}", '"draft"')),
    "MTU black hole": (broken_line.black_hole, "mtu", ("those of 1360 do", "mtu = 1360")),
    "no PPPoE answer": (
        broken_line.no_concentrator,
        "pppoe-discovery",
        ("no access concentrator",),
    ),
    "PAP refused": (broken_line.pap_refused, "pppoe-login", ("PAP authentication failed",)),
    "second pppd": (
        broken_machine.second_pppd,
        "pppd-starters",
        (PPPOE_PEER, "/etc/network/interfaces"),
    ),
    "replacedefaultroute": (
        broken_machine.replaced_default_route,
        "peer-file",
        (f"/etc/ppp/peers/{PPPOE_PEER}", "replacedefaultroute"),
    ),
    "ip-up.local in the way": (broken_machine.shadowed_hook, "hooks", ("/etc/ppp/ip-up.local",)),
    "foreign drop": (broken_machine.foreign_drop, "firewalls", ("stranger", "forward")),
    "mape.sh still there": (broken_machine.old_script, "leftovers", ("ip6tnl1",)),
}


@pytest.fixture(scope="module", autouse=True)
def _up(installed: object) -> Iterator[None]:
    """The WAN is up with PPPoE, and nothing mends behind the back."""
    assert installed
    product.configure()
    if product.wan_is_up():
        product.apply()
    else:
        product.bring_up()
    with product.without_watcher():
        broken_machine.settled()
        yield


def _diagnosis() -> dict[str, Any]:
    started = time.monotonic()
    done = product.run("doctor", "--json")
    assert time.monotonic() - started < LIMIT_SECONDS
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["well"] else 1), done.stdout
    return found


def test_it_is_silent_on_a_line_that_works() -> None:
    """Not a line, exit code 0; relay, MTU, each block of ports and PPPoE have been looked at."""
    done = product.run("doctor")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    by_name = {one["name"]: one for one in _diagnosis()["checks"]}
    for name in ("border-relay", "tunnel", "mtu", "ports", "pppoe-session"):
        assert by_name[name]["result"] == "ok", by_name[name]
    assert product.run("status").stdout.startswith("works ")


@pytest.mark.parametrize("what", BROKEN)
def test_its_first_line_names_the_cause(what: str, line: Line) -> None:
    """Each really made, and put back; what was seen and what to do stand in one line."""
    breaking, check, words = BROKEN[what]
    with breaking(line):
        first = next((one for one in _diagnosis()["checks"] if one["result"] == "failed"), None)
    broken_machine.settled()
    assert first is not None
    assert first["name"] == check, first
    for word in words:
        assert word in f"{first['seen']}: {first['remedy']}", first


def test_it_is_silent_again() -> None:
    """After all of them nothing is left, and nothing is held against the line."""
    assert (product.run("doctor").stdout, _diagnosis()["well"]) == ("", True)
