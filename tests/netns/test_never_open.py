"""Never open: packets that the policy forbids, through all that can go wrong. None arrives.

Here the links come up as ifup has them: only after a hook before it that exits with 0.
"""

import fcntl
import os
import random
import shutil
import signal
import socket
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hooked import ABORTING, REFUSING, UNIMPORTABLE, Hooked
from line import CONFIG, OTHER_PPPOE, PPPOE, ROUTER, SHUT
from rain import Rain
from scenes import OUTSIDE6, reconnect, with_ipv6
from space import until

RELEASED = Path(__file__).parents[1] / "lab" / "dualwan-hook-0.1.0.tar.xz"
DEVICES = ("ppp0", "mape0", "wan0")
PORTS = (22, 80, 111, 139, 443, 445, 3306, 5432, 8081)
# So that there are answers to be missed.
BROKEN = {
    "no TOML": CONFIG.replace("[lan]", "[lan"),
    "an unknown key": CONFIG.replace("psid = 1", "psidd = 1"),
    "a value that is wrong": CONFIG.replace("psid = 1", "psid = 64"),
    "cut off": CONFIG[: CONFIG.index("[mape]") + 20],
}


@pytest.fixture(name="hooks")
def _hooks(bare):
    """Return the hooks of a router whose WANs are down, with something to find behind them."""
    line = bare()
    with_ipv6(line, "wan0", "wan")
    for space in (line.router, line.lan):
        for port in PORTS:
            space.listen(port, "::", socket.AF_INET6)
    for address in (PPPOE, OTHER_PPPOE):
        line.internet.run(
            "ip", "neigh", "replace", address, "lladdr", line.router.mac("ppp0"), "dev", "ppp"
        )
    links(line, "down")
    return Hooked(line)


def links(line, state, devices=DEVICES):
    """Let WANs go up, with their addresses and routes, or down."""
    for device in devices:
        line.router.run("ip", "link", "set", device, state)
    line.router.run("ip", "address", "flush", "dev", "ppp0")
    if state == "up":
        line.router.ip(f"""
            address replace {PPPOE}/32 dev ppp0
            route replace default dev mape0
            address replace 2001:db8:2::2/64 dev wan0 nodad
            route replace default via {OUTSIDE6} dev wan0
        """)


def ifup(hooks):
    """Bring the WANs up as ifup does; return whether they are, and what the hooks have said."""
    code, said = hooks.run("pre-up")
    if code == 0:
        links(hooks.line, "up")
        later, more = hooks.run("up")
        assert later == 0, more
        said += more
    return code == 0, said


def ifdown(hooks):
    """Take the WANs down as ifdown does."""
    for phase in ("down", "post-down"):
        code, said = hooks.run(phase)
        assert code == 0, said
        if phase == "down":
            links(hooks.line, "down")


def is_static(line):
    """Whether the table is loaded that needs no configuration."""
    return "chain closed" in line.router.run(
        "nft", "list", "table", "inet", "dualwan_firewall", check=False
    )


def falls(rain):
    """Wait until it has rained on what is up for a moment."""
    before = rain.sent
    assert until(lambda: rain.sent > before + 1000)


def lan_reaches(line, address=ROUTER, port=22):
    """Whether the LAN reaches a service of the router."""
    with suppress(OSError):
        line.lan.connect(address, port, timeout=SHUT).close()
        return True
    return False


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


# --- a package, a kernel or a library that is broken ---------------------------------------------


@pytest.mark.parametrize("text", [CONFIG, BROKEN["no TOML"]])
def test_a_package_that_cannot_be_imported(hooks, text):
    """Closed by nft(8) alone; the interfaces of others come up as if we were not there."""
    line = hooks.line
    line.config.write_text(text)
    hooks.install(UNIMPORTABLE)
    assert hooks.run("pre-up", "lan0") == (0, "")
    assert hooks.run("pre-up", "eth9") == (0, "")
    assert line.tables() == []
    with Rain(line) as rain:
        assert ifup(hooks)[0]
        assert is_static(line)
        falls(rain)
        assert lan_reaches(line)
        hooks.install()  # the upgrade is done
        line.config.write_text(CONFIG)
        assert hooks.run("up")[0] == 0
        assert not is_static(line)
        falls(rain)
        assert rain.let_in() == (0, 0)


@pytest.mark.parametrize("prologue", ["importable", "unimportable"])
@pytest.mark.parametrize("nft", ["refusing", "aborting"])
def test_a_kernel_without_nft_keeps_the_wan_down(hooks, prologue, nft):
    """The modules went with an upgrade of the kernel: nothing can be closed, so nothing comes up.

    The LAN's interface does. After a reboot all is well.
    """
    line = hooks.line
    hooks.use_nft(nft)
    more = {"refusing": REFUSING, "aborting": ABORTING}[nft]
    hooks.install(*((UNIMPORTABLE,) if prologue == "unimportable" else ()), more="")
    if prologue == "importable":
        hooks.install(more=more)
    with Rain(line) as rain:
        is_up, said = ifup(hooks)
        assert not is_up
        assert "the machine cannot be closed" in said
        assert hooks.run("pre-up", "lan0") == (0, "")
        assert line.tables() == []
        hooks.use_nft("well")
        hooks.install()
        assert ifup(hooks)[0]
        falls(rain)
        assert rain.let_in() == (0, 0)


@pytest.mark.parametrize(("more", "words"), [(ABORTING, "SIGABRT"), (REFUSING, "not supported")])
def test_a_library_that_dies_does_not_die_silently(hooks, more, words):
    """The smallest table closes the machine where nft(8) still works; the log has a line."""
    line = hooks.line
    hooks.install(more=more)
    with Rain(line) as rain:
        is_up, said = ifup(hooks)
        assert is_up
        assert words in said
        assert is_static(line)
        falls(rain)
        hooks.install()
        assert hooks.run("up")[0] == 0
        assert not is_static(line)
        hooks.install(more=more)  # with a firewall that stands
        for phase in ("up", "pre-up"):
            assert hooks.run(phase)[0] == 0
        assert not is_static(line)
        falls(rain)
        assert rain.let_in() == (0, 0)


# --- kill -9 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("whom", ["all of it", "its child"])
def test_kill_at_any_moment(hooks, seed, whom):
    """Hooks and commands are killed after 0 to 0.4 s; the next ones find their way."""
    line, dice = hooks.line, random.Random(seed)  # noqa: S311 - moments, no secrets
    more = 'inbound = ["ssh", "smtp", "http", "https"]\n'
    with Rain(line) as rain:
        for _ in range(3):
            for phase in ("pre-up", "up", "up", "down", "post-down"):
                line.config.write_text(
                    CONFIG + (f"[firewall]\n{more}" if dice.random() < 0.5 else "")
                )
                code = killed(hooks.start(phase), dice.random() * 0.4, whom)
                if phase == "pre-up" and code != 0:  # ifup has given up, and somebody tries again
                    assert ifup(hooks)[0]
                elif phase == "pre-up":
                    links(line, "up")
                elif phase == "down":
                    links(line, "down")
            assert ifup(hooks)[0]
            falls(rain)
            ifdown(hooks)
            assert line.tables() == []
            assert rain.let_in() == (0, 0)
    assert rain.sent > 10000


def killed(process, seconds, whom):
    """Kill a hook after ``seconds``, or its child; return the exit code of the hook."""
    with process:
        with suppress(Exception):
            process.wait(seconds)
        if process.poll() is None:
            if whom == "all of it":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                for child in children(process.pid):
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
        process.stderr.read()
    return process.returncode


def children(pid):
    """Return the children of a process."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


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
