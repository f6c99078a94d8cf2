"""The SSH session of the command, by a real connection and the process's ancestors."""

import socket
import subprocess
from contextlib import closing

import pytest
from line import CLIENT, PPPOE, ROUTER, SERVERS

# sudo takes the variable out of the environment; the shell that has started it still has it.
WITHOUT = 'env -u SSH_CONNECTION "$@"; exit $?'


def said(line, space, ends, *argv):
    """Return what the command says of its session from ``space`` with ``ends``."""
    source, target, port = ends
    with (
        closing(line.router.listen(port)),
        closing(space.open_socket(socket.AF_INET, socket.SOCK_STREAM)) as client,
    ):
        client.bind((source, 0))
        client.connect((target, port))
        variable = f"{source} {client.getsockname()[1]} {target} {port}"
        command = line.command(*argv)
        entering, inside = command[:2], command[2:]
        done = subprocess.run(
            [*entering, "sh", "-c", WITHOUT, "sh", *inside],
            check=False,
            capture_output=True,
            text=True,
            env=line.environment(SSH_CONNECTION=variable),
        )
    return [one for one in (done.stdout + done.stderr).splitlines() if "SSH session" in one]


@pytest.mark.parametrize("argv", [["--dry-run"], ["--slice", "firewall"]])
def test_a_session_by_a_port_that_is_not_offered_is_warned(bare, argv):
    """By PPPoE, before the firewall is loaded; through the shell that sudo was called from."""
    line = bare()
    line.router.ip("rule add from 203.0.113.7 lookup 99\nroute add default dev ppp0 table 99")
    found = said(line, line.internet, (SERVERS[0], PPPOE, 2222), *argv)
    assert len(found) == 1
    assert "tcp/2222 is not offered by ppp0" in found[0]


def test_a_session_that_may_go_on_is_not(bare):
    """By PPPoE to a port that is offered, and from the LAN."""
    line = bare()
    line.router.ip("rule add from 203.0.113.7 lookup 99\nroute add default dev ppp0 table 99")
    assert said(line, line.internet, (SERVERS[0], PPPOE, 22), "--dry-run") == []
    assert said(line, line.lan, (CLIENT, ROUTER, 2222), "--dry-run") == []
