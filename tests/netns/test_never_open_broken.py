"""Never open: a package, a kernel or a library that is broken, and kill -9 at any moment."""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from hooked import ABORTING, REFUSING, UNIMPORTABLE
from line import CLIENT, CONFIG, SHUT
from never_open import BROKEN, falls, ifdown, ifup, is_static, lan_reaches, links
from rain import Rain


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


@pytest.mark.parametrize("text", [CONFIG, BROKEN["an unknown key"]])
def test_an_interface_that_no_section_names_is_closed_too(hooks, text):
    """Neither the router nor the LAN is reached from it; what they begin there is answered."""
    line = hooks.line
    line.router.ip(f"""
        link add guest0 type veth peer name guest netns {line.internet.name}
        link set guest0 up
        address add 10.0.0.1/24 dev guest0
    """)
    line.internet.ip("""
        address add 10.0.0.2/24 dev guest
        link set guest up
        route add 192.168.1.0/24 via 10.0.0.1
    """)
    line.config.write_text(text)
    hooks.install(UNIMPORTABLE)
    assert hooks.run("pre-up")[0] == 0
    assert is_static(line)
    for address in ("10.0.0.1", CLIENT):
        with pytest.raises(TimeoutError):
            line.internet.connect(address, 443, timeout=SHUT)
    line.internet.listen(7000)
    for space in (line.lan, line.router):
        space.connect("10.0.0.2", 7000)
    assert lan_reaches(line)
    line.open()
    for address in ("10.0.0.1", CLIENT):
        line.internet.connect(address, 443)


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
