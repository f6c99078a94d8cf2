"""Lines for the tests, and the promise that the machine's own network stays as it is."""

import os
import platform
import socket
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hooked import Hooked
from line import CONFIG, OTHER_PPPOE, PPPOE, Line
from natlab import NatLine
from never_open import PORTS, links
from pair import Pair
from scenes import NEIGHBOUR, SECOND, SECOND_ROUTER, with_ipv6
from space import sweep

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.slices import snat

HAVE_DHCLIENT = ("bookworm", "trixie")
# Those that take long, or wait long. At the end one worker would be left with them, alone.
FIRST = (
    "test_your_lan.py",
    "test_double_random.py",
    "test_watch_mends.py",
    "test_scan.py",
    "test_benches.py",
)


def pytest_collection_modifyitems(config, items):
    """Let the dear tests begin first.

    Without those of a program that this release of Debian does not have.
    """
    if platform.freedesktop_os_release().get("VERSION_CODENAME") not in HAVE_DHCLIENT:
        gone = [item for item in items if "dhclient" in item.name]
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=lambda item: item.path.name not in FIRST)


def _of_ours():
    """Return what of ours is in the machine's own network, and whether it forwards."""

    def said(*argv):
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    return (
        [line for line in said("nft", "list", "tables").splitlines() if "dualwan" in line],
        said("ip", "rule", "show", "protocol", "217"),
        said("ip", "route", "show", "table", "all", "proto", "217"),
        Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        Path("/proc/sys/net/ipv6/conf/all/forwarding").read_text(),
    )


@pytest.fixture(scope="session", autouse=True)
def _machine_untouched():
    """Fail without root, and fail if the machine itself was changed."""
    if os.geteuid() != 0:
        pytest.exit(
            "tests/netns makes network namespaces and needs root: sudo make netns", returncode=1
        )
    sweep()
    before = _of_ours()
    yield
    assert _of_ours() == before, "the tests have changed the machine's own network"


@pytest.fixture(name="bare")
def _bare(tmp_path):
    """Return a function that makes a line, nothing applied yet."""
    with ExitStack() as lines:
        yield lambda **options: lines.enter_context(closing(Line(tmp_path, **options)))


@pytest.fixture(name="pairs")
def _pairs(bare):
    """Return a function that makes a router as it is after a boot, and its double.

    There is no device of the tunnel's name, which the kernel makes if it can, or there is a
    veth, which stays as it is.
    """
    with ExitStack() as made:

        def make(*, veth=False, text=CONFIG):
            line = bare(config=text)
            if not veth:
                line.router.run("ip", "link", "del", "mape0")
            pair = made.enter_context(closing(Pair(line, text)))
            pair.reset()
            assert pair.double.state.ipv6_default
            return pair

        yield make


@pytest.fixture(name="pair")
def _pair(pairs):
    """Return a router that nothing was done to, without a device of the tunnel's name."""
    return pairs()


@pytest.fixture(name="line")
def _line(bare):
    """Return a line whose router has every slice that matches by name."""
    made = bare()
    made.apply()
    return made


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


@pytest.fixture(name="lab")
def _lab(tmp_path):
    """Return a function that makes a line for many flows, with these slices, or translation."""
    with ExitStack() as lines:

        def make(*slices, **options):
            line = lines.enter_context(closing(NatLine(tmp_path, **options)))
            line.apply(*(slices or ("snat",)))
            return line

        yield make


@pytest.fixture(name="rules")
def _rules(tmp_path):
    """Return a function that makes a line for many flows, with the rules of the translation.

    They are loaded without the command, which takes longer than most tests of them.
    """
    with ExitStack() as lines:

        def make(**options):
            line = lines.enter_context(closing(NatLine(tmp_path, **options)))
            config = load(line.config)
            line.router.nft(snat.wanted_table(config, derive_line(config).ways).source())
            return line

        yield make


@pytest.fixture(name="made")
def _made(bare):
    """Return a function that makes a line with the given forwards, every slice applied."""

    def make(*forwards, config=CONFIG):
        line = bare(config=config + "".join(forwards))
        line.router.ip(f"""
            link add lan1 type veth peer name eth1 netns {line.lan.name}
            link set lan1 up
            address add {SECOND_ROUTER}/24 dev lan1
        """)
        line.lan.ip(f"""
            link set eth1 up
            address add {SECOND}/24 dev eth1
            address add {NEIGHBOUR}/24 dev eth0
        """)
        line.apply()
        return line

    return make
