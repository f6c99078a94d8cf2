"""Hooks whose standard error is a pipe that nobody reads any more, as after an SSH session's end.

Python ends with 120 where it cannot flush that, and with 1 after an error in it: ifup then leaves
the interface down, or as failed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import BASE

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="unread")
def _unread(tmp_path):
    """Return a function that runs Python without a reader of its stderr; it returns the code."""

    def run(*arguments, **environment):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            return subprocess.run(
                [sys.executable, "-B", *arguments],
                check=False,
                stderr=writing,
                env={"PYTHONPATH": str(ROOT / "src"), **environment},
            ).returncode
        finally:
            os.close(writing)

    (tmp_path / "dualwan.toml").write_text(f"{BASE}[")
    return run


def test_a_machine_that_is_closed_is_not_called_open(unread, tmp_path):
    """The WAN may come up: the table is loaded."""
    nft = tmp_path / "nft"
    nft.write_text('#!/bin/sh\ntest "$1" = -f && cat > "$0.got"\n')
    nft.chmod(0o755)
    (tmp_path / "closed.nft").write_text((ROOT / "packaging/closed.nft").read_text())
    text = (ROOT / "hooks/close").read_text().replace('"/usr/sbin/nft"', f'"{nft}"')
    (tmp_path / "close").write_text(text)
    config = tmp_path / "dualwan.toml"
    assert unread(tmp_path / "close", "pre-up", "wan0", config) == 0
    assert "dualwan_firewall" in (tmp_path / "nft.got").read_text()


def test_a_hook_that_dies_ends_with_0(unread):
    """The log has the line; what it has not done is left to the next event."""
    code = "import os, sys; from dualwan.supervisor import in_child; in_child('up', os.abort)"
    assert unread("-c", code) == 0


def test_a_wrong_configuration_fails_no_ifup(unread, tmp_path):
    """The command in a line of a stanza, `up dualwan-hook event ifup`."""
    environment = {"IFACE": "wan0", "PHASE": "post-up"}
    config = str(tmp_path / "dualwan.toml")
    state = {"DUALWAN_STATE": str(tmp_path), "DUALWAN_RUN": str(tmp_path)}
    arguments = ("-m", "dualwan.cli", "--config", config, "event", "ifup")
    assert unread(*arguments, **environment, **state) == 0


def test_what_closes_says_so_to_nobody(unread, tmp_path):
    """The command before ifup passes on what the program that closes says."""
    program = tmp_path / "close"
    program.write_text("#!/bin/sh\necho closed >&2\n")
    program.chmod(0o755)
    code = (
        "import sys; from dualwan import paths; from dualwan.host import closing\n"
        "paths.CLOSE = sys.argv[1]\n"
        "sys.exit(not closing.close('pre-up', 'wan0', ''))\n"
    )
    assert unread("-c", code, program) == 0
