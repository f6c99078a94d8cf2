"""One night after the other things go wrong, under 500 forbidden packets a second throughout.

A fresh installation sees to all of it; nobody types a command of the product. After each thing the
LAN has the internet by MAP-E and the internet the server by PPPoE, and nothing was let in but while
somebody else had flushed the rules.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guest import command, mischief, peers, product, router, waiting
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    PPP,
    PPPOE_PEER,
    SECOND_PPPOE_ADDRESS,
    WAN,
)
from guest.line import Line
from guest.rain import Rain
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

SETTLE_SECONDS = 40.0  # for what is no mending
PPP_HOOK, IF_HOOK = "/etc/ppp/ip-up.d/00dualwan-hook", "/etc/network/if-up.d/00dualwan-hook"
EVENTS = 12
# What somebody does before each apply that is killed: no thing so often that it looks like a fight.
BEFORE_KILLS = ("ip rule del", "ip route flush table 100", "nft delete table", "forwarding off")
KILLS = 12
RECONNECTS = 6
ALLOCATOR_KILOBYTES = 3000  # of memory that is free again, and still held
SILENCE_SECONDS = 60
SHADOW = Path("/etc/ppp/ip-up.local")
RUN = Path("/run/dualwan")
RANDOM = random.Random(11)  # noqa: S311 - moments, not secrets


@pytest.fixture(scope="module", name="rain")
def _rain(line: Line, installed: object) -> Iterator[Rain]:
    """The WAN up with a server on the router, and forbidden packets for the whole night."""
    assert installed
    product.up_with(product.GOOD_CONFIG)
    mischief.eventually(product.watcher_runs, "the watcher")
    with Servers(line.router, tcp=(80,)), Rain(line) as rain:
        yield rain


@pytest.fixture(scope="module", name="before", autouse=True)
def _before(rain: Rain) -> tuple[int, ...]:
    """How much there is of everything at the beginning of the night."""
    assert rain
    return _size()


def _size() -> tuple[int, ...]:
    """Return what must not grow: rules, routes, tables, files of ours, open files; and kB used."""
    process = mischief.watcher_process()
    return (
        len(command.run(["ip", "rule"]).splitlines()),
        len(command.run(["ip", "route", "show", "table", "all"]).splitlines()),
        len(command.run(["nft", "list", "tables"]).splitlines()),
        len(list(RUN.rglob("*"))),
        len(list(Path(f"/proc/{process}/fd").iterdir())),
        mischief.watcher_status("VmRSS"),
    )


@pytest.fixture(name="limit")
def _limit(answer_limit: float) -> float:
    """Seconds until MAP-E and the server answer again: 6 on an emulated, quiet machine."""
    return answer_limit + 1


def _until_it_works(
    line: Line, address: str = FIRST_PPPOE_ADDRESS, limit: float = SETTLE_SECONDS
) -> float:
    started = time.monotonic()
    while not mischief.works(line, address):
        assert time.monotonic() < started + limit, f"it does not work: {product.journal()}"
    return time.monotonic() - started


def test_a_storm_of_events(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """Twelve hooks at the same time, of both kinds."""
    ppp = ["env", f"PPP_IFACE={PPP}", f"PPP_LOCAL={FIRST_PPPOE_ADDRESS}", PPP_HOOK]
    ifup = ["env", f"IFACE={WAN}", "PHASE=post-up", "MODE=start", IF_HOOK]
    storm = [subprocess.Popen(argv) for argv in (ppp, ifup) * (EVENTS // 2)]
    assert [process.wait(120) for process in storm] == [0] * EVENTS
    measured(f"after a storm of {EVENTS} events: {_until_it_works(line, limit=limit):.1f} s")
    assert rain.let_in() == {}


def test_applies_that_are_killed(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """Each at another moment, with kill -9, after somebody took something away."""
    for at in range(KILLS):
        change = mischief.CHANGES[BEFORE_KILLS[at % len(BEFORE_KILLS)]]
        command.run(["sh", "-c", f"{change}; true"])
        process = subprocess.Popen([product.COMMAND])
        time.sleep(RANDOM.uniform(0, 2))
        process.kill()
        process.wait()
    measured(f"after {KILLS} killed applies: {_until_it_works(line, limit=limit):.1f} s")
    mischief.eventually(mischief.is_in_order, "nothing left to do", 90)
    assert rain.let_in() == {}


def _reconnect(line: Line, address: str, limit: float) -> float:
    router.forget_stamps()
    line.isp.reconnect(address)
    router.wait_for_ppp(address)
    return _until_it_works(line, address, limit)


def test_reconnects(line: Line, rain: Rain, limit: float, measured: Callable[[str], None]) -> None:
    """Six, with another address each time."""
    times = [
        _reconnect(line, (SECOND_PPPOE_ADDRESS, FIRST_PPPOE_ADDRESS)[at % 2], limit)
        for at in range(RECONNECTS)
    ]
    measured(f"after each of {RECONNECTS} reconnects: {min(times):.1f} to {max(times):.1f} s")
    assert rain.let_in() == {}


@pytest.mark.parametrize("name", mischief.CHANGES)
def test_what_somebody_does(
    line: Line, rain: Rain, name: str, limit: float, measured: Callable[[str], None]
) -> None:
    """One thing after the other; while the rules are flushed the router is open, and no longer."""
    mischief.eventually(mischief.is_in_order, "nothing left to do", 90)
    by_pppoe = name not in mischief.CUTS
    seconds = mischief.until_mended(line, mischief.CHANGES[name], by_pppoe=by_pppoe)
    measured(f"under fire, {name}: {seconds:.1f} s")
    if not by_pppoe:
        mischief.redial(line)
    if "flush ruleset" in mischief.CHANGES[name]:
        rain.count_again()
    assert rain.let_in() == {}
    assert seconds < limit


@contextmanager
def _dialled() -> Iterator[None]:
    """The session as the peer's file has it now, for the length of a `with` block."""
    _dial()
    try:
        yield
    finally:
        _hang_up()


