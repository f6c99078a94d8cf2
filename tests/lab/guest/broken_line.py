"""Lines that are broken on purpose, each for the length of a `with` block."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from guest import command, product, router, waiting
from guest.addresses import (
    BR,
    CE,
    FIRST_PPPOE_ADDRESS,
    MAPE_ADDRESS,
    PORT_BLOCKS,
    PSID,
    WAN,
    WAN_PREFIX,
)
from guest.isp import PASSWORD, USER
from guest.line import Line

WRONG_BR = "2001:380:a120::99"
_NEXT_CE = "2400:4050:5c71:af00:99:f171:c600:3000"  # CE, with the next PSID
RFC_CE = "2400:4050:5c71:af00:0:99f1:71c6:2f"  # CE, in the layout of RFC 7597
FOREIGN_PREFIX = "2404:1a8:7e00:1::"  # of NTT's own network, where no rule is
NARROW = 1400  # bytes of IPv6
_PAP = Path("/etc/ppp/pap-secrets")
Breaking = Callable[[Line], AbstractContextManager[None]]


@contextmanager
def _configured(text: str) -> Iterator[None]:
    """Another configuration is in force."""
    product.configure(text)
    product.run()  # the product refuses what cannot work, as the scenario expects
    try:
        yield
    finally:
        product.apply()


@contextmanager
def _calls_from_outside(line: Line) -> Iterator[None]:
    """Packets come for ports of the customer, as they do on any public address.

    The provider's router has an empty neighbour cache, since it never knew the CE of a line that
    was wrong from the first day.
    """
    line.isp.space.ip("neigh flush dev wan")
    over = threading.Event()

    def call() -> None:
        caller = line.internet.socket(2, 2)  # AF_INET, SOCK_DGRAM
        while not over.wait(0.2):
            caller.sendto(b"scan", (MAPE_ADDRESS, PORT_BLOCKS[3].start))
        caller.close()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def wrong_psid(line: Line) -> Iterator[None]:
    """The file has the next PSID, and the CE that goes with it."""
    text = product.GOOD_CONFIG.replace(CE, _NEXT_CE)
    text = text.replace(f"psid = {PSID}", f"psid = {PSID + 1}")
    with _configured(text), _calls_from_outside(line):
        yield


@contextmanager
def wrong_layout(line: Line) -> Iterator[None]:
    """The CE is as RFC 7597 has it, where the provider goes by the draft."""
    with _configured(product.GOOD_CONFIG.replace(CE, RFC_CE)), _calls_from_outside(line):
        yield


@contextmanager
def wrong_relay(line: Line) -> Iterator[None]:
    """A typing error in the border relay's address."""
    assert line
    with _configured(product.GOOD_CONFIG.replace(f'"{BR}"', f'"{WRONG_BR}"')):
        yield


@contextmanager
def no_advertisement(line: Line) -> Iterator[None]:
    """The provider's router has withdrawn itself."""
    line.isp.stop_announcing()
    waiting.until(_no_ipv6_default, "the end of the IPv6 default route", 20)
    try:
        yield
    finally:
        line.isp.announce()
        _wait_for_ipv6()


def _no_ipv6_default() -> bool:
    return not command.run(["ip", "-6", "route", "show", "default"]).strip()


def _wait_for_ipv6() -> None:
    waiting.until(lambda: not _no_ipv6_default(), "the IPv6 default route", 40)


@contextmanager
def foreign_prefix(line: Line) -> Iterator[None]:
    """The line has moved to another provider; MAP-E is to follow from the prefix."""
    line.isp.announce(FOREIGN_PREFIX, instead_of=WAN_PREFIX)
    waiting.until(lambda: router.has_address(WAN, FOREIGN_PREFIX.rstrip(":")), "the prefix", 30)
    try:
        with _configured(product.AUTO_CONFIG):
            yield
    finally:
        line.isp.announce(WAN_PREFIX, instead_of=FOREIGN_PREFIX)
        waiting.until(_is_numbered_back, "the line's own prefix", 30)
        product.apply()
        line.isp.announce()


def _is_numbered_back() -> bool:
    shown = command.run(["ip", "-6", "address", "show", "dev", WAN, "-deprecated"])
    return WAN_PREFIX.rstrip(":") in shown and FOREIGN_PREFIX.rstrip(":") not in shown


@contextmanager
def black_hole(line: Line) -> Iterator[None]:
    """A cable section with a small MTU drops what is larger, and tells nobody."""
    line.isp.space.ip(f"link set dev wan mtu {NARROW}")
    try:
        yield
    finally:
        line.isp.space.ip("link set dev wan mtu 1500")


@contextmanager
def pap_refused(line: Line) -> Iterator[None]:
    """The provider has another password than the file."""
    _PAP.write_text(f'"{USER}" * "{PASSWORD}" *\n')
    _PAP.chmod(0o600)
    with _said_by_pppd("PAP authentication failed") as wait:
        line.isp.cut_pppoe()
        line.isp.open_pppoe(protocol="pap", password="another")  # noqa: S106 - that is the point
        wait()
    try:
        yield
    finally:
        line.isp.cut_pppoe()
        _reopen(line)


def _reopen(line: Line) -> None:
    router.forget_stamps()
    line.isp.open_pppoe()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS, 90)


@contextmanager
def _said_by_pppd(words: str, limit: float = 60) -> Iterator[Callable[[], None]]:
    """Gives a function that waits until pppd has logged ``words`` after now."""
    follow = ("journalctl", "-f", "-n", "0", "-o", "cat", "-t", "pppd")
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as journal:
        timer = threading.Timer(limit, journal.kill)
        timer.start()

        def wait() -> None:
            assert journal.stdout is not None
            for line in journal.stdout:
                if words in line:
                    return
            raise waiting.TimedOutError(f"pppd: {words}: not within {limit:.0f} s")

        try:
            yield wait
        finally:
            timer.cancel()
            journal.kill()


@contextmanager
def no_concentrator(line: Line) -> Iterator[None]:
    """Nothing answers a PPPoE discovery."""
    line.isp.cut_pppoe()
    router.wait_for_no_ppp(40)
    try:
        yield
    finally:
        _reopen(line)
