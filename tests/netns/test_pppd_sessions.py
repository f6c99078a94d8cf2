"""P1, P2, P4, P5, L2: whose PPP session it is, and what is offered on it.

A session is known by /run/INTERFACE.pid and by what /proc says of that process.
"""

import re
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from line import CLIENT, CONFIG, OTHER_PPPOE, PPPOE, SERVERS, SHUT
from pppds import DIALS, ROUTE_IOCTL, PppLine
from sniffer import SYN_ACK

# No ifup here may dial, so these two say by the name of the peer which pppd is ours.
NAMED = CONFIG.replace("dial = false", 'dial = false\npeer = "dsl-provider"')
CHOSEN = NAMED.replace('["lan0"]\n', f'["lan0"]\nvia-pppoe = ["{CLIENT}"]\n')
FOREIGN = PPPOE  # in these tests the address of ppp0, which another pppd has
NOBODY = 65534


@pytest.fixture(name="make")
def _make(tmp_path):
    """Return a function that makes a line on which ppp0 is another pppd's."""
    lines = []

    def make(config=DIALS):
        line = PppLine(tmp_path, config=config)
        lines.append(line)
        line.pppd("ppp0", "call", "lte")
        line.apply()
        return line

    yield make
    for line in lines:
        with closing(line):
            pass


@pytest.fixture(name="open_folder")
def _open_folder():
    """Return a folder that every user can read."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def connect(line, device="ppp1"):
    """Let our session come up on DEVICE, with the event that pppd sends."""
    line.session(device, "far", OTHER_PPPOE)
    line.pppd(device, "nodetach", "call", "dsl-provider")
    event(line, "ppp-up", device, "dsl-provider")


def event(line, name, device, peer):
    """Let pppd's hook run; all that it may say is about the veth that stands for the tunnel."""
    done = line.hook("event", name, PPP_IFACE=device, CALL_FILE=peer)
    assert done.returncode == 0
    assert "mape0 (mape.tunnel) is there already" in done.stderr or done.stderr == ""


def answers(line, address, port=80):
    """Whether the router's server is reached from the internet by ADDRESS."""
    server = line.router.listen(port)
    try:
        client = line.internet.connect(address, port, timeout=SHUT)
    except TimeoutError:
        return False
    finally:
        server.close()
    client.close()
    return True


def test_nothing_is_offered_on_another_pppds_session(make):
    """P5: although it has the name of ours."""
    line = make()
    assert not answers(line, FOREIGN)
    assert line.internet.ping(FOREIGN, timeout=SHUT) == set()
    assert FOREIGN not in "".join(line.rules())
    assert "ppp0" not in "".join(line.routes())
    texts = "".join(line.texts().values())
    assert "ppp0" not in re.sub(r"elements = \{[^}]*\}", "", texts)  # counted as nobody's there


def test_our_session_works_whatever_its_unit_is(make):
    """P4: services, routing by source, and translation for chosen hosts, all on ppp1."""
    line = make(CHOSEN)
    line.hook("event", "ifup", IFACE="wan0")
    connect(line)
    server = line.router.listen(80)
    by_ours = line.internet.sniff("far")
    client = line.internet.connect(OTHER_PPPOE, 80)
    accepted, _ = server.accept()
    accepted.sendall(b"welcome")
    assert client.recv(7) == b"welcome"
    assert by_ours.segments(SYN_ACK, sport=80)
    outside = line.internet.udp(SERVERS[0], 5000)
    line.lan.udp().sendto(b"chosen", (SERVERS[0], 5000))
    assert outside.recvfrom(6)[1][0] == OTHER_PPPOE
    assert not answers(line, FOREIGN, 81)
    assert line.settled()


def test_the_status_names_who_has_what(make):
    """Before our session comes up, and after."""
    line = make()
    said = line.hook("status").stdout
    assert "PPPoE    ppp0 down, no address, peer dsl-provider" in said
    pid = line.processes["ppp0"].pid
    assert f"ppp0 (pppoe.interface) is another pppd's (process {pid}, peer lte)" in said
    connect(line)
    said = line.hook("status").stdout
    assert f"PPPoE    ppp1 up, {OTHER_PPPOE}, peer dsl-provider" in said
    assert "dsl-provider is on ppp1, not on ppp0" in said


def test_another_pppd_that_takes_our_name_later_gets_nothing(make):
    """Its ip-up is about our interface, so nothing is offered there from then on."""
    line = make()
    line.end("ppp0")
    line.session("ppp0", "ppp", FOREIGN)
    line.pppd("ppp0", "call", "dsl-provider")
    event(line, "ppp-up", "ppp0", "dsl-provider")
    assert answers(line, FOREIGN)
    line.end("ppp0")
    line.session("ppp0", "ppp", FOREIGN)
    line.pppd("ppp0", "nodetach", "file", "/etc/ppp/options.l2tpd", "ipparam", "203.0.113.1")
    event(line, "ppp-up", "ppp0", "")
    assert not answers(line, FOREIGN)
    assert FOREIGN not in "".join(line.rules())


