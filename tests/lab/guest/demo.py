"""The demonstration: a home router's owner watches the package at work on a simulated line.

Lines that start with "> " are steps, which the host shows with the time; at the end comes a
table of what was checked.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from guest import command, pace, product, router, snapshot, traffic, waiting
from guest.addresses import (
    CE,
    DOWNLOAD_PORT,
    ECHO_PORT,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    INTERNET_HOSTS,
    MAPE_ADDRESS,
    PORT_SET,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    WAN,
)
from guest.line import Line
from guest.servers import Servers

CLOSED_PORT = 8081
DOWNLOAD_RATE = 100_000


@dataclass
class Story:
    """What was said and what was checked."""

    checks: list[tuple[str, bool]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """One step."""
        print(f"> {text}")

    def check(self, what: str, *, ok: bool) -> None:
        """One thing that must be so."""
        self.checks.append((what, ok))
        self.tell(f"   {'ok' if ok else 'FAILED'}: {what}")

    def table(self) -> int:
        """The table of all checks; the exit code."""
        width = max(len(what) for what, _ok in self.checks)
        print(f"\n+-{'-' * width}-+--------+")
        for what, ok in self.checks:
            print(f"| {what:<{width}} | {'pass' if ok else 'FAIL':<6} |")
        print(f"+-{'-' * width}-+--------+")
        failed = sum(not ok for _what, ok in self.checks)
        print(f"{len(self.checks) - failed} passed, {failed} failed")
        return 1 if failed else 0


def main() -> int:
    """Tell the story from the installation to the end; 1 if anything was not as it should be."""
    story, line = Story(), Line()
    try:
        _install(story)
        before = snapshot.take()
        _bring_up(story)
        servers = Servers(line.internet, tcp=(ECHO_PORT,), udp=(ECHO_PORT,), download=DOWNLOAD_PORT)
        with servers, Servers(line.router, tcp=(80, CLOSED_PORT)):
            _from_home(story, line)
            _from_the_internet(story, line)
            _reconnect(story, line)
        _take_down(story, before)
    except (command.CommandError, traffic.NoAnswerError, waiting.TimedOutError) as error:
        story.check(f"the story goes on: {error}", ok=False)
        print(product.journal())
    return story.table()


def _install(story: Story) -> None:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    story.tell(f"the router has started: {release}, kernel {platform.release()}")
    story.tell("installing the package with apt, and writing its configuration")
    product.install()
    product.configure()
    done = product.run("check")
    story.check("the package installs and likes its configuration", ok=done.returncode == 0)


def _bring_up(story: Story) -> None:
    story.tell(f"ifup {WAN}: the cable to the provider comes alive")
    started = time.monotonic()
    product.bring_up()
    took = time.monotonic() - started
    story.tell(f"both ways to the internet are up, {took:.0f} s later:")
    story.tell(f"   MAP-E (fast, the default):  address {MAPE_ADDRESS}, {len(PORT_SET)} ports")
    story.tell(f"   PPPoE (for your servers):   address {FIRST_PPPOE_ADDRESS}")
    again = product.run("--dry-run", "--exit-code")
    story.check("a second look finds nothing left to do", ok=again.returncode == 0)


def _from_home(story: Story, line: Line) -> None:
    story.tell("a computer at home uses the internet")
    line.relay.reset()
    ways: dict[str, Callable[..., traffic.Endpoint]] = {
        "TCP": traffic.ask_tcp,
        "UDP": traffic.ask_udp,
    }
    for name, ask in ways.items():
        seen = [ask(line.client, host) for host in INTERNET_HOSTS]
        story.check(
            f"home to internet by {name}: seen as {MAPE_ADDRESS}, own ports only",
            ok=all(item.address == MAPE_ADDRESS and item.port in PORT_SET for item in seen),
        )
    ids = range(1, 11)
    answered = traffic.ping(line.client, INTERNET_HOST, ids)
    story.check("home to internet by ping: all answered", ok=answered == set(ids))
    story.check("the provider's relay had nothing to refuse", ok=not line.relay.refused())


def _from_the_internet(story: Story, line: Line) -> None:
    story.tell("somebody on the internet visits the web server on the router")
    caller = traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, 80)
    story.check(f"the server answers on {FIRST_PPPOE_ADDRESS}", ok=bool(caller.address))
    closed = traffic.try_port(line.internet, FIRST_PPPOE_ADDRESS, CLOSED_PORT)
    story.check("a port that is not offered stays shut", ok=closed != "open")


def _reconnect(story: Story, line: Line) -> None:
    story.tell("a long download starts, through MAP-E")
    download = traffic.Download(line.client, INTERNET_HOST, rate=DOWNLOAD_RATE)
    tunnel = _tunnel()
    story.tell("the provider drops PPPoE and gives another address at the next dial")
    router.forget_stamps()
    line.isp.reconnect(SECOND_PPPOE_ADDRESS)
    router.wait_for_ppp(SECOND_PPPOE_ADDRESS)
    traffic.ask_tcp_within(line.internet, SECOND_PPPOE_ADDRESS, 80, 20)
    answered = time.clock_gettime(time.CLOCK_BOOTTIME)
    router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
    # The watcher may be there before pppd has begun with its scripts.
    took = max(0.0, answered - router.last_stamp(SECOND_PPPOE_ADDRESS))
    story.tell(f"the server answered on the new address {took:.1f} s after PPPoE was back")
    story.check(
        f"the server answers on {SECOND_PPPOE_ADDRESS}, nobody typed a thing",
        ok=took < pace.stretched(5),
    )
    running = download.running
    received = download.stop()
    story.check(
        f"the download ran on ({received // 1000} kB, longest pause {download.longest_gap:.1f} s)",
        ok=running and download.error is None,
    )
    story.check("the MAP-E tunnel is the same as before", ok=_tunnel() == tunnel)
    left = snapshot.take().naming(FIRST_PPPOE_ADDRESS) + snapshot.conntrack(FIRST_PPPOE_ADDRESS)
    story.check("nothing names the old address any more", ok=not left)


def _tunnel() -> str:
    return Path(f"/sys/class/net/{TUNNEL}/ifindex").read_text()


def _take_down(story: Story, before: snapshot.Snapshot) -> None:
    story.tell(f"ifdown {WAN}: everything goes back to what it was")
    product.take_down()
    story.check("no tunnel, rule, route or firewall of ours is left", ok=not snapshot.ours())
    # ifupdown sets sysctls of its own on the WAN.
    changed = before.difference(snapshot.take(), without=("sysctl", "link", "address", "route6"))
    story.check("rules, IPv4 routes and nftables are as before", ok=not changed)
    story.check(f"the address {CE} is gone", ok=CE not in router.addresses(WAN))


if __name__ == "__main__":
    sys.exit(main())
