"""What a fresh installation mends by itself, on a real tunnel and a real PPPoE session.

Nobody types a command of the product: the watcher runs since there is a configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guest import command, mischief, product
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

SILENCE_SECONDS = 10  # a minute of it is part of the hard night
RESIDENT_KB = 30_000


@pytest.fixture(scope="module")
def served(line: Line, installed: object) -> Iterator[None]:
    """The WAN up, with a server on the router that the internet reaches by PPPoE."""
    assert installed
    product.up_with(product.GOOD_CONFIG)
    with Servers(line.router, tcp=(80,)):
        yield


@pytest.mark.usefixtures("installed")
def test_a_fresh_installation_runs_the_watcher(measured: Callable[[str], None]) -> None:
    """Enabled by the package, started by the configuration; small, and asleep."""
    assert command.run(["systemctl", "is-enabled", "dualwan-watch.service"]).strip() == "enabled"
    mischief.eventually(product.watcher_runs, "the watcher")
    measured(f"the watcher holds {mischief.watcher_status('VmRSS')} KB")
    assert mischief.watcher_status("VmRSS") < RESIDENT_KB


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("name", mischief.CHANGES)
def test_whatever_somebody_does_is_mended(
    line: Line, name: str, answer_limit: float, measured: Callable[[str], None]
) -> None:
    """The LAN has the internet by MAP-E again, and the internet the server by PPPoE."""
    by_pppoe = name not in mischief.CUTS
    seconds = mischief.until_mended(line, mischief.CHANGES[name], by_pppoe=by_pppoe)
    measured(f"{name}: mended after {seconds:.1f} s")
    if not by_pppoe:
        mischief.redial(line)
    assert seconds < answer_limit + 1
    mischief.eventually(mischief.is_in_order, "nothing left to do")


@pytest.mark.usefixtures("served")
def test_in_silence_the_watcher_sleeps(line: Line, measured: Callable[[str], None]) -> None:
    """No wake-up while nothing happens."""
    woken = mischief.wakeups_of_the_watcher(line, SILENCE_SECONDS)
    measured(f"wake-ups of the watcher in {SILENCE_SECONDS} s: {woken}")
    assert woken == 0


def test_the_first_prefix_comes_long_after_ifup(
    line: Line, answer_limit: float, measured: Callable[[str], None]
) -> None:
    """After a power cut the ONU is slower than the router: nobody waits, and nothing is lost."""
    ifup, served = mischief.until_first_prefix_serves(line)
    measured(f"ifup without a prefix, with PPPoE: {ifup:.1f} s")
    measured(f"from the first prefix to MAP-E: {served:.1f} s")
    assert served < answer_limit + 1


@pytest.mark.usefixtures("served")
def test_an_upgrade_restarts_the_watcher() -> None:
    """It runs the new version, and no module of the old one."""
    before = mischief.watcher_process()
    product.upgrade()
    mischief.eventually(product.watcher_runs, "the watcher")
    assert mischief.watcher_process() != before
    assert not Path(f"/proc/{before}").exists()
