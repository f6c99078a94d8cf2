"""Changes that people and programs make to a router, and the time until it works again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from guest import command, product, router, traffic, waiting
from guest.addresses import (
    CE,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    LAN_ADDRESS,
    MAPE_ADDRESS,
    PPP,
    TUNNEL,
    WAN,
    WAN_PREFIX,
)
from guest.line import Line

LIMIT_SECONDS = 40.0
WAIT_SECONDS = 200  # longer than any ifup takes here
FIRST_PREFIX_LIMIT_SECONDS = 20  # radvd sends its first advertisements seconds apart
# Each command as a person types it.
CHANGES = {
    "ip rule del": "ip rule del priority 100",
    "ip rule flush": "ip rule flush; ip rule add priority 32766 lookup main",
    "ip route flush table 100": "ip route flush table 100",
    "the default route replaced": f"ip route replace default dev {PPP}",
    "ip link del": f"ip link del {TUNNEL}",
    "the tunnel down": f"ip link set {TUNNEL} down",
    "the CE address": f"ip address del {CE}/128 dev {WAN}",
    "the tunnel's address": f"ip address flush dev {TUNNEL}",
    "nft flush ruleset": "nft flush ruleset",
    "nft delete table": "nft delete table ip dualwan_snat",
    "a flap of the WAN": f"ip link set {WAN} down; ip link set {WAN} up",
    "forwarding off": "sysctl -q -w net.ipv4.ip_forward=0",
    "accept_ra off": f"sysctl -q -w net.ipv6.conf.{WAN}.accept_ra=0",
}
OUR_PROTOCOL = re.compile(r"proto (217|dualwan)\b")
# Those that end the PPPoE session: the provider's end takes half a minute to notice.
CUTS = ("a flap of the WAN",)


def works(line: Line, address: str = FIRST_PPPOE_ADDRESS, *, by_pppoe: bool = True) -> bool:
    """Whether the LAN has the internet by MAP-E, and the internet reaches a server by PPPoE."""
    try:
        seen = traffic.ask_tcp(line.client, INTERNET_HOST, ECHO_PORT, limit=0.5)
        if by_pppoe:
            traffic.ask_tcp(line.internet, address, 80, limit=0.5)
    except traffic.NoAnswerError:
        return False
    return seen.address == MAPE_ADDRESS


def until_mended(line: Line, change: str, *, by_pppoe: bool = True) -> float:
    """Make a change; return the seconds until all is restored and works."""
    before = _objects(by_pppoe=by_pppoe)
    command.run(["sh", "-c", change])
    started = time.monotonic()
    while time.monotonic() < started + LIMIT_SECONDS:
        if _objects(by_pppoe=by_pppoe) == before and works(line, by_pppoe=by_pppoe):
            return time.monotonic() - started
    now = _objects(by_pppoe=by_pppoe)
    raise AssertionError(
        f"{change}: not mended in {LIMIT_SECONDS:.0f} s; missing: {sorted(before - now)}, "
        f"too much: {sorted(now - before)}, works: {works(line, by_pppoe=by_pppoe)}"
    )


def until_first_prefix_serves(line: Line) -> tuple[float, float]:
    """Bring the WAN up on a line that announces its prefix later.

    The line has announced it before, but after the ifdown that must not count. Return the seconds
    that ifup took, and those from the first prefix to a working MAP-E.
    """
    product.up_with(product.AUTO_CONFIG)
    product.take_down()
    product.configure(product.AUTO_CONFIG.replace("[mape]\n", f"[mape]\nwait = {WAIT_SECONDS}\n"))
    line.isp.stop_announcing()
    try:
        started = time.monotonic()
        product.bring_up()
        ifup = time.monotonic() - started
        assert ifup < WAIT_SECONDS, "ifup has waited for the prefix"
        said = product.run("status").stdout
        assert "waiting: MAP-E waits for a usable IPv6 prefix" in said, said
        assert CE not in router.addresses(WAN)
        line.isp.announce()
        waiting.until(
            lambda: router.has_address(WAN, WAN_PREFIX.rstrip(":")),
            "the first prefix",
            FIRST_PREFIX_LIMIT_SECONDS,
        )
        came = time.monotonic()
        seen = traffic.ask_tcp_within(line.client, INTERNET_HOST, ECHO_PORT, 20)
        assert seen.address == MAPE_ADDRESS
        served = time.monotonic() - came
        assert "waiting:" not in product.run("status").stdout
    finally:
        line.isp.announce()
        product.take_down()
        product.configure()
    return ifup, served


def redial(line: Line) -> None:
    """Have the concentrator drop the session that was cut, because it allows us only one."""
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)
    router.wait_for_ppp(FIRST_PPPOE_ADDRESS)
    eventually(lambda: works(line), "MAP-E and the server", 60)


def eventually(look: Callable[[], bool], what: str, limit: float = 30) -> None:
    """Poll ``look`` until it is true, as neither systemd nor the product announces it."""
    deadline = time.monotonic() + limit
    while not look():
        assert time.monotonic() < deadline, f"{what}: not within {limit:.0f} s"
        time.sleep(0.2)


def is_in_order() -> bool:
    """Whether `dualwan-hook` would find nothing to do."""
    return product.run("--dry-run", "--exit-code").returncode == 0


def _objects(*, by_pppoe: bool) -> frozenset[str]:
    """Return the expected objects of ours: rules, routes, addresses, tables and sysctls."""
    listed = [
        # ip of Debian 12 ignores the protocol filter, and lists other programs' too.
        *(line for line in _lines("ip", "-d", "rule") if OUR_PROTOCOL.search(line)),
        *_lines("ip", "route", "show", "table", "all", "proto", "217"),
        *(line for line in _lines("nft", "list", "tables") if "dualwan" in line),
        *_lines("sysctl", "net.ipv4.ip_forward", f"net.ipv6.conf.{WAN}.accept_ra"),
    ]
    addresses = json.loads(command.run(["ip", "-j", "address"]))
    listed += [
        f"{item['ifname']} {entry['local']}"
        for item in addresses
        for entry in item["addr_info"]
        if entry["local"] in (CE, MAPE_ADDRESS, FIRST_PPPOE_ADDRESS, LAN_ADDRESS)
    ]
    without = () if by_pppoe else (PPP, FIRST_PPPOE_ADDRESS)
    return frozenset(line for line in listed if not any(word in line for word in without))


def _lines(*argv: str) -> list[str]:
    return command.run(argv).splitlines()


def watcher_process() -> int:
    """Return the process id of the watcher."""
    return int(command.run(["systemctl", "show", "-P", "MainPID", "dualwan-watch"]))


def watcher_status(word: str) -> int:
    """Return a number of the watcher's /proc/PID/status."""
    lines = Path(f"/proc/{watcher_process()}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{word}:")))


def wakeups_of_the_watcher(line: Line, seconds: float) -> int:
    """Return how often the watcher wakes up within ``seconds`` without a change."""
    line.isp.finish_announcing()
    eventually(is_in_order, "nothing left to do")
    before = watcher_status("voluntary_ctxt_switches")
    time.sleep(seconds)
    return watcher_status("voluntary_ctxt_switches") - before


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Move a file or folder away for as long as the context lasts."""
    hidden = path.with_name(f"{path.name}.away")
    path.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(path)
