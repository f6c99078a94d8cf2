"""A configuration is tried from a terminal that dies, and the router goes back by itself."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from contextlib import suppress

import pytest
from guest import command, product, snapshot, waiting
from guest.line import Line
from guest.pace import stretched

TABLE = 111
TRIED = product.with_keys(pppoe=f"table = {TABLE}")
SECONDS = 20
SAID = b"to keep it: dualwan-hook confirm"


def _state(line: Line) -> list[str]:
    """Return what the kernel holds of ours, in lines."""
    router = line.router
    shown = (
        router.run("ip", "rule"),
        router.run("ip", "route", "show", "table", "all", "proto", "217"),
        router.run("ip", "-6", "tunnel", "show"),
        router.run("ip", "-brief", "address"),
        router.run("nft", "list", "tables"),
    )
    return [line for text in shown for line in sorted(text.splitlines())]


def _until_it_is(line: Line, before: list[str], what: str, limit: float) -> None:
    with suppress(waiting.TimedOutError):
        waiting.until(lambda: _state(line) == before, what, limit)
    assert _state(line) == before, what


def _by_new_table(line: Line) -> bool:
    return f"lookup {TABLE}" in line.router.run("ip", "rule")


def _type_try_and_lose_the_terminal(line: Line) -> None:
    """Try TRIED on a terminal; once it is applied, the terminal goes, and all that ran on it."""
    product.CONFIG.write_text(TRIED)
    child, terminal = pty.fork()
    if child == 0:
        words = f"dualwan-hook try --timeout {SECONDS}; sleep 600"
        os.execvp("sh", ["sh", "-c", words])  # noqa: S606 - what a login starts
    said, until = b"", time.monotonic() + stretched(60)
    while SAID not in said:
        assert select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0], said
        said += os.read(terminal, 4096)
    waiting.until(lambda: _by_new_table(line), "the tried configuration", stretched(60))
    os.close(terminal)  # the kernel sends SIGHUP
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.usefixtures("up", "internet")
def test_a_trial_without_a_terminal_goes_back(line: Line) -> None:
    """What was applied last is there again, though the file has what was tried."""
    before = _state(line)
    _type_try_and_lose_the_terminal(line)
    assert "active" in command.run(["systemctl", "is-active", "dualwan-try.timer"])
    assert "is tried until" in product.run("status").stdout
    _until_it_is(line, before, "the way back", SECONDS + stretched(60))
    assert product.CONFIG.read_text() == TRIED
    assert "was not confirmed" in product.run("status").stdout
    assert product.run("confirm").returncode == 4
    # The watcher and the hooks leave it at that.
    line.router.run("ip", "rule", "del", "priority", "100")
    if product.watcher_runs():
        _until_it_is(line, before, "the watcher's mending", stretched(20))
    product.apply()
    assert _state(line) == before


@pytest.mark.usefixtures("up", "internet")
def test_a_trial_that_is_confirmed_stays(line: Line) -> None:
    """The timer is gone, and the command finds nothing to do."""
    product.CONFIG.write_text(TRIED)
    done = product.run("try", "--timeout", str(SECONDS))
    assert done.returncode == 0, done.stderr
    assert product.run("try").returncode == 5
    done = product.run("confirm")
    assert done.returncode == 0, done.stderr
    assert command.attempt(["systemctl", "is-active", "dualwan-try.timer"]).returncode != 0
    assert _by_new_table(line)
    assert product.run("--dry-run", "--exit-code").returncode == 0
    product.apply()
    assert not _by_new_table(line)


@pytest.mark.usefixtures("up", "internet")
def test_from_an_empty_start_nothing_is_left(line: Line) -> None:
    """After `down` nothing is ours; nor is anything after a trial."""
    with product.without_watcher():
        assert product.run("down").returncode == 0
        before = _state(line)
        assert snapshot.ours() == []
        _type_try_and_lose_the_terminal(line)
        _until_it_is(line, before, "the way back", SECONDS + stretched(60))
        assert snapshot.ours() == []
    product.apply()
