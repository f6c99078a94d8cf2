"""A wrong configuration changes nothing in the kernel and says where it is wrong.

Here it is the first one: no earlier one was applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from guest import command, product, snapshot
from guest.addresses import WAN
from guest.product import CONFIG, GOOD_CONFIG
from guest.snapshot import Snapshot

# What is wrong: what to replace, by what, and the word that the message must have.
WRONG = {
    "does not parse": ("psid = 47", "psid = = 47", "TOML"),
    "an unknown key": ("psid = 47", "psidd = 47", "psidd"),
    "a bad address": ('br = "2001:380:a120::9"', 'br = "2001:380:a120::9::1"', "br"),
    "a PSID too large for its length": ("psid = 47", "psid = 64", "psid"),
    "an interface listed twice": ('["lan0"]', '["lan0", "lan0"]', "lan0"),
}
HOOK = "/etc/network/if-up.d/00dualwan-hook"


@dataclass(frozen=True)
class Wrong:
    """A wrong configuration in place, and the kernel's state before anything ran."""

    before: Snapshot
    place: str
    word: str


@pytest.fixture(scope="module")
def before(installed: Snapshot) -> Snapshot:
    """The kernel's state with the WAN down."""
    assert installed
    if product.wan_is_up():
        product.take_down()
    Path("/var/lib/dualwan/last-good.json").unlink(missing_ok=True)
    return snapshot.take()


@pytest.fixture(params=WRONG)
def wrong(request: pytest.FixtureRequest, before: Snapshot) -> Iterator[Wrong]:
    """One wrong configuration after the other; the good one again at the end."""
    good, bad, word = WRONG[request.param]
    assert good in GOOD_CONFIG
    text = GOOD_CONFIG.replace(good, bad)
    product.configure(text)
    line = text[: text.index(bad)].count("\n") + 1
    yield Wrong(before, f"{CONFIG}:{line}", word)
    product.configure()


def test_it_is_refused_with_file_and_line_and_changes_nothing(wrong: Wrong) -> None:
    """A person gets one clear message and exit code 3; a hook logs it and exits 0.

    The kernel is as it was after both.
    """
    done = product.run()
    message = done.stderr.strip()
    assert done.returncode == 3, done.stdout + message
    assert len(message.splitlines()) == 1
    assert wrong.place in message
    assert wrong.word in message
    hook = command.attempt(["env", f"IFACE={WAN}", "MODE=start", "PHASE=post-up", HOOK])
    assert hook.returncode == 0, hook.stderr
    assert wrong.place in product.journal().splitlines()[-1]
    assert "\n".join(wrong.before.difference(snapshot.take())) == ""


def test_check_and_dry_run_refuse_it_too(before: Snapshot) -> None:
    """Whatever the command, the exit code is 3 and the kernel as it was."""
    product.configure(GOOD_CONFIG.replace("psid = 47", "psid = 64"))
    assert [product.run(word).returncode for word in ("check", "--dry-run")] == [3, 3]
    assert "\n".join(before.difference(snapshot.take())) == ""


def test_ifup_works_all_the_same(before: Snapshot) -> None:
    """With a wrong configuration `ifup` brings up the interface, and what closes the machine."""
    assert before
    product.configure(GOOD_CONFIG.replace("psid = 47", "psid = 64"))
    command.run(["ifup", WAN])
    try:
        assert {entry.split()[0] for entry in snapshot.ours()} == {"nft"}
        listed = command.run(["nft", "list", "table", "inet", "dualwan_firewall"])
        assert "chain closed" in listed
    finally:
        command.run(["ifdown", WAN])
        product.configure()
        product.run("down")
    assert snapshot.ours() == []
