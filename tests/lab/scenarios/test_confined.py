"""The units as systemd confines them: what they still do, and what they leave to another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import command, mischief, peers, product, router, waiting
from guest.addresses import FIRST_PPPOE_ADDRESS, INTERNET_HOST, PPPOE_PEER, WAN

pytestmark = pytest.mark.usefixtures("internet")

RUN = Path("/run/dualwan")
PROGRAM = Path("/usr/bin/dualwan-hook")
WISH_FILE = RUN / "dial/peer.json"
GIVEN_UP_SECONDS = 15  # systemd gives up what starts a sixth time within 10 s
# What the watcher does when it dials, see dualwan.host.pppd.
WISH = (
    "import sys; sys.path.append('/usr/share/dualwan-hook');"
    "from dualwan.host import pppd, run_files;"
    f"run_files.make('dial'); run_files.write(pppd.WANTED, '{PPPOE_PEER}')"
)
KINDS = ("watch", "probe", "notify", "close")


@pytest.fixture(name="up", scope="module", autouse=True)
def _up(installed: object) -> Iterator[None]:
    """The WAN up, with hosts to be probed."""
    assert installed
    product.up_with(
        product.with_keys(wan=f'failover = true\nprobe = ["{INTERNET_HOST}"]\nhold-down = 0')
    )
    mischief.eventually(product.watcher_runs, "the watcher")
    yield
    product.apply(product.GOOD_CONFIG)


def _status(pid: int) -> dict[str, str]:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (row.partition(":") for row in rows)}


@pytest.mark.parametrize("kind", KINDS)
def test_systemd_counts_less_than_3(kind: str) -> None:
    """Of 10, for the unit as it is installed."""
    said = command.run(["systemd-analyze", "security", "--no-pager", f"dualwan-{kind}.service"])
    level = float(said.rsplit(": ", 1)[1].split()[0])
    assert level < 3, said


def test_the_watcher_is_confined_and_mends() -> None:
    """A table, a route and sysctls; its run directory is everybody's."""
    status = _status(int(command.run(["systemctl", "show", "-P", "MainPID", "dualwan-watch"])))
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for argv in (
        ["nft", "delete", "table", "ip", "dualwan_snat"],
        ["ip", "route", "del", "default"],
        ["sysctl", "-q", "net.ipv4.ip_forward=0"],
        # Not announced by netlink; systemd's own /proc for the unit would be deaf to it.
        ["sysctl", "-q", f"net.ipv6.conf.{WAN}.accept_ra=0"],
    ):
        command.run(argv)
        mischief.eventually(mischief.is_in_order, f"the mending of {' '.join(argv)}")
    assert (RUN / "state.json").stat().st_mode & 0o777 == 0o644
    assert RUN.stat().st_mode & 0o777 == 0o755


def test_a_probe_is_confined_and_answers() -> None:
    """It pings through the tunnel and notes the outcome, and leaves the run directory there."""
    command.run(["systemctl", "start", "dualwan-probe.service"])
    assert command.run(["systemctl", "show", "-P", "Result", "dualwan-probe"]).strip() == "success"
    assert json.loads((RUN / "state.json").read_text())["health"][0] is False


def test_boot_is_confined() -> None:
    """It ends well, and leaves the WAN of a stanza to ifup."""
    command.run(["systemctl", "restart", "dualwan-close.service"])
    assert command.run(["systemctl", "show", "-P", "Result", "dualwan-close"]).strip() == "success"
    assert mischief.is_in_order()


def test_what_the_watcher_dials_is_not_confined() -> None:
    """Its pppd and the owner's scripts have all rights, and outlive the watcher."""
    _hang_up()
    command.run(["python3", "-c", WISH])
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    [pid] = peers.pppds()
    status = _status(pid)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("0", "0")
    assert "dualwan-dial.service" in Path(f"/proc/{pid}/cgroup").read_text()
    assert not WISH_FILE.exists()
    with product.without_watcher():
        assert peers.pppds() == [pid]
    assert peers.pppds() == [pid]


def test_a_wish_to_dial_outlasts_a_program_that_cannot_run() -> None:
    """As while Python is upgraded: a unit that fails at once, again and again, is not given up."""
    _hang_up()
    with mischief.away(PROGRAM):
        WISH_FILE.write_text(json.dumps(PPPOE_PEER))
        time.sleep(GIVEN_UP_SECONDS)
        assert WISH_FILE.exists()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    assert not WISH_FILE.exists()


def _hang_up() -> None:
    """End the session; pppd runs ip-down.d before it is gone."""
    command.run(["poff", PPPOE_PEER])
    waiting.until(lambda: not peers.pppds(), "the end of pppd", 60)
    router.forget_stamps()
