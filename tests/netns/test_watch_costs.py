"""What the watcher costs: no wake-up in silence, little memory, and one watcher at a time."""

import subprocess
import time
from contextlib import closing

import pytest
from space import until
from watching import Watching

SILENCE_SECONDS = 10
RESIDENT_KB = 30_000
FOREIGN = """
table inet theirs {
    set banned { type ipv4_addr; }
    chain input { type filter hook input priority 5; ip saddr @banned drop; }
}
"""


@pytest.fixture(name="watcher")
def _watcher(line):
    """Return a watcher on a router whose slices are up."""
    line.hook()
    with closing(Watching(line)) as made:
        yield made


def test_in_silence_nothing_wakes_it(watcher):
    """No timer, no polling: neither of its own nor of what it is made of."""
    before = watcher.wakes()
    time.sleep(SILENCE_SECONDS)
    assert watcher.wakes() == before


def test_what_others_do_for_themselves_is_not_looked_at(line, watcher):
    """A fail2ban bans, a routing daemon learns routes: it reads of it, and sleeps on."""
    before = watcher.looked()
    line.router.nft(FOREIGN)
    line.router.ip("".join(f"route add 10.{at}.0.0/16 dev lan0\n" for at in range(200)))
    for at in range(20):
        line.router.run("nft", "add", "element", "inet", "theirs", "banned", f"{{ 192.0.2.{at} }}")
    assert until(watcher.is_idle)
    time.sleep(0.5)  # more than what it waits for the rest of a storm
    assert until(watcher.is_idle)
    assert watcher.looked() == before


def test_it_stays_small(line, watcher, record_property):
    """What it looks with are processes of their own, so it does not grow."""
    before = watcher.resident()
    for at in range(20):
        looked = watcher.looked()
        line.router.run("ip", "rule", "add", "priority", 500 + at, "lookup", "main")
        assert until(lambda: watcher.looked() > looked)  # noqa: B023 - called at once
        assert until(watcher.is_idle)
    record_property("resident", f"{before} to {watcher.resident()} KB")
    print(f"resident: {before} to {watcher.resident()} KB")
    assert watcher.resident() < RESIDENT_KB
    assert watcher.resident() - before < 1000


def test_a_second_watcher_is_refused(line, watcher):
    """It says who is there already."""
    done = line.hook("watch")
    assert (done.returncode, done.stderr) == (
        5,
        "dualwan-hook: another dualwan-hook watch runs already\n",
    )
    assert watcher.is_idle()


def test_a_signal_ends_it_at_once(line):
    """As systemd does; its lock is free then."""
    with closing(Watching(line)) as watcher:
        assert watcher.is_idle()
    with closing(Watching(line)) as watcher:
        assert watcher.is_idle()


def test_status_says_whether_it_runs(line, watcher):
    """As a person asks."""
    assert "watcher  running\n" in line.hook("status").stdout
    watcher.close()
    assert "watcher  not running" in line.hook("status").stdout


def test_without_root_it_is_refused(line):
    """In a sentence; the kernel tells of nft to root only."""
    done = subprocess.run(
        [
            *line.router.argv(
                "setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"
            ),
            *line.command("watch")[2:],
        ],
        check=False,
        capture_output=True,
        text=True,
        env=line.environment(),
    )
    assert done.returncode == 4
    assert "cannot listen to the kernel: Operation not permitted" in done.stderr
