"""Never open: packets that the policy forbids, through wrong configurations and an upgrade.

None arrives. Links come up as ifup has them: only after a hook before it that exits with 0.
"""

import fcntl
import shutil
import socket
import sys
import termios
import time
from pathlib import Path

import pytest
from line import CONFIG, OTHER_PPPOE, SHUT
from never_open import BROKEN, falls, ifdown, ifup, is_static, lan_reaches, links
from rain import Rain
from scenes import OUTSIDE6, reconnect
from space import until

RELEASED = Path(__file__).parents[1] / "lab" / "dualwan-hook-0.1.0.tar.xz"


# --- a configuration that is wrong ---------------------------------------------------------------


@pytest.mark.parametrize("fault", BROKEN)
def test_a_wrong_configuration_of_a_new_router(hooks, fault):
    """It comes up closed, and its LAN reaches it; once it is mended, the firewall takes over."""
    line = hooks.line
    line.config.write_text(BROKEN[fault])
    with Rain(line) as rain:
        is_up, said = ifup(hooks)
        assert is_up
        assert f"{line.config}:" in said
        assert is_static(line)
        falls(rain)
        assert lan_reaches(line)
        assert lan_reaches(line, "2001:db8:1::1")
        line.config.write_text(CONFIG)
        line.apply("firewall")
        assert not is_static(line)
        falls(rain)
        line.apply()
        assert line.settled()
        falls(rain)
        assert rain.let_in() == (0, 0)
        assert until(lambda: rain.let_in("good")[0] > 0)
        ifdown(hooks)
        assert line.tables() == []
        assert rain.let_in() == (0, 0)


def test_the_line_itself_works_while_it_is_closed(hooks):
    """Neighbour discovery and the answers to what the LAN has begun; and the LAN's own IPv6."""
    line = hooks.line
    line.config.write_text(BROKEN["no TOML"])
    assert ifup(hooks)[0]
    line.router.run("ip", "neigh", "flush", "dev", "wan0")
    server = line.internet.listen(7000, "::", socket.AF_INET6)
    line.lan.connect(OUTSIDE6, 7000).close()
    server.accept()[0].close()
    with pytest.raises(TimeoutError):
        line.lan.connect("198.51.100.1", 7000, timeout=SHUT)  # it would leave untranslated
    with pytest.raises(TimeoutError):
        line.internet.connect("2001:db8:1::10", 445, timeout=SHUT)
    with pytest.raises(TimeoutError):
        line.router.connect(OUTSIDE6, 7000, timeout=SHUT)  # the policy is not known


def test_a_flow_that_began_outside_ends_when_it_closes(hooks):
    """It came while there was no table and something else tracked flows; the LAN's own go on."""
    line = hooks.line
    links(line, "up")
    line.router.nft(
        "table inet open { chain c { type filter hook forward priority 0; ct mark 1; }; }"
    )
    inwards = line.internet.connect("2001:db8:1::10", 445)
    server = line.internet.listen(7000, "::", socket.AF_INET6)
    outwards = line.lan.connect(OUTSIDE6, 7000)
    answers = server.accept()[0]
    line.config.write_text(BROKEN["no TOML"])
    assert hooks.run("pre-up")[0] == 0
    assert is_static(line)
    outwards.sendall(b"still")
    assert answers.recv(5) == b"still"
    answers.sendall(b"there")
    assert outwards.recv(5) == b"there"
    inwards.sendall(b"more")
    time.sleep(SHUT)
    assert unacknowledged(inwards) == 4


def unacknowledged(connection):
    """Return how many bytes of a connection the other end has not acknowledged (tcp(7))."""
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def test_down_removes_the_table_that_closes(hooks):
    """It needs no configuration, and leaves nothing."""
    line = hooks.line
    line.config.write_text(BROKEN["no TOML"])
    assert ifup(hooks)[0]
    assert is_static(line)
    links(line, "down")
    done = line.hook("down")
    assert done.returncode == 0, done.stderr
    assert line.leftovers() == []


@pytest.mark.parametrize("fault", BROKEN)
def test_a_wrong_configuration_of_a_router_in_use(hooks, fault):
    """The one that was applied last is in use, through ifdown, ifup and a reconnect."""
    line = hooks.line
    hooks.keep()
    with Rain(line) as rain:
        assert ifup(hooks)[0]
        whole = line.texts()
        line.config.write_text(BROKEN[fault])
        for _ in range(2):
            ifdown(hooks)
            is_up, said = ifup(hooks)
            assert is_up
            assert f"{line.config}:" in said
            assert "the configuration applied last" in said
            assert line.texts() == whole
            falls(rain)
            reconnect(line, OTHER_PPPOE, router=False)
            falls(rain)
        assert rain.let_in() == (0, 0)


# --- an upgrade ----------------------------------------------------------------------------------


def test_an_upgrade_from_the_released_version(hooks, tmp_path):
    """Its table is replaced under the rain, by an event and by hand."""
    line = hooks.line
    shutil.unpack_archive(RELEASED, tmp_path)  # a bare machine has no xz(1)
    old = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path / 'src')!r})\n"
        "from dualwan.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with Rain(line) as rain:
        for new in ("event", "apply"):
            done = line.python(old, "--slice", "firewall", "--slice", "snat", "--slice", "pbr")
            assert done.returncode == 0, done.stderr
            links(line, "up")
            falls(rain)
            if new == "event":
                assert hooks.run("up")[0] == 0
            else:
                line.apply()
            assert line.settled()
            falls(rain)
            assert rain.let_in() == (0, 0)
            links(line, "down")
            assert line.hook("down").returncode == 0
            assert line.leftovers() == []


def test_removal_of_a_router_that_forwards_says_so(hooks):
    """`down` opens it while its WAN is up, as asked; the person hears of it."""
    line = hooks.line
    assert ifup(hooks)[0]
    done = line.hook("down")
    assert done.returncode == 0
    assert "wan0" in done.stdout
    assert "the LAN is open to the internet" in done.stdout
    links(line, "down")
    assert ifup(hooks)[0]
    ifdown(hooks)
    assert "open" not in line.hook("down").stdout