def test_the_late_end_of_an_old_session_changes_nothing(make):
    """Its ip-down comes after the new session is up on another unit."""
    line = make()
    line.end("ppp0")
    line.session("ppp0", "ppp", FOREIGN)
    line.pppd("ppp0", "call", "dsl-provider")
    event(line, "ppp-up", "ppp0", "dsl-provider")
    line.end("ppp0")
    connect(line)
    before = (line.rules(), line.routes(), line.texts())
    event(line, "ppp-down", "ppp0", "dsl-provider")
    assert (line.rules(), line.routes(), line.texts()) == before
    assert answers(line, OTHER_PPPOE)


def test_of_two_sessions_of_our_peer_one_is_ended(make):
    """P2: the event of the second ends the one without an address; the other goes on."""
    line = make()
    connect(line)
    line.router.ip("link add ppp2 type veth peer name other\nlink set ppp2 up")
    second = line.pppd("ppp2", "call", "dsl-provider")
    event(line, "ppp-up", "ppp2", "dsl-provider")
    assert second.wait(10) == -15
    assert line.processes["ppp1"].poll() is None
    assert line.processes["ppp0"].poll() is None, "another peer's is not touched"


def test_ifdown_hangs_up_our_pppd_however_it_was_started(make):
    """The program poff would not find it: the command line does not begin with `pppd call`."""
    line = make()
    connect(line)
    done = line.hook("event", "ifdown", IFACE="wan0")
    assert done.returncode == 0
    assert line.processes["ppp1"].wait(10) == -15
    assert line.processes["ppp0"].poll() is None


@pytest.mark.parametrize("owner", [0, NOBODY])
def test_a_process_that_only_calls_itself_pppd_has_no_session(make, open_folder, owner):
    """L2: neither a user's own program of that name, nor another program of root."""
    line = make()
    program = open_folder / ("pppd" if owner else "other")
    program.write_bytes(line.program.read_bytes())
    program.chmod(0o755)
    line.session("ppp1", "far", OTHER_PPPOE)
    false = line.pppd("ppp1", "call", "dsl-provider", program=program, owner=owner)
    event(line, "ppp-up", "ppp1", "dsl-provider")
    assert not answers(line, OTHER_PPPOE)
    line.hook("event", "ifdown", IFACE="wan0")
    assert false.poll() is None


# --- the default route ---------------------------------------------------------------------------

LOOK = """
from dualwan.host import main_default
from dualwan.host.kernel import KernelHost
from dualwan.host.netlink_changes import NetlinkChanges
from dualwan.model.resources import MAIN, Route
import sys
asks, ours = NetlinkChanges(), Route(MAIN, "mape0")
for word in sys.argv[1:]:
    getattr(asks, f"{word}_route")(ours)
print(main_default.device())
"""


def ours(line, *words):
    """Remove or add our default route; return the device that main takes then."""
    done = line.python(LOOK, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == first(line)
    return done.stdout.strip()


def first(line):
    """Return the device by which the kernel sends to the internet."""
    return line.router.run("ip", "route", "get", SERVERS[0]).split(" dev ")[1].split()[0]


def by_ioctl(line, word, device):
    """Let pppd add or remove its default route."""
    done = line.python(ROUTE_IOCTL, word, device)
    assert done.returncode == 0, done.stderr


def test_of_two_default_routes_the_later_one_is_taken(bare):
    """P1: by ioctl pppd's goes before ours; removed and added, ours goes before pppd's again."""
    line = bare()
    line.router.ip("route del default dev mape0")
    assert ours(line, "add") == "mape0"
    by_ioctl(line, "add", "ppp0")
    assert ours(line) == "ppp0"
    assert ours(line, "remove", "add") == "mape0"
    assert len(line.router.run("ip", "route", "show", "default").splitlines()) == 2


def test_replacedefaultroute_takes_ours_and_what_it_restores_does_no_harm(bare):
    """It adds its own, removes ours whatever its protocol is, and adds it again in the end."""
    line = bare()
    line.router.ip("route del default dev mape0")
    ours(line, "add")
    for _ in range(3):
        by_ioctl(line, "add", "ppp0")
        by_ioctl(line, "del", "mape0")
        assert first(line) == "ppp0"
        assert ours(line, "remove", "add") == "mape0"
        by_ioctl(line, "del", "ppp0")
        by_ioctl(line, "add", "mape0")
        assert ours(line) == "mape0"
        assert len(line.router.run("ip", "route", "show", "default").splitlines()) == 2


def test_the_double_shows_another_programs_default_route_too(pair):
    """What it shows is what the kernel takes."""
    pair.line.router.ip("route add default dev lan0")
    pair.double.take_default("lan0")
    pair.compare("another program's default route")
