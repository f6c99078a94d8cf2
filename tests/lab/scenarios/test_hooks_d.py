"""The owner's scripts in hooks.d, after events of real ifup and pppd, run by systemd."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from guest import command, own_scripts, product, router
from guest.addresses import FIRST_PPPOE_ADDRESS, MAPE_ADDRESS, PPP, SECOND_PPPOE_ADDRESS, TUNNEL
from guest.line import Line
from guest.pace import stretched

HANGS = "#!/bin/sh\nexec sleep 25\n"


def _acquaint(notes: own_scripts.Notes) -> None:
    """Let the watcher mend something: the first change tells new scripts of what is up."""
    command.run(["nft", "delete", "table", "ip", "dualwan_snat"])
    notes.next()


@pytest.mark.usefixtures("up")
def test_a_reconnect_tells_old_and_new_address(line: Line) -> None:
    """Lost and back, or another address if the session is back before that was told."""
    with own_scripts.Notes() as notes:
        _acquaint(notes)
        router.forget_stamps()
        line.isp.reconnect(SECOND_PPPOE_ADDRESS)
        told = [words for words in notes.until("pppoe", SECOND_PPPOE_ADDRESS) if words[0] != "up"]
        assert told[-1][0] in ("back", "address")
        assert told[-1][2:5] == [FIRST_PPPOE_ADDRESS, SECOND_PPPOE_ADDRESS, PPP]
        if told[-1][0] == "back":
            assert told[-2][:4] == ["lost", "pppoe", FIRST_PPPOE_ADDRESS, "-"]
        assert {words[5] for words in told} == {own_scripts.UNIT}
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
        line.isp.reconnect(FIRST_PPPOE_ADDRESS)
        assert notes.until("pppoe", FIRST_PPPOE_ADDRESS)[-1][2] == SECOND_PPPOE_ADDRESS
        router.wait_for_hooks(FIRST_PPPOE_ADDRESS)


@pytest.mark.usefixtures("up")
def test_ifdown_and_ifup_tell_of_both_ways() -> None:
    """Nobody lost them: they were taken down, and are up again."""
    with own_scripts.Notes() as notes:
        _acquaint(notes)
        product.take_down()
        gone: dict[str, list[str]] = {}
        while len(gone) < 2:
            words = notes.next()
            if words[0] == "down":
                gone[words[1]] = words
        assert gone["mape"][2:5] == [MAPE_ADDRESS, "-", TUNNEL]
        assert gone["pppoe"][2:5] == [FIRST_PPPOE_ADDRESS, "-", PPP]
        product.bring_up()
        there: dict[str, list[str]] = {}
        while len(there) < 2:
            words = notes.next()
            if words[0] == "up":
                there[words[1]] = words
        assert there["mape"][3] == MAPE_ADDRESS
        assert there["pppoe"][3] == FIRST_PPPOE_ADDRESS


@pytest.mark.usefixtures("up")
def test_a_script_that_hangs_holds_up_no_pppd(line: Line) -> None:
    """Its ip-up scripts end while the script runs, and pppd has no child left."""
    path = own_scripts.write("10-hangs", HANGS)
    try:
        router.forget_stamps()
        began = time.monotonic()
        line.isp.reconnect(SECOND_PPPOE_ADDRESS)
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS)
        state = command.attempt(["systemctl", "is-active", own_scripts.UNIT]).stdout.strip()
        assert state == "activating"
        (pid,) = [line for line in Path(f"/run/{PPP}.pid").read_text().split() if line.isdigit()]
        assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
        router.forget_stamps()
        line.isp.reconnect(FIRST_PPPOE_ADDRESS)
        router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
        assert time.monotonic() - began < stretched(60)
    finally:
        path.unlink()
        command.run(["systemctl", "stop", own_scripts.UNIT])
    done = command.attempt(["pgrep", "-f", "sleep 25"])
    assert done.stdout == ""
    assert product.run("--dry-run", "--exit-code").returncode == 0


@pytest.mark.usefixtures("up")
def test_a_script_that_fails_is_named_by_status_and_doctor() -> None:
    """With the reason; the router itself works."""
    path = own_scripts.write("60-fails", "#!/bin/sh\necho no such server\nexit 7\n")
    try:
        with own_scripts.Notes() as notes:
            _acquaint(notes)
        command.attempt(["systemctl", "start", own_scripts.UNIT])  # waits for the present run
        said = product.run("status").stdout
        assert said.startswith("works")
        assert f"{path} failed at its last run" in said
        assert "60-fails: no such server" in product.journal()
    finally:
        path.unlink()