def _dial() -> None:
    command.run(["pon", PPPOE_PEER])
    router.wait_for_ppp(FIRST_PPPOE_ADDRESS)


def _hang_up() -> None:
    command.run(["poff", PPPOE_PEER])
    router.wait_for_no_ppp()


def test_a_peer_that_takes_the_default_route(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """`replacedefaultroute`, as pppoeconf writes it: MAP-E has it again after each connect."""
    wanted = ("defaultroute", "replacedefaultroute", "defaultroute-metric 0")
    _hang_up()
    with peers.options(*wanted, without="nodefaultroute"), _dialled():
        seconds = _until_it_works(line, limit=limit)
        measured(f"after a peer took the default route: {seconds:.1f} s")
    _dial()
    _until_it_works(line)
    assert rain.let_in() == {}


def test_a_session_on_another_interface(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """Another pppd has taken ppp0 meanwhile: ours is served on ppp1, and later on ppp0 again."""
    _hang_up()
    with peers.other_session() as other:
        assert other == PPP
        command.run(["pon", PPPOE_PEER])
        waiting.until(lambda: peers.device_of(FIRST_PPPOE_ADDRESS), "our session", 40)
        assert peers.device_of(FIRST_PPPOE_ADDRESS) != PPP
        measured(f"after PPPoE came up as ppp1: {_until_it_works(line, limit=limit):.1f} s")
        command.run(["poff", PPPOE_PEER])
        waiting.until(lambda: not peers.device_of(FIRST_PPPOE_ADDRESS), "the end of ours", 40)
    _dial()
    _until_it_works(line)
    assert rain.let_in() == {}


def test_hooks_that_are_shadowed(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """An ip-up.local keeps pppd from running ip-up.d: the watcher hears of the address itself."""
    SHADOW.write_text("#!/bin/sh\n")
    SHADOW.chmod(0o755)
    try:
        seconds = _reconnect(line, SECOND_PPPOE_ADDRESS, limit)
        measured(f"after a reconnect without hooks: {seconds:.1f} s")
    finally:
        SHADOW.unlink()
    _reconnect(line, FIRST_PPPOE_ADDRESS, limit)
    assert rain.let_in() == {}


def test_in_silence_the_watcher_sleeps(line: Line, measured: Callable[[str], None]) -> None:
    """No wake-up in a minute: forbidden packets and PPPoE's echoes are no change."""
    woken = mischief.wakeups_of_the_watcher(line, SILENCE_SECONDS)
    measured(f"wake-ups of the watcher in {SILENCE_SECONDS} s: {woken}")
    assert woken == 0


def test_the_first_prefix_comes_late(
    line: Line, rain: Rain, limit: float, measured: Callable[[str], None]
) -> None:
    """Last, for the line goes down and up: MAP-E stands soon after the prefix."""
    _, served = mischief.until_first_prefix_serves(line)
    measured(f"from the first prefix to MAP-E: {served:.1f} s")
    assert rain.let_in() == {}
    assert served < limit
    product.up_with(product.GOOD_CONFIG)
    _until_it_works(line)


def test_nothing_has_grown(
    before: tuple[int, ...], rain: Rain, measured: Callable[[str], None]
) -> None:
    """Rules, routes, tables, files, memory: no more in the morning than in the evening."""
    mischief.eventually(mischief.is_in_order, "nothing left to do", 90)
    assert min(rain.arrived().values()) > 0
    (*evening, memory), (*morning, used) = before, _size()
    measured(f"the watcher holds {memory} kB in the evening, {used} kB in the morning")
    assert [now for was, now in zip(evening, morning, strict=True) if now > was] == []
    assert used < memory + ALLOCATOR_KILOBYTES
